"""What a call over HTTP costs a server, beside the official SDK's server for the same job: ``make bench-http``.

Both servers run at the same time before the same stand-in for TeleCMI, each in an environment of its own, and are
called in turns over 16 kept connections. The SDK's has plain JSON, no sessions and one shared httpx2 client; ours
writes its audit.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.book import contact_id, token
from benchmarks.environments import OURS, SOURCES, A, all_peers, make_official, python, surroundings
from benchmarks.standin import HOST, standing_in
from benchmarks.table import number, table
from benchmarks.team_callers import LEGACY, MODERN, Wire
from benchmarks.team_processes import cpu, memory
from team.ports import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONTACTS = 1000
CONNECTIONS = 16
_CALLS = {"get_contact": 1600, "list_contacts": 640}
_WARM_UP = 160
_MAX_SHARE = 0.7
_MS = 1000


class Work(NamedTuple):
    """A kind of call: its tool and the version of the protocol."""

    tool: str
    version: str


class Cost(NamedTuple):
    """What the calls of one turn cost: CPU milliseconds for each, and calls a second."""

    cpu_ms: float
    rate: float


WORKS = [Work(tool, version) for tool in _CALLS for version in (LEGACY, MODERN)]


class Server(NamedTuple):
    """A server process."""

    name: str
    pid: int
    port: int

    def measure(self, work: Work, calls: int) -> Cost:
        """Call it so many times."""
        started_at, cpu_before = time.perf_counter(), cpu(self.pid)
        asyncio.run(_call_at_once(f"http://{HOST}:{self.port}/mcp", work, calls))
        seconds = time.perf_counter() - started_at
        return Cost((cpu(self.pid) - cpu_before) / calls * _MS, calls / seconds)


async def _call_at_once(url: str, work: Work, calls: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        for first in range(CONNECTIONS):
            tasks.create_task(_call_in_a_row(url, work, range(first, calls, CONNECTIONS)))


async def _call_in_a_row(url: str, work: Work, places: range) -> None:
    wire = Wire(url, "", work.version, None)
    for place in places:
        arguments = {"contact_id": contact_id(place % CONTACTS)} if work.tool == "get_contact" else {"limit": 100}
        result = await wire.call(work.tool, arguments)
        assert not result.get("isError"), result
    wire.close()


@contextmanager
def running(name: str, words: Sequence[str], port: int, log: Path, **variables: str) -> Iterator[Server]:
    """Run a server process."""
    with log.open("ab") as errors:
        process = subprocess.Popen(words, env=surroundings(**variables), stdout=errors, stderr=errors)
    try:
        wait_for(port, process)
        yield Server(name, process.pid, port)
    finally:
        process.kill()
        process.wait()


@contextmanager
def both(ours: Sequence[str]) -> Iterator[list[Server]]:
    """Run both servers before one stand-in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        telecmi = stack.enter_context(standing_in("--contacts", str(CONTACTS)))
        variables = {"TELECMI_BASE_URL": f"http://{HOST}:{telecmi}", "TELECMI_TOKEN": token(CONTACTS)}
        commands = {
            A: [str(python("official")), str(SOURCES / "official_http.py"), "PORT"],
            OURS: [*ours, "serve", "--http", f"{HOST}:PORT"],
        }
        limits = {
            "TELECMI_CALLER_RATE_LIMIT": "0",
            "TELECMI_ACCOUNT_RATE_LIMIT": "0",
            "TELECMI_CALLER_CONCURRENCY": "0",
        }
        servers = []
        for name, words in commands.items():
            port = free_port()
            command = [word.replace("PORT", str(port)) for word in words]
            server = running(name, command, port, folder / f"{port}.log", **variables, **limits)
            servers.append(stack.enter_context(server))
        yield servers


def measure(servers: Sequence[Server], rounds: int) -> dict[tuple[str, Work], list[Cost]]:
    """Measure each kind of call in turns."""
    found: dict[tuple[str, Work], list[Cost]] = {}
    for work in WORKS:
        for server in servers:
            server.measure(work, _WARM_UP)
    for turn in range(rounds):
        for work in WORKS:
            for server in servers[:: 1 if turn % 2 else -1]:
                found.setdefault((server.name, work), []).append(server.measure(work, _CALLS[work.tool]))
    return found


def report(found: dict[tuple[str, Work], list[Cost]], servers: Sequence[Server]) -> str:
    """Write the medians, and the medians of the rounds' ratios."""
    rows = []
    for work in WORKS:
        theirs, ours = found[A, work], found[OURS, work]
        shares = [mine.cpu_ms / other.cpu_ms for mine, other in zip(ours, theirs, strict=True)]
        rates = [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True)]
        costs = [number(median(cost.cpu_ms for cost in costs)) for costs in (theirs, ours)]
        rows.append([work.tool, work.version, *costs, number(median(shares)), number(median(rates))])
    head = ["tool", "version", "CPU of A, ms", "CPU of ours, ms", f"share (at most {_MAX_SHARE})", "rate against A"]
    sizes = ", ".join(f"{server.name} {memory(server.pid):.0f} MiB" for server in servers)
    return f"{table(head, rows)}\n\nmemory: {sizes}"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each kind of call is measured")
    parser.add_argument("--this", action="store_true", help="measure the sources of this folder, not an installation")
    arguments = parser.parse_args(argv)
    make_official()
    ours = [sys.executable, "-m", "telecmi_mcp"] if arguments.this else all_peers()[OURS]().command
    with both(ours) as servers:
        print(report(measure(servers, arguments.rounds), servers))


if __name__ == "__main__":
    main()
