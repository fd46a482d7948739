"""A load on a team's server: callers through nginx on two replicas and PostgreSQL, while parts of it go and come back.

    make bench-team-load ARGS="--seconds 600"

Everything runs on this machine, the callers too. After a third of the time one replica is killed (SIGKILL) and started
again, after two thirds PostgreSQL is restarted. A call is lost when its answer is not one that the tools give.
"""

from __future__ import annotations

import argparse
import asyncio
import os
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
from benchmarks.team_callers import ANSWERED, LEGACY, MIX, MODERN, Call, Caller, Wire
from team.stage import Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import Sequence

_READ_WHOLE = 600.0  # seconds that the first pass may take
_DOWN = 1.0  # seconds that a replica stays away
_EACH = 0.25  # seconds between two looks at the processes


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
    """

    callers: int = 200
    seconds: float = 600.0
    rate: float = 40.0
    contacts: int = 10_000
    delay: float = 0.04
    calm: bool = False


@dataclass(slots=True)
class SeenIds:
    """What came of it: the calls, and what each server process took.

    That is CPU seconds, MiB of memory at most, and connections to PostgreSQL at most. The CPU seconds of PostgreSQL are
    known where it was not restarted.
    """

    calls: list[Call] = field(default_factory=list)
    cpu: dict[int, float] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    connections: dict[int, int] = field(default_factory=dict)
    events: list[tuple[float, str]] = field(default_factory=list)
    database_cpu: float | None = None

    @property
    def lost(self) -> list[Call]:
        """The calls that no tool answered."""
        return [call for call in self.calls if call.lost]

    @property
    def refused(self) -> Counter[tuple[str, str]]:
        """How often which tool told which error."""
        return Counter((call.tool, call.outcome) for call in self.calls if not call.lost and call.outcome != ANSWERED)


def measure(plan: Plan, folder: Path) -> SeenIds:
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


async def _run(plan: Plan, stage: Stage, keys: Sequence[str]) -> SeenIds:
    tls = ssl.create_default_context(cafile=stage.certificate)
    wires = [Wire(stage.url, key, (LEGACY, MODERN)[each % 2], tls) for each, key in enumerate(keys)]
    await _read_whole(wires[0])
    seen = SeenIds()
    database_cpu = _cpu_of_all(stage.cluster.pid)
    start = time.monotonic()
    pause = plan.callers / plan.rate if plan.rate else 0.0
    callers = [Caller(wire, seed=each, contacts=plan.contacts, pause=pause) for each, wire in enumerate(wires)]
    watching = asyncio.create_task(_watch(stage, seen))
    async with asyncio.TaskGroup() as tasks:
        for caller in callers:
            tasks.create_task(caller.work(start + plan.seconds, seen.calls))
        if not plan.calm:
            tasks.create_task(_disturb(plan, stage, seen, start))
    watching.cancel()
    if plan.calm:  # a server that was restarted has forgotten what the one before it took
        seen.database_cpu = _cpu_of_all(stage.cluster.pid) - database_cpu
    return seen


async def _read_whole(wire: Wire) -> None:
    """Search until the mirror is whole, so that what is measured is the ordinary day."""
    end = time.monotonic() + _READ_WHOLE
    whole = False
    while not whole:
        result = await wire.call("search_contacts", {"query": "Priya"})
        whole = result.get("structuredContent", {}).get("complete", False)
        assert time.monotonic() < end, "the mirror does not become whole"
        await asyncio.sleep(0 if whole else _EACH)


async def _disturb(plan: Plan, stage: Stage, seen: SeenIds, start: float) -> None:
    async def at(part: float, what: str) -> None:
        await asyncio.sleep(start + plan.seconds * part - time.monotonic())
        seen.events.append((time.monotonic(), what))

    first = stage.replicas[0]
    await at(1 / 3, "a replica is killed")
    first.kill()
    await asyncio.sleep(_DOWN)
    await asyncio.to_thread(first.start)
    seen.events.append((time.monotonic(), "it is back"))
    await at(2 / 3, "PostgreSQL is stopped")
    await asyncio.to_thread(stage.cluster.stop)
    await asyncio.sleep(_DOWN)
    await asyncio.to_thread(stage.cluster.start)
    seen.events.append((time.monotonic(), "PostgreSQL is back"))


async def _watch(stage: Stage, seen: SeenIds) -> None:
    begun = {replica.pid: _cpu(replica.pid) for replica in stage.replicas}
    while True:
        for pid in [replica.pid for replica in stage.replicas]:
            with suppress(FileNotFoundError):  # it was killed
                seen.cpu[pid] = _cpu(pid) - begun.get(pid, 0.0)
                seen.memory[pid] = max(seen.memory.get(pid, 0.0), _memory(pid))
                seen.connections[pid] = max(seen.connections.get(pid, 0), _connections(pid, stage.cluster.port))
        await asyncio.sleep(_EACH)


def _cpu(pid: int, *, ended_children: bool = False) -> float:
    """CPU seconds of a process, and where it is asked for those of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if ended_children else 13])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_all(pid: int) -> float:
    """CPU seconds of a process and of all its children."""
    living = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return _cpu(pid, ended_children=True) + sum(_cpu(int(child)) for child in living)


def _memory(pid: int) -> float:
    """MiB that a process has in memory; 0 once it is dead."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024 if "VmRSS:" in status else 0.0


def _connections(pid: int, port: int) -> int:
    """How many connections a process has to a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if int(row[2].partition(":")[2], 16) == port}
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += str(descriptor.readlink()) in sockets
    return count


def report(plan: Plan, seen: SeenIds) -> str:
    """What was seen, in lines."""
    cpu = sum(seen.cpu.values())
    lines = [
        f"{plan.callers} callers, {plan.seconds:g} s, {plan.contacts} contacts, TeleCMI {plan.delay * 1000:g} ms away, "
        + (f"{plan.rate:g} calls/s wanted" if plan.rate else "as fast as they are answered"),
        f"{len(seen.calls)} calls, {len(seen.calls) / plan.seconds:.1f}/s, {len(seen.lost)} lost",
        *(f"  {tool:16} {_quantiles([call for call in seen.calls if call.tool == tool])}" for tool, _ in MIX),
        *(f"  {count} x {tool}: {outcome}" for (tool, outcome), count in seen.refused.most_common()),
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
    """Measure and print; the exit code is 1 where a call was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    defaults = Plan()
    parser.add_argument("--callers", type=int, default=defaults.callers)
    parser.add_argument("--seconds", type=float, default=defaults.seconds)
    parser.add_argument("--rate", type=float, default=defaults.rate, help="calls a second of all; 0 for no pauses")
    parser.add_argument("--contacts", type=int, default=defaults.contacts)
    parser.add_argument("--delay", type=float, default=defaults.delay, help="seconds of a round trip to TeleCMI")
    parser.add_argument("--calm", action="store_true", help="kill nothing")
    plan = Plan(**vars(parser.parse_args(argv)))
    with tempfile.TemporaryDirectory() as folder:
        seen = measure(plan, Path(folder))
    print(report(plan, seen))
    return 1 if seen.lost else 0


if __name__ == "__main__":
    sys.exit(main())
