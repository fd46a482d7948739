"""What a search among 100,000 contacts costs a team's server over HTTP: ``make bench-http-search``.

The server has its index in memory, on disk, or in PostgreSQL, and its audit, and is measured once a sync has read every
contact. Each round asks the same queries at two limits. Every contact of an answer, up to ten, is read from TeleCMI
before it is returned. So the difference of the two limits is the price of a contact that is read live, and the rest is
the price of the search without it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.book import token
from benchmarks.http_servers import UNLIMITED, Server, running
from benchmarks.people import opened, people
from benchmarks.standin import HOST, standing_in
from benchmarks.table import NOTHING, number, table
from benchmarks.team_callers import MODERN
from benchmarks.team_load import read_whole
from benchmarks.team_processes import cpu_of_all, memory
from team.postgres import open_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PLACES = ("memory", "disk", "postgres")
_LIMITS = (1, 10)
_QUERIES_EACH = 20  # of a lookup
_MS = 1000
_SETTINGS = {**UNLIMITED, "TELECMI_INDEX_MAX_AGE": "86400", "TELECMI_TIMEOUT": "60"}


class Turn(NamedTuple):
    """What the calls of one turn cost.

    Attributes:
        cpu_ms: CPU milliseconds of the server for each call.
        database_ms: The same of PostgreSQL.
        contacts: Contacts in each answer.
    """

    cpu_ms: float
    database_ms: float
    contacts: float


class Subject(NamedTuple):
    """A server with its complete index, and the process of its database; 0 for none."""

    server: Server
    database: int

    def measure(self, tool: str, calls: Sequence[dict[str, Any]]) -> Turn:
        """Call a tool once with each of these arguments, one after the other."""
        before = self._cpu()
        contacts = asyncio.run(self._call(tool, calls))
        cpu, database = (after - earlier for after, earlier in zip(self._cpu(), before, strict=True))
        return Turn(cpu / len(calls) * _MS, database / len(calls) * _MS, contacts / len(calls))

    def _cpu(self) -> tuple[float, float]:
        return cpu_of_all(self.server.pid), cpu_of_all(self.database) if self.database else 0.0

    async def _call(self, tool: str, calls: Sequence[dict[str, Any]]) -> int:
        wire, contacts = self.server.wire(MODERN), 0
        for arguments in calls:
            result = await wire.call(tool, arguments)
            assert not result.get("isError"), result
            contacts += result["content"][0]["text"].count('"contact_id":')
        wire.close()
        return contacts


@contextmanager
def indexed(place: str, port: int, options: argparse.Namespace) -> Iterator[Subject]:
    """Run a server whose index is in a place, and yield it once its index is complete."""
    variables = {"TELECMI_BASE_URL": f"http://{HOST}:{port}", "TELECMI_TOKEN": token(options.size), **_SETTINGS}
    with ExitStack() as stack:
        folder, database = Path(stack.enter_context(tempfile.TemporaryDirectory())), 0
        variables |= {"XDG_STATE_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
        if place == "postgres":
            cluster = stack.enter_context(open_cluster())
            variables["TELECMI_DATABASE_URL"] = cluster.url(stack.enter_context(cluster.database())).get_secret_value()
            database = cluster.pid
        else:
            variables["TELECMI_INDEX"] = place
        words = [sys.executable, "-m", "telecmi_mcp", "serve", "--http", f"{HOST}:PORT"]
        server = stack.enter_context(running(place, words, folder / "log", folder=options.before, **variables))
        asyncio.run(_wait_until_complete(server))
        yield Subject(server, database)


async def _wait_until_complete(server: Server) -> None:
    wire = server.wire(MODERN)
    await read_whole(wire)
    wire.close()


def work(queries: Sequence[str]) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """Return the calls of a turn by the name of their row."""
    lookups = [queries[start : start + _QUERIES_EACH] for start in range(0, len(queries), _QUERIES_EACH)]
    searches = {limit: [{"query": query, "limit": limit} for query in queries] for limit in _LIMITS}
    return {
        **{f"search, limit {limit}": ("search_contacts", calls) for limit, calls in searches.items()},
        f"lookup of {_QUERIES_EACH}": ("lookup_contacts", [{"queries": some} for some in lookups]),
        "count": ("count_contacts", [{}] * _QUERIES_EACH),
        "count by company": ("count_contacts", [{"group_by": "company"}] * _QUERIES_EACH),
    }


def measure(subject: Subject, queries: Sequence[str], rounds: int) -> dict[str, list[Turn]]:
    """Measure every kind of call in each round, after one round that is not counted."""
    found: dict[str, list[Turn]] = {name: [] for name in work(queries)}
    for turn in range(rounds + 1):
        for name, (tool, calls) in work(queries).items():
            taken = subject.measure(tool, calls)
            if turn:
                found[name].append(taken)
    return found


def rows(place: str, found: dict[str, list[Turn]]) -> Iterator[list[str]]:
    """Yield the rows of a table, the last two without and for each contact that is read live."""
    few, many = (found[f"search, limit {limit}"] for limit in _LIMITS)
    for name, turns in found.items():
        contacts = NOTHING if name.startswith("count") else number(median(turn.contacts for turn in turns))
        yield [place, name, contacts, *_medians(turns)]
    live = [_difference(one, other) for one, other in zip(few, many, strict=True)]
    without = [_without(one, each) for one, each in zip(few, live, strict=True)]
    yield [place, "search without live reading", "0", *_medians(without)]
    yield [place, "each contact read live", "1", *_medians(live)]


def _difference(few: Turn, many: Turn) -> Turn:
    more = many.contacts - few.contacts
    return Turn((many.cpu_ms - few.cpu_ms) / more, (many.database_ms - few.database_ms) / more, 1)


def _without(few: Turn, live: Turn) -> Turn:
    each = few.contacts
    return Turn(few.cpu_ms - each * live.cpu_ms, few.database_ms - each * live.database_ms, 0)


def _medians(turns: Sequence[Turn]) -> list[str]:
    return [number(median(turn.cpu_ms for turn in turns)), number(median(turn.database_ms for turn in turns))]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--contacts", type=Path, required=True, help="JSON lines, gzipped or not")
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--size", type=int, default=100_000, help="how many contacts")
    parser.add_argument("--asked", type=int, default=200, help="how many of the queries are asked in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--places", nargs="+", choices=PLACES, default=PLACES, help="where the index is")
    parser.add_argument("--before", type=Path, help="a folder with other sources of ours, which are measured instead")
    options = parser.parse_args(argv)
    every = [query["q"] for query in json.loads(opened(options.queries).read())]
    queries = every[:: max(1, len(every) // options.asked)][: options.asked]
    lines: list[list[str]] = []
    sizes: list[str] = []
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf8") as book:
        book.writelines(f"{json.dumps(contact._asdict())}\n" for contact in people(options.contacts, options.size))
        book.flush()
        with standing_in("--book", book.name) as port:
            for place in options.places:
                with indexed(place, port, options) as subject:
                    lines += rows(place, measure(subject, queries, options.rounds))
                    sizes.append(f"{place} {memory(subject.server.pid):.0f} MiB")
    head = ["index", "call", "contacts", "CPU of the server, ms", "of PostgreSQL, ms"]
    print(f"{table(head, lines)}\n\nmemory: {', '.join(sizes)}")


if __name__ == "__main__":
    main()
