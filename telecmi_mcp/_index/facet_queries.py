"""Filters, counts and groups the contacts of an index in SQLite by their normalised values.

It works with any DB-API connection to SQLite, so that `sqlite_store` stays the only importer of sqlite3. No index lies
on the values: to read all rows takes as long as a plain GROUP BY does, and each index would cost as much room again.
"""

import json
from collections.abc import Collection, Iterable, Sequence

from telecmi_mcp._index.postings import Connection
from telecmi_mcp._search.fields.facets import FACET_COLUMNS, ONCE, SPELLINGS, Facet, FacetRow, facet_rows, missing_bits
from telecmi_mcp._search.fields.index_entries import Row
from telecmi_mcp._search.store import Condition, Group, Groups, commonest

FACET_SCHEMA = f"""
CREATE TABLE facet (rid INTEGER NOT NULL, {", ".join(FacetRow._fields)}, PRIMARY KEY (rid, place)) WITHOUT ROWID
""".strip()
_COLUMNS = ", ".join(Row._fields)
_ADD = f"INSERT INTO facet VALUES (?{', ?' * len(FacetRow._fields)})"
# A number without a country's code joins the only value that it may be: by its national number, or by all its digits.
# An index that SQLite makes for the join needs the cast.
_JOINED = """(
    SELECT coalesce(joined.value, found.value) AS value, sum(size) AS size FROM found LEFT JOIN (
        SELECT name, min(value) AS value FROM (
            SELECT CAST(substr(value, 1, instr(value, ' ') - 1) AS TEXT) AS name, value FROM found
            WHERE instr(value, ' ') > 0
            UNION ALL
            SELECT CAST(substr(value, instr(value, ' ') + 1) || substr(value, 1, instr(value, ' ') - 1) AS TEXT), value
            FROM found WHERE instr(value, ' ') > 0
        ) AS named WHERE name IN (SELECT value FROM found WHERE instr(value, ' ') = 0) GROUP BY name HAVING count(*) = 1
    ) AS joined ON joined.name = found.value GROUP BY 1
)"""


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

    def values(
        self, facet: Facet, words: Sequence[Collection[str]], /, *, joined: Collection[str] = (), initials: str = ""
    ) -> list[str]:
        """Return the distinct values of a facet that contain one of each of these collections of words."""
        clauses = [_any("instr(' ' || value || ' ', ?)", some) for some in words]
        clauses += [_any("instr(replace(value, ' ', ''), ?)", joined)] if joined else []
        clauses += ["' ' || value LIKE ?"] if initials else []
        bound = [*(f" {word} " for some in words for word in some), *joined]
        bound += ["% " + "% ".join(initials) + "%"] if initials else []
        distinct = f"SELECT DISTINCT {FACET_COLUMNS[facet]} AS value FROM facet"
        sql = " AND ".join([f"SELECT value FROM ({distinct}) WHERE value IS NOT NULL", *clauses])
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
        is_met = f"rid IN ({met})" if conditions else "1"
        source = f"SELECT {FACET_COLUMNS[facet]} AS value, count(*) AS size FROM facet WHERE {is_met} GROUP BY 1"
        groups = _JOINED if facet is Facet.PHONE else "found"
        found = f"WITH found AS ({source}) SELECT {{}} FROM {groups} AS found WHERE value IS NOT NULL AND size >= ?"
        sql = found.format("value, size") + " ORDER BY size DESC, value LIMIT ?"
        largest = [Group._make(row) for row in self._connection.execute(sql, (*bound, min_count, limit))]
        is_full = len(largest) == limit
        more = self._number(found.format("count(*)"), (*bound, min_count)) - limit if is_full else 0
        lacking = self._number(f"SELECT count(*) FROM ({met} AND {FACET_COLUMNS[facet]} IS NULL)", bound)
        return Groups(largest, more, lacking)

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


def _any(clause: str, texts: Collection[str]) -> str:
    return "(" + (" OR ".join([clause] * len(texts)) or "0") + ")"
