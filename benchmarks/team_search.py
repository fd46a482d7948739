"""Measures the shared mirror in PostgreSQL: how fast it is written and searched, what it finds, how much room it takes.

    python benchmarks/team_search.py --contacts contacts.jsonl.gz --queries dev.json val.json.gz --size 300000

PostgreSQL is started for this, from the programs that are installed (`make test-team` installs them). Where more
contacts are asked for than the file has, it is read again with its columns shuffled, so that names, companies and
numbers are mixed anew. The queries' labels are for the file's own contacts: the recall is compared with SQLite's on the
same contacts, not with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.people import opened, people
from team.postgres import open_cluster
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._search import search
from telecmi_mcp._team.db.database import Database
from telecmi_mcp._team.index.location import PostgresLocation
from telecmi_mcp._team.index.writer_locks import WriterLocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telecmi_mcp._models import Contact
    from telecmi_mcp._search import ContactStore
    from telecmi_mcp._team.index.postgres_store import PostgresStore

_PAGE = 100
_TOP = 10
_SIZE = """
    SELECT sum(pg_total_relation_size(oid)) FROM pg_class
    WHERE relnamespace = 'telecmi_mcp'::regnamespace AND relkind = 'r'
"""
_TABLES = """
    SELECT relname, pg_relation_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relnamespace = 'telecmi_mcp'::regnamespace AND relkind = 'r' ORDER BY pg_total_relation_size(oid) DESC LIMIT 6
"""


def main() -> None:
    """Measure and print."""
    options = _options()
    contacts = list(people(options.contacts, options.size))
    _say(f"{len(contacts):,} contacts, Python {sys.version.split()[0]}")
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        database.migrate()
        locks = WriterLocks(database)
        try:
            _measure(options, database, PostgresLocation(database, locks, "benchmark").take(), contacts)
        finally:
            locks.close()
            database.close()


def _measure(
    options: argparse.Namespace, database: Database, store: PostgresStore, contacts: Sequence[Contact]
) -> None:
    _write(store, contacts, 1, "first pass")
    _say_size(database, len(contacts))
    _write(store, contacts, 2, "second pass, nothing changed")
    _say_size(database, len(contacts))
    _say(f"contacts that the second pass did not see: {store.sweep(2)}")
    queries = [query for path in options.queries for query in json.loads(opened(path).read())]
    answers = {"PostgreSQL": _ask(store, queries, "PostgreSQL")}
    with Index() as index:
        for page in _pages(contacts):
            index.upsert(page, generation=1, state={})
        answers["SQLite"] = _ask(index, queries, "SQLite in memory")
    same = sum(map(list.__eq__, *answers.values()))
    _say(f"the same answers in the same order: {same} of {len(queries)}")
    places = {contact.contact_id: place for place, contact in enumerate(contacts)}
    for name, found in answers.items():
        _say_recall(name, queries, [[places[each] for each in some] for some in found])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--contacts", type=Path, required=True, help="JSON lines, gzipped or not")
    parser.add_argument("--queries", type=Path, nargs="+", required=True)
    parser.add_argument("--size", type=int, default=300_000, help="how many contacts")
    return parser.parse_args()


def _write(store: PostgresStore, contacts: Sequence[Contact], generation: int, what: str) -> None:
    times = []
    begun, cpu = time.perf_counter(), time.process_time()
    for page in _pages(contacts):
        page_begun = time.perf_counter()
        store.upsert(page, generation=generation, state={"cursor": "x"})
        times.append((time.perf_counter() - page_begun) * 1000)
    taken = time.perf_counter() - begun
    _say(
        f"{what}: {taken:.1f} s ({time.process_time() - cpu:.1f} s of them here), "
        f"{len(contacts) / taken:,.0f} contacts a second; a page of {_PAGE}: {_spread(times)} ms"
    )


def _say_size(database: Database, count: int) -> None:
    with database.connection() as connection:
        ((size,),) = connection.execute(_SIZE.encode()).fetchall()
        _say(f"{size / count:.0f} bytes a contact in the database")
        for name, table, indexes in connection.execute(_TABLES):
            _say(f"    {name:<8} {table / count:>5.0f} and {indexes / count:.0f} of indexes")


def _ask(store: ContactStore, queries: Sequence[dict[str, Any]], what: str) -> list[list[str]]:
    times, found = [], []
    for query in queries:
        begun = time.perf_counter()
        hits = search(store, query["q"], limit=_TOP + len(query["neutral"])).hits
        times.append((time.perf_counter() - begun) * 1000)
        found.append([hit.contact.contact_id for hit in hits])
    _say(f"a query, {what}: {_spread(times)} ms")
    return found


def _say_recall(name: str, queries: Sequence[dict[str, Any]], found: Sequence[Sequence[int]]) -> None:
    scores: dict[int, list[float]] = {1: [], _TOP: []}
    for query, places in zip(queries, found, strict=True):
        counted = [place for place in places if place not in query["neutral"]]
        for count, some in scores.items():
            if right := set(query["gold"]):
                some.append(sum(place in right for place in counted[:count]) / min(count, len(right)))
    at_1, at_10 = (sum(some) / len(some) for some in scores.values())
    _say(f"{name}: R@1 {at_1:.4f}, R@10 {at_10:.4f}")


def _pages(contacts: Sequence[Contact]) -> Iterator[Sequence[Contact]]:
    return (contacts[start : start + _PAGE] for start in range(0, len(contacts), _PAGE))


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2]:.2f}, p95 {ordered[int(len(ordered) * 0.95)]:.2f}, max {ordered[-1]:.2f}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
