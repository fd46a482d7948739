"""What a call over HTTP costs a server, beside two other servers for the same job: ``make bench-http``.

All servers run at the same time before the same stand-in for TeleCMI, each in an environment of its own, and are called
in turns over 16 kept connections. The others have plain JSON, no sessions and one shared httpx2 client; ours writes its
audit, on request with contacts by keyed hashes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.book import contact_id, token
from benchmarks.environments import FASTMCP, OURS, SOURCES, A, all_peers, make_fastmcp, make_official, python
from benchmarks.http_servers import UNLIMITED, Cost, Server, running
from benchmarks.standin import HOST, standing_in
from benchmarks.table import number, table
from benchmarks.team_callers import LEGACY, MODERN
from benchmarks.team_processes import memory
from telecmi_mcp._config.keys import new_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONTACTS = 1000
NAMING = f"{OURS}, the audit names contacts"
BEFORE = f"{OURS}, before"
_CALLS = {"get_contact": 480, "list_contacts": 240}  # short turns: other work of the machine changes the speed
_WARM_UP = 160


class Work(NamedTuple):
    """A kind of call: its tool and the version of the protocol."""

    tool: str
    version: str

    def arguments(self, calls: int) -> list[dict[str, Any]]:
        """Return the arguments of so many calls."""
        if self.tool == "get_contact":
            return [{"contact_id": contact_id(place % CONTACTS)} for place in range(calls)]
        return [{"limit": 100}] * calls


WORKS = [Work(tool, version) for tool in _CALLS for version in (LEGACY, MODERN)]
Found = dict[tuple[str, Work], list[Cost]]


class Command(NamedTuple):
    """How a server is started.

    Attributes:
        words: Its command, with ``PORT`` for the port.
        variables: What it has in its environment beside what all have.
        folder: Where it runs; ``None`` for here.
    """

    words: Sequence[str]
    variables: Mapping[str, str] = {}
    folder: Path | None = None


def commands(arguments: argparse.Namespace, folder: Path) -> dict[str, Command]:
    """Install the servers, and return their commands by their names."""
    make_official()
    make_fastmcp()
    this = [sys.executable, "-m", "telecmi_mcp"]
    ours = [*(this if arguments.this else all_peers()[OURS]().command), "serve", "--http", f"{HOST}:PORT"]
    servers = {
        A: Command([str(python("official")), str(SOURCES / "official_http.py"), "PORT"]),
        FASTMCP: Command([str(python("fastmcp")), str(SOURCES / "fastmcp_http.py"), "PORT"]),
        OURS: Command(ours),
    }
    if arguments.audit_keys:
        keys = folder / "audit-keys"
        keys.write_text(f"{new_key()}\n", encoding="ascii")
        keys.chmod(0o600)
        servers[NAMING] = Command(ours, {"TELECMI_AUDIT_KEYS_FILE": str(keys)})
    if arguments.before:
        servers[BEFORE] = Command([*this, *ours[-3:]], folder=arguments.before)
    return servers


@contextmanager
def started(arguments: argparse.Namespace) -> Iterator[list[Server]]:
    """Run all servers before one stand-in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        telecmi = stack.enter_context(standing_in("--contacts", str(CONTACTS)))
        shared = {"TELECMI_BASE_URL": f"http://{HOST}:{telecmi}", "TELECMI_TOKEN": token(CONTACTS), **UNLIMITED}
        yield [
            stack.enter_context(
                running(name, command.words, folder / "log", folder=command.folder, **shared, **command.variables)
            )
            for name, command in commands(arguments, folder).items()
        ]


def measure(servers: Sequence[Server], rounds: int) -> Found:
    """Measure each kind of call in turns."""
    found: Found = {}
    for work in WORKS:
        for server in servers:
            server.measure(work.tool, work.arguments(_WARM_UP), work.version)
    for turn in range(rounds):
        for work in WORKS:
            for server in servers[:: 1 if turn % 2 else -1]:
                cost = server.measure(work.tool, work.arguments(_CALLS[work.tool]), work.version)
                found.setdefault((server.name, work), []).append(cost)
    return found


def report(found: Found, servers: Sequence[Server]) -> str:
    """Write the medians, and the medians of the rounds' ratios."""
    head = ["tool", "version", "server", "CPU, ms", "share of A's", "of FastMCP's", "rate against A"]
    rows = [[*work, server.name, *_figures(found, work, server.name)] for work in WORKS for server in servers]
    return table(head, rows)


def _figures(found: Found, work: Work, name: str) -> list[str]:
    costs = found[name, work]
    cpu, rates = [cost.cpu_ms for cost in costs], [cost.rate for cost in costs]
    shares = [_ratio(cpu, [cost.cpu_ms for cost in found[peer, work]]) for peer in (A, FASTMCP)]
    return [number(median(cpu)), *shares, _ratio(rates, [cost.rate for cost in found[A, work]])]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return number(median(mine / other for mine, other in zip(ours, theirs, strict=True)))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each kind of call is measured")
    parser.add_argument("--this", action="store_true", help="measure the sources of this folder, not an installation")
    parser.add_argument("--audit-keys", action="store_true", help="measure ours also with TELECMI_AUDIT_KEYS_FILE")
    parser.add_argument("--before", type=Path, help="a folder with other sources of ours, which are measured too")
    arguments = parser.parse_args(argv)
    with started(arguments) as servers:
        print(report(measure(servers, arguments.rounds), servers))
        for server in servers:
            print(f"\n{server.name}: {memory(server.pid):.0f} MiB; {server.packages}")


if __name__ == "__main__":
    main()
