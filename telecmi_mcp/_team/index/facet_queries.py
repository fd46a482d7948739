"""Filters, counts and groups the contacts of an index in PostgreSQL by their normalised values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._index.facet_queries import SPELLINGS
from telecmi_mcp._search.fields.index_entries import IndexKey, Row
from telecmi_mcp._search.store import Group, Groups, commonest
from telecmi_mcp._team.index.texts import clipped

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from telecmi_mcp._search.store import Condition
    from telecmi_mcp._team.db.database import Connection

_COLUMNS = ", ".join(Row._fields)
_OF_KEY = "FROM telecmi_mcp.reach WHERE mirror_id = %s AND reach = %s"
_MEETS = f"SELECT DISTINCT rid {_OF_KEY} AND value = ANY(%s) AND rid >= %s"
_EVERYBODY = "SELECT rid FROM telecmi_mcp.contact WHERE mirror_id = %s AND rid >= %s"
_SELECT = f"""
    SELECT first.rid, contact.* FROM (SELECT rid FROM ({{met}}) AS met ORDER BY rid LIMIT %s) AS first, LATERAL (
        SELECT {_COLUMNS} FROM telecmi_mcp.contact WHERE mirror_id = %s AND rid = first.rid LIMIT 1
    ) AS contact ORDER BY first.rid
"""
_GROUPS = """
    WITH found AS MATERIALIZED (SELECT value, count(*) AS size {of_key}{is_met} GROUP BY value)
    SELECT value, size, count(*) OVER () FROM {groups} AS found WHERE size >= %s ORDER BY size DESC, value LIMIT %s
"""
# A number without a country's code joins the only value that it may be: by its national number, or by all its digits.
_JOINED = """(
    SELECT coalesce(joined.value, found.value) AS value, sum(size)::bigint AS size FROM found LEFT JOIN (
        SELECT name, min(value) AS value FROM (
            SELECT split_part(value, ' ', 1) AS name, value FROM found WHERE strpos(value, ' ') > 0
            UNION
            SELECT split_part(value, ' ', 2) || split_part(value, ' ', 1), value FROM found WHERE strpos(value, ' ') > 0
        ) AS named GROUP BY name HAVING count(*) = 1
    ) AS joined ON joined.name = found.value GROUP BY 1
)"""
_SPELT = """
    SELECT met.value, {spelling}, count(*) FROM (
        SELECT value, rid {of_key} AND value = ANY(%s)
    ) AS met, LATERAL (SELECT * FROM telecmi_mcp.contact WHERE mirror_id = %s AND rid = met.rid LIMIT 1) AS contact
    GROUP BY 1, 2
"""
_HASHING = "SET LOCAL enable_hashjoin = {}"


class FacetQueries:
    """The part of a ``View`` that filters, counts and groups."""

    def __init__(self, connection: Connection, mirror_id: int) -> None:
        self._connection = connection
        self._mirror_id = mirror_id

    def values(
        self, key: IndexKey, words: Sequence[Collection[str]], /, *, joined: Collection[str] = (), initials: str = ""
    ) -> list[str]:
        """Return the distinct values of a key that contain one of each of these collections of words."""
        clauses = [_any("strpos(' ' || value || ' ', %s) > 0", some) for some in words]
        clauses += [_any("strpos(replace(value, ' ', ''), %s) > 0", joined)] if joined else []
        clauses += ["' ' || value LIKE %s"] if initials else []
        bound = [*(f" {clipped(word)} " for some in words for word in some), *map(clipped, joined)]
        bound += ["% " + "% ".join(initials) + "%"] if initials else []
        sql = " AND ".join([f"SELECT DISTINCT value {_OF_KEY}", *clauses])
        return sorted(value for (value,) in self._ask(sql, self._mirror_id, int(key), *bound))

    def select(self, conditions: Sequence[Condition], /, *, after: int, limit: int) -> list[tuple[int, Row]]:
        """Return the first contacts behind a number that meet all conditions, with their numbers."""
        met, bound = _meeting(self._mirror_id, conditions, after)
        found = self._ask(_SELECT.format(met=met), *bound, limit, self._mirror_id)
        return [(rid + 1, Row._make(row)) for rid, *row in found]

    def count(self, conditions: Sequence[Condition], /) -> int:
        """Return the number of contacts that meet all conditions."""
        met, bound = _meeting(self._mirror_id, conditions)
        return self._number(f"SELECT count(*) FROM ({met}) AS met", *bound)

    def groups(self, key: IndexKey, conditions: Sequence[Condition], /, *, min_count: int, limit: int) -> Groups:
        """Return the largest groups of the contacts that meet all conditions."""
        met, met_bound = _meeting(self._mirror_id, conditions)
        is_met = f" AND rid IN ({met})" if conditions else ""
        bound = (self._mirror_id, int(key), *(met_bound if conditions else ()))
        groups = _JOINED if key is IndexKey.SAME_PHONE else "found"
        self._connection.execute(_HASHING.format("on").encode())
        sql = _GROUPS.format(of_key=_OF_KEY, is_met=is_met, groups=groups)
        found = self._ask(sql, *bound, min_count, limit)
        grouped = self._number(f"SELECT count(*) FROM (SELECT DISTINCT rid {_OF_KEY}{is_met}) AS met", *bound)
        self._connection.execute(_HASHING.format("off").encode())
        more = found[0][2] - len(found) if found else 0
        return Groups([Group(value, size) for value, size, _ in found], more, self.count(conditions) - grouped)

    def spellings(self, key: IndexKey, values: Collection[str], /) -> dict[str, str]:
        """Return the commonest spelling in which each of these values is stored."""
        if key not in SPELLINGS:
            return {value: value for value in values}
        sql = _SPELT.format(of_key=_OF_KEY, spelling=SPELLINGS[key])
        return commonest(self._ask(sql, self._mirror_id, int(key), list(map(clipped, values)), self._mirror_id))

    def _number(self, sql: str, *bound: Any) -> int:  # noqa: ANN401 - the DB-API is untyped here
        return int(self._ask(sql, *bound)[0][0])

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - the same
        return self._fetch(sql, values)

    def _fetch(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        # Planned for its values each time: a generic plan expects ten words where there may be a thousand.
        return self._connection.execute(sql.encode(), values, prepare=False).fetchall()


def _meeting(mirror_id: int, conditions: Sequence[Condition], after: int = 0) -> tuple[str, tuple[Any, ...]]:
    """Return the query for the numbers of the contacts that meet all conditions, and its values.

    The database numbers contacts from 0, and callers see numbers from 1.
    """
    if not conditions:
        return _EVERYBODY, (mirror_id, after)
    bound = ((mirror_id, int(key), list(map(clipped, values)), after) for key, values in conditions)
    return " INTERSECT ".join([_MEETS] * len(conditions)), tuple(value for some in bound for value in some)


def _any(clause: str, texts: Collection[str]) -> str:
    return "(" + (" OR ".join([clause] * len(texts)) or "false") + ")"
