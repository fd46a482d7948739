"""Measures filters, counts and groups against a plain GROUP BY of the stored field over the same rows, in one run.

    PYTHONPATH=. python benchmarks/groups.py --contacts contacts-100k.jsonl.gz
    PYTHONPATH=.:tests python benchmarks/groups.py --contacts contacts-100k.jsonl.gz --size 300000 --postgres

Each line has the median of several rounds, in which the plain statement and ours take turns, and their ratio. Where
more contacts are asked for than the file has, it is read again with its columns shuffled.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.people import people
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._search.filters import ContactFilter, count_groups, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from telecmi_mcp._models import Contact, GroupBy
    from telecmi_mcp._search import ContactStore

    Plain = Callable[[str], object]

_PAGE = 100
_PLAIN: dict[GroupBy, str] = {
    "company": "company",
    "job_title": "job_title",
    "email_domain": "email_id",
    "country": "phone_no",
    "phone_no": "phone_no",
    "email_id": "email_id",
    "name": "first_name || last_name",
}
_GROUP_BY = "SELECT {field}, count(*) FROM {contact} GROUP BY 1 ORDER BY 2 DESC LIMIT 10"


def main() -> None:
    """Measure and print."""
    options = _options()
    contacts = list(people(options.contacts, options.size))
    open_store = _postgres if options.postgres else _sqlite
    with open_store(contacts) as (store, plain, table):
        _say(f"{len(contacts):,} contacts, {type(store).__name__}, median of {options.rounds} rounds, ms: plain, ours")
        for name, field in _PLAIN.items():
            sql = _GROUP_BY.format(field=field, contact=table)
            _compare(
                f"groups by {name}",
                options.rounds,
                partial(plain, sql),
                partial(count_groups, store, ContactFilter(), group_by=name),
            )
        _measure_filters(
            store, contacts, options.rounds, partial(plain, _GROUP_BY.format(field="company", contact=table))
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--contacts", type=Path, required=True, help="JSON lines, gzipped or not")
    parser.add_argument("--size", type=int, default=100_000, help="how many contacts")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--postgres", action="store_true", help="PostgreSQL instead of SQLite")
    return parser.parse_args()


def _measure_filters(
    store: ContactStore, contacts: Sequence[Contact], rounds: int, plain: Callable[[], object]
) -> None:
    company = statistics.mode(contact.company for contact in contacts if contact.company)
    title = statistics.mode(contact.job_title for contact in contacts if contact.job_title)
    filters = {
        "count of the largest company": ContactFilter(company=company),
        "count of the commonest title": ContactFilter(job_title=title),
        "count of a title by its initials": ContactFilter(job_title="VP"),
        "count of a missing address": ContactFilter(missing=("email_id",)),
        "count of a typo": ContactFilter(company=company[:3] + company[4:]),
    }
    for name, asked in filters.items():
        _compare(name, rounds, plain, partial(count_groups, store, asked))
    for name, asked in {
        "everybody": ContactFilter(),
        "a missing address": ContactFilter(missing=("email_id",)),
    }.items():
        deep = _number_within(store, asked)
        _compare(
            f"page of {name}, the first and one deep inside",
            rounds,
            partial(_page, store, asked, 0),
            partial(_page, store, asked, deep),
        )


def _number_within(store: ContactStore, asked: ContactFilter) -> int:
    """Return the number of the contact at three quarters of what a filter selects."""
    with store.reading() as view:
        conditions = resolve(view, asked).conditions
        numbers = view.select(conditions, after=0, limit=view.count(conditions) * 3 // 4)
    return numbers[-1][0]


def _page(store: ContactStore, asked: ContactFilter, after: int) -> None:
    with store.reading() as view:
        view.select(resolve(view, asked).conditions, after=after, limit=_PAGE)


def _compare(name: str, rounds: int, plain: Callable[[], object], ours: Callable[[], object]) -> None:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for taken, run in zip(times, (plain, ours), strict=True):
            begun = time.perf_counter()
            run()
            taken.append((time.perf_counter() - begun) * 1000)
    one, other = map(statistics.median, times)
    _say(f"{name:<52} {one:>8.1f} {other:>8.1f}  ratio {other / one:.2f}")


@contextmanager
def _sqlite(contacts: Sequence[Contact]) -> Iterator[tuple[ContactStore, Plain, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        with Index(path) as index:
            _write(index, contacts)
            connection = sqlite3.connect(path)
            yield index, lambda sql: connection.execute(sql).fetchall(), "contact"
            connection.close()


@contextmanager
def _postgres(contacts: Sequence[Contact]) -> Iterator[tuple[ContactStore, Plain, str]]:
    from team.postgres import open_cluster
    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.index.location import PostgresLocation
    from telecmi_mcp._team.index.writer_locks import WriterLocks

    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        database.migrate()
        locks = WriterLocks(database)
        try:
            store = PostgresLocation(database, locks, "benchmark").take()
            _write(store, contacts)

            def plain(sql: str) -> object:
                with database.connection() as connection:
                    return connection.execute(sql.encode()).fetchall()

            yield store, plain, "telecmi_mcp.contact"
        finally:
            locks.close()
            database.close()


def _write(store: ContactStore, contacts: Sequence[Contact]) -> None:
    for start in range(0, len(contacts), _PAGE):
        store.upsert(contacts[start : start + _PAGE], generation=1, state={})


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
