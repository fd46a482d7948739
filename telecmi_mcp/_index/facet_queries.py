"""Filters, counts and groups the contacts of an index in SQLite by their normalised values.

It works with any DB-API connection to SQLite, so that `sqlite_store` stays the only importer of sqlite3. No index lies
on the values: to read all rows takes as long as a plain GROUP BY does, and each index would cost as much room again.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter

from telecmi_mcp._index.postings import Connection
from telecmi_mcp._search.fields.facets import FACET_COLUMNS, ONCE, SPELLINGS, Facet, FacetRow, facet_rows, missing_bits
from telecmi_mcp._search.fields.index_entries import Row
from telecmi_mcp._search.store import Condition, Group, Groups, ValueQuery, commonest

FACET_SCHEMA = f"""
CREATE TABLE facet (rid INTEGER NOT NULL, {", ".join(FacetRow._fields)}, PRIMARY KEY (rid, place)) WITHOUT ROWID
""".strip()
_COLUMNS = ", ".join(Row._fields)
_ADD = f"INSERT INTO facet VALUES (?{', ?' * len(FacetRow._fields)})"


def add_facets(connection: Connection, new: Iterable[tuple[int, Row]]) -> None:
    """Write the values of new contacts."""
    connection.executemany(_ADD, ((rid, *values) for rid, row in new for values in facet_rows(row)))


def remove_facets(connection: Connection, rids: Iterable[int]) -> None:
    """Remove the values of contacts."""
    connection.executemany("DELETE FROM facet WHERE rid = ?", ((rid,) for rid in rids))


class FacetQueries:
    """The part of a `View` that filters, counts and groups."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def values(self, facet: Facet, queries: Sequence[ValueQuery], /) -> list[str]:
        """Return the distinct values of a facet that meet one of the queries."""
        met = [_containing(query) for query in queries]
        is_met = " OR ".join(f"({clause})" for clause, _ in met) or "0"
        distinct = f"SELECT DISTINCT {FACET_COLUMNS[facet]} AS value FROM facet"
        sql = f"SELECT value FROM ({distinct}) WHERE value IS NOT NULL AND ({is_met})"
        bound = [text for _, texts in met for text in texts]
        return sorted(value for (value,) in self._connection.execute(sql, bound))

    def select(self, conditions: Sequence[Condition], /, *, after: int, limit: int) -> list[tuple[int, Row]]:
        """Return the first contacts behind a number that meet all conditions, with their numbers."""
        met, bound = _meeting(conditions)
        met += " AND rid > ? ORDER BY rid LIMIT ?"
        sql = f"SELECT rid, {_COLUMNS} FROM contact WHERE rid IN ({met})"
        return sorted((rid, Row._make(row)) for rid, *row in self._connection.execute(sql, (*bound, after, limit)))

    def count(self, conditions: Sequence[Condition], /) -> int:
        """Return the number of contacts that meet all conditions."""
        met, bound = _meeting(conditions)
        return self._number(f"SELECT count(*) FROM ({met})", bound)

    def groups(self, facet: Facet, conditions: Sequence[Condition], /, *, min_count: int, limit: int) -> Groups:
        """Return the largest groups of the contacts that meet all conditions."""
        met, bound = _meeting(conditions)
        value, is_met = FACET_COLUMNS[facet], f" AND rid IN ({met})" if conditions else ""
        source = f"FROM facet WHERE {value} IS NOT NULL{is_met}"
        lacking = self._number(f"SELECT count(*) FROM ({met} AND {value} IS NULL)", bound)
        bound = bound if conditions else []
        found: Iterator[tuple[str, int]]
        if facet is Facet.PHONE:
            sizes = Counter(map(itemgetter(0), self._connection.execute(f"SELECT {value} {source}", bound)))
            found = iter(_join_numbers(sizes, min_count))
        else:
            sql = f"SELECT {value}, count(*) {source} GROUP BY 1 HAVING count(*) >= ? ORDER BY 2 DESC, 1"
            found = self._connection.execute(sql, (*bound, min_count))
        largest = [Group._make(row) for row in islice(found, limit)]
        return Groups(largest, sum(1 for _ in found), lacking)

    def spellings(self, facet: Facet, values: Collection[str], /) -> dict[str, str]:
        """Return the commonest spelling in which each of these values is stored."""
        if facet not in SPELLINGS:
            return {value: value for value in values}
        value = f"facet.{FACET_COLUMNS[facet]}"
        sql = f"""
            SELECT {value}, {SPELLINGS[facet]}, count(*) FROM facet CROSS JOIN contact USING (rid)
            WHERE {value} IN (SELECT value FROM json_each(?)) GROUP BY 1, 2
        """
        return commonest(self._connection.execute(sql, (json.dumps(list(values)),)))

    def _number(self, sql: str, bound: Sequence[str | int]) -> int:
        return int(self._connection.execute(sql, bound).fetchone()[0])


def _join_numbers(sizes: Counter[str], min_count: int) -> list[tuple[str, int]]:
    """Join each number without a country's code with the only value that it may be, and return the groups in order.

    A value may be the same number if its national number or all its digits are the same.
    """
    may_be: dict[str, list[str]] = {}
    for value in sizes:
        national, blank, code = value.partition(" ")
        for name in (national, code + national) if blank else ():
            if name in sizes:
                may_be.setdefault(name, []).append(value)
    for name, values in may_be.items():
        if len(values) == 1:
            sizes[values[0]] += sizes.pop(name)
    large = (group for group in sizes.items() if group[1] >= min_count)
    return sorted(large, key=lambda group: (-group[1], group[0]))


def _meeting(conditions: Sequence[Condition]) -> tuple[str, list[str | int]]:
    """Return the query for the numbers of the contacts that meet all conditions, and its values."""
    clauses, bound = ["SELECT rid FROM facet WHERE place = 0"], list[str | int]()
    for facet, values in conditions:
        if facet is Facet.MISSING:
            clauses.append("missing & ?")
            bound.append(missing_bits(values))
        else:
            has = f"{FACET_COLUMNS[facet]} IN (SELECT value FROM json_each(?))"
            clauses.append(has if facet in ONCE else f"rid IN (SELECT rid FROM facet WHERE {has})")
            bound.append(json.dumps(list(values)))
    return " AND ".join(clauses), bound


def _containing(query: ValueQuery) -> tuple[str, list[str]]:
    """Return the condition that a value meets a query, and its values."""
    clauses = [_any("instr(' ' || value || ' ', ?)", some) for some in query.words]
    bound = [f" {word} " for some in query.words for word in some]
    if query.joined:
        clauses.append(_any("instr(replace(value, ' ', ''), ?)", query.joined))
        bound += query.joined
    if query.initials:
        clauses.append("' ' || value LIKE ?")
        bound.append("% " + "% ".join(query.initials) + "%")
    return " AND ".join(clauses) or "1", bound


def _any(clause: str, texts: Collection[str]) -> str:
    return "(" + (" OR ".join([clause] * len(texts)) or "0") + ")"
