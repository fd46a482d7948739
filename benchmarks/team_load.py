"""A load on a team server: callers through nginx on two replicas and PostgreSQL, while parts of it go and come back.

    make bench-team-load ARGS="--seconds 600"
    make bench-team-load ARGS="--hostile --answers 50000 --rate 0"

Everything runs on this machine, the callers too. After a third of the time one replica is killed (SIGKILL) and started
again, after two thirds PostgreSQL is restarted. A call is lost when its answer is not one that the tools give.

With ``--hostile`` the callers have sign-ins of several accounts, TeleCMI misbehaves (benchmarks/team_hostile.py), some
callers misbehave too (benchmarks/team_misbehaving.py), and each answer of the others is checked
(benchmarks/team_checking.py).
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.book import token
from benchmarks.standin import standing_in
from benchmarks.team_callers import ANSWERED, LEGACY, MIX, MODERN, Call, Caller, Lost, Wire
from benchmarks.team_processes import connections, cpu, cpu_of_all, memory
from team.stage import Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

_FIRST_SYNC_TIMEOUT_S = 600.0
_DOWN_S = 1.0  # that a replica stays away
_POLL_S = 0.25  # between two looks at the processes
_HEALING_TIMEOUT_S = 120.0  # after the load, on a machine that is busy with other things
_HEALED_SEARCHES = 12
_SHOWN = 12  # sentences in a report


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried.

    Attributes:
        callers: How many callers there are, each with a key.
        seconds: How long they call.
        rate: Calls a second of all together; 0 for as fast as they are answered.
        contacts: How many contacts TeleCMI has.
        delay: Seconds of a round trip to TeleCMI.
        calm: Whether nothing is killed.
        hostile: Whether TeleCMI and some of the callers misbehave.
        accounts: How many accounts the callers of a hostile load have together.
        timeout: Seconds that the server of a hostile load gives a call.
    """

    callers: int = 200
    seconds: float = 600.0
    rate: float = 40.0
    contacts: int = 10_000
    delay: float = 0.04
    calm: bool = False
    hostile: bool = False
    accounts: int = 8
    timeout: float = 10.0

    @property
    def pause(self) -> float:
        """Seconds that a caller waits between two calls, on average."""
        return self.callers / self.rate if self.rate else 0.0


@dataclass(slots=True)
class LoadResult:
    """The calls, and what each server process took.

    Attributes:
        calls: The calls, in the order in which they ended.
        cpu: CPU seconds of each process.
        memory: MiB of memory of each process at most.
        connections: Connections to PostgreSQL of each process at most.
        events: What was stopped and started, and when by ``time.monotonic``.
        is_healed: Whether searches were answered again after the load, by all replicas.
        database_cpu: CPU seconds of PostgreSQL, where it was not restarted.
    """

    calls: list[Call] = field(default_factory=list)
    cpu: dict[int, float] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    connections: dict[int, int] = field(default_factory=dict)
    events: list[tuple[float, str]] = field(default_factory=list)
    is_healed: bool = False
    database_cpu: float | None = None

    @property
    def lost(self) -> list[Call]:
        """The calls that no tool answered."""
        return [call for call in self.calls if call.lost]

    @property
    def refused(self) -> Counter[tuple[str, str]]:
        """How often which tool told which error."""
        return Counter((call.tool, call.outcome) for call in self.calls if not call.lost and call.outcome != ANSWERED)


def measure(plan: Plan, folder: Path) -> LoadResult:
    """Build the stage, run the callers against it, and return what they saw."""
    with standing_in("--contacts", str(plan.contacts), "--delay", str(plan.delay)) as port:
        variables = {
            "TELECMI_BASE_URL": f"http://127.0.0.1:{port}",
            "TELECMI_TOKEN": token(plan.contacts),
            "TELECMI_AUDIT": "stdout",
        }
        with open_stage(folder, **variables) as stage:
            keys = stage.keys(f"caller-{each}" for each in range(plan.callers))
            return asyncio.run(_run(plan, stage, keys))


async def _run(plan: Plan, stage: Stage, keys: Sequence[str]) -> LoadResult:
    wires = open_wires(stage, keys)
    await read_whole(wires[0])
    callers = [Caller(wire, seed=each, contacts=plan.contacts, pause=plan.pause) for each, wire in enumerate(wires)]
    return await run_callers(plan, stage, callers)


def open_wires(stage: Stage, keys: Sequence[str]) -> list[Wire]:
    """Return a connection for each key; every second one speaks the newer protocol generation."""
    tls = ssl.create_default_context(cafile=stage.certificate)
    return [Wire(stage.url, key, (LEGACY, MODERN)[each % 2], tls) for each, key in enumerate(keys)]


async def run_callers(plan: Plan, stage: Stage, callers: Sequence[Caller], *others: Awaitable[None]) -> LoadResult:
    """Let callers call for the time of the plan, with others beside them whose calls are not measured."""
    seen = LoadResult()
    database_cpu = cpu_of_all(stage.cluster.pid)
    start = time.monotonic()
    watching = asyncio.create_task(_watch(stage, seen))
    async with asyncio.TaskGroup() as tasks:
        for caller in callers:
            tasks.create_task(caller.work(start + plan.seconds, seen.calls))
        for other in others:
            tasks.create_task(_wait_for(other))
        if not plan.calm:
            tasks.create_task(_disturb(plan, stage, seen, start))
    watching.cancel()
    seen.is_healed = await _is_healed(callers[0].wire)
    if plan.calm:  # a server that was restarted has forgotten what the one before it took
        seen.database_cpu = cpu_of_all(stage.cluster.pid) - database_cpu
    return seen


async def _wait_for(other: Awaitable[None]) -> None:
    await other


async def read_whole(wire: Wire) -> None:
    """Search until the index is whole, so that what is measured is the ordinary day."""
    end = time.monotonic() + _FIRST_SYNC_TIMEOUT_S
    whole = False
    while not whole:
        result = await wire.call("search_contacts", {"query": "Priya"})
        whole = result.get("structuredContent", {}).get("complete", False)
        assert time.monotonic() < end, "the index does not become whole"
        await asyncio.sleep(0 if whole else _POLL_S)


async def _is_healed(wire: Wire) -> bool:
    """Search until so many searches in a row are answered that both replicas took part; False after a while."""
    answered = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_HEALING_TIMEOUT_S):
            while answered < _HEALED_SEARCHES:
                try:
                    result = await wire.call("search_contacts", {"query": "Priya"})
                except Lost:
                    result = {"isError": True}
                answered = 0 if result.get("isError") else answered + 1
    wire.close()
    return answered == _HEALED_SEARCHES


async def _disturb(plan: Plan, stage: Stage, seen: LoadResult, start: float) -> None:
    async def at(part: float, what: str) -> None:
        await asyncio.sleep(start + plan.seconds * part - time.monotonic())
        seen.events.append((time.monotonic(), what))

    first = stage.replicas[0]
    await at(1 / 3, "a replica is killed")
    first.kill()
    await asyncio.sleep(_DOWN_S)
    await asyncio.to_thread(first.start)
    seen.events.append((time.monotonic(), "it is back"))
    await at(2 / 3, "PostgreSQL is stopped")
    await asyncio.to_thread(stage.cluster.stop)
    await asyncio.sleep(_DOWN_S)
    await asyncio.to_thread(stage.cluster.start)
    seen.events.append((time.monotonic(), "PostgreSQL is back"))


async def _watch(stage: Stage, seen: LoadResult) -> None:
    begun = {replica.pid: cpu(replica.pid) for replica in stage.replicas}
    while True:
        for pid in [replica.pid for replica in stage.replicas]:
            with suppress(FileNotFoundError):  # it was killed
                seen.cpu[pid] = cpu(pid) - begun.get(pid, 0.0)
                seen.memory[pid] = max(seen.memory.get(pid, 0.0), memory(pid))
                seen.connections[pid] = max(seen.connections.get(pid, 0), connections(pid, stage.cluster.port))
        await asyncio.sleep(_POLL_S)


def report(plan: Plan, seen: LoadResult) -> str:
    """What was seen, in lines."""
    cpu = sum(seen.cpu.values())
    lines = [
        f"{plan.callers} callers, {plan.seconds:g} s, {plan.contacts} contacts, TeleCMI {plan.delay * 1000:g} ms away, "
        + (f"{plan.rate:g} calls/s wanted" if plan.rate else "as fast as they are answered"),
        f"{len(seen.calls)} calls, {len(seen.calls) / plan.seconds:.1f}/s, {len(seen.lost)} lost",
        *(f"  {tool:16} {_quantiles([call for call in seen.calls if call.tool == tool])}" for tool, _ in MIX),
        *(f"  {count} x {tool}: {outcome}" for (tool, outcome), count in seen.refused.most_common(_SHOWN)),
        *(f"  LOST {count} x {outcome}" for outcome, count in Counter(call.outcome for call in seen.lost).items()),
        f"replicas: {cpu:.1f} CPU seconds, {cpu / max(1, len(seen.calls)) * 1000:.2f} ms a call",
        f"largest memory of each process: {', '.join(f'{size:.0f} MiB' for size in seen.memory.values())}",
        f"most connections to PostgreSQL of each: {', '.join(map(str, seen.connections.values()))}",
    ]
    if seen.database_cpu is not None:
        per_call = seen.database_cpu / max(1, len(seen.calls)) * 1000
        lines.append(f"PostgreSQL: {seen.database_cpu:.1f} CPU seconds, {per_call:.2f} ms a call")
    return "\n".join(lines)


def _quantiles(calls: Sequence[Call]) -> str:
    times = sorted(call.seconds * 1000 for call in calls)
    if len(times) < 2:  # noqa: PLR2004 - quantiles take two
        return "too few"
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return (
        f"{len(times):6} calls  p50 {cuts[49]:6.1f}  p95 {cuts[94]:6.1f}  p99 {cuts[98]:6.1f}  max {times[-1]:7.1f} ms"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 1 where a call was lost or an answer is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    defaults = Plan()
    parser.add_argument("--callers", type=int, default=defaults.callers)
    parser.add_argument("--seconds", type=float, default=defaults.seconds)
    parser.add_argument("--rate", type=float, default=defaults.rate, help="calls a second of all; 0 for no pauses")
    parser.add_argument("--contacts", type=int, default=defaults.contacts)
    parser.add_argument("--delay", type=float, default=defaults.delay, help="seconds of a round trip to TeleCMI")
    parser.add_argument("--calm", action="store_true", help="kill nothing")
    parser.add_argument("--hostile", action="store_true", help="TeleCMI and some callers misbehave")
    parser.add_argument("--accounts", type=int, default=defaults.accounts, help="of a hostile load")
    parser.add_argument("--timeout", type=float, default=defaults.timeout, help="seconds of a call of a hostile load")
    plan = Plan(**vars(parser.parse_args(argv)))
    with tempfile.TemporaryDirectory() as folder:
        return (_main_hostile if plan.hostile else _main)(plan, Path(folder))


def _main(plan: Plan, folder: Path) -> int:
    seen = measure(plan, folder)
    print(report(plan, seen))
    return 1 if seen.lost else 0


def _main_hostile(plan: Plan, folder: Path) -> int:
    from benchmarks.team_hostile_load import measure_hostile, report_hostile

    seen = measure_hostile(plan, folder)
    print(report_hostile(plan, seen))
    return 1 if seen.load.lost or seen.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
