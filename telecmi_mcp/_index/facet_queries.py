"""Filters, counts and groups the contacts of an index in SQLite by their normalised values.

It works with any DB-API connection to SQLite, so that `sqlite_store` stays the only importer of sqlite3.
"""

import json
from collections.abc import Collection, Sequence
from typing import Final

from telecmi_mcp._index.postings import Connection
from telecmi_mcp._search.fields.index_entries import IndexKey, Row
from telecmi_mcp._search.store import Condition, Group, Groups, commonest

_COLUMNS = ", ".join(Row._fields)
_MEETS = "SELECT DISTINCT rid FROM reach WHERE reach = ? AND value IN (SELECT value FROM json_each(?)) AND rid > ?"
_FOUND = "SELECT value, count(*) AS size FROM reach WHERE reach = ?"
# A number without a country's code joins the only value that it may be: by its national number, or by all its digits.
_JOINED = """(
    SELECT coalesce(joined.value, found.value) AS value, sum(size) AS size FROM found LEFT JOIN (
        SELECT name, min(value) AS value FROM (
            SELECT substr(value, 1, instr(value, ' ') - 1) AS name, value FROM found WHERE instr(value, ' ') > 0
            UNION
            SELECT substr(value, instr(value, ' ') + 1) || substr(value, 1, instr(value, ' ') - 1), value FROM found
            WHERE instr(value, ' ') > 0
        ) AS named GROUP BY name HAVING count(*) = 1
    ) AS joined ON joined.name = found.value GROUP BY 1
)"""
SPELLINGS: Final = {
    IndexKey.COMPANY: "company",
    IndexKey.JOB_TITLE: "job_title",
    IndexKey.SAME_PHONE: "phone_no",
    IndexKey.SAME_NAME: "trim(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))",
}
"""The text of a contact that a value is made from, in SQL; other values are shown as they are."""


class FacetQueries:
    """The part of a `View` that filters, counts and groups."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def values(
        self, key: IndexKey, words: Sequence[Collection[str]], /, *, joined: Collection[str] = (), initials: str = ""
    ) -> list[str]:
        """Return the distinct values of a key that contain one of each of these collections of words."""
        clauses = [_any("instr(' ' || value || ' ', ?)", some) for some in words]
        clauses += [_any("instr(replace(value, ' ', ''), ?)", joined)] if joined else []
        clauses += ["' ' || value LIKE ?"] if initials else []
        bound = [*(f" {word} " for some in words for word in some), *joined]
        bound += ["% " + "% ".join(initials) + "%"] if initials else []
        sql = " AND ".join(["SELECT DISTINCT value FROM reach WHERE reach = ?", *clauses])
        return [value for (value,) in self._connection.execute(sql, (key, *bound))]

    def select(self, conditions: Sequence[Condition], /, *, after: int, limit: int) -> list[tuple[int, Row]]:
        """Return the first contacts behind a number that meet all conditions, with their numbers."""
        met, bound = _meeting(conditions, after)
        sql = f"SELECT rid, {_COLUMNS} FROM contact WHERE rid IN (SELECT rid FROM ({met}) ORDER BY rid LIMIT ?)"
        return sorted((rid, Row._make(row)) for rid, *row in self._connection.execute(sql, (*bound, limit)))

    def count(self, conditions: Sequence[Condition], /) -> int:
        """Return the number of contacts that meet all conditions."""
        met, bound = _meeting(conditions)
        return self._number(f"SELECT count(*) FROM ({met})", *bound)

    def groups(self, key: IndexKey, conditions: Sequence[Condition], /, *, min_count: int, limit: int) -> Groups:
        """Return the largest groups of the contacts that meet all conditions."""
        met, bound = _meeting(conditions)
        is_met = f" AND rid IN ({met})" if conditions else ""
        values = (key, *bound) if conditions else (key,)
        groups = _JOINED if key is IndexKey.SAME_PHONE else "found"
        found = f"WITH found AS ({_FOUND}{is_met} GROUP BY value) SELECT {{}} FROM {groups} AS found WHERE size >= ?"
        sql = found.format("value, size") + " ORDER BY size DESC, value LIMIT ?"
        largest = [Group._make(row) for row in self._connection.execute(sql, (*values, min_count, limit))]
        more = 0
        if len(largest) == limit:
            more = self._number(found.format("count(*)"), *values, min_count) - limit
        grouped = self._number(f"SELECT count(DISTINCT rid) FROM reach WHERE reach = ?{is_met}", *values)
        return Groups(largest, more, self.count(conditions) - grouped)

    def spellings(self, key: IndexKey, values: Collection[str], /) -> dict[str, str]:
        """Return the commonest spelling in which each of these values is stored."""
        if key not in SPELLINGS:
            return {value: value for value in values}
        sql = f"""
            SELECT value, {SPELLINGS[key]}, count(*) FROM reach JOIN contact USING (rid)
            WHERE reach = ? AND value IN (SELECT value FROM json_each(?)) GROUP BY 1, 2
        """
        return commonest(self._connection.execute(sql, (key, json.dumps(list(values)))))

    def _number(self, sql: str, *bound: str | int) -> int:
        return int(self._connection.execute(sql, bound).fetchone()[0])


def _meeting(conditions: Sequence[Condition], after: int = 0) -> tuple[str, tuple[str | int, ...]]:
    """Return the query for the numbers of the contacts that meet all conditions, and its values."""
    if not conditions:
        return "SELECT rid FROM contact WHERE rid > ?", (after,)
    sql = " INTERSECT ".join([_MEETS] * len(conditions))
    return sql, tuple(bound for key, values in conditions for bound in (key, json.dumps(list(values)), after))


def _any(clause: str, texts: Collection[str]) -> str:
    return "(" + (" OR ".join([clause] * len(texts)) or "0") + ")"
