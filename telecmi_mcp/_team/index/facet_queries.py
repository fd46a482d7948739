"""Filters, counts and groups the contacts of an index in PostgreSQL by their normalised values.

No index lies on the values: a query reads the rows of one account in the order of their key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._search.fields.facets import FACET_COLUMNS, ONCE, SPELLINGS, Facet, FacetRow, facet_rows, missing_bits
from telecmi_mcp._search.fields.index_entries import Row
from telecmi_mcp._search.store import Group, Groups, commonest
from telecmi_mcp._team.index.texts import clipped

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from telecmi_mcp._search.store import Condition, ValueQuery
    from telecmi_mcp._team.db.database import Connection

_COLUMNS = ", ".join(Row._fields)
_NUMBERS = ("place", "missing")
_ADD = f"""
    INSERT INTO telecmi_mcp.facet (mirror_id, rid, {", ".join(FacetRow._fields)}) SELECT %s, * FROM unnest(
        %s::int[], {", ".join("%s::smallint[]" if name in _NUMBERS else "%s::text[]" for name in FacetRow._fields)}
    )
"""
_OF_INDEX = "FROM telecmi_mcp.facet WHERE mirror_id = %s"
_SELECT = f"""
    SELECT first.rid, contact.* FROM ({{met}} AND rid >= %s ORDER BY rid LIMIT %s) AS first, LATERAL (
        SELECT {_COLUMNS} FROM telecmi_mcp.contact WHERE mirror_id = %s AND rid = first.rid LIMIT 1
    ) AS contact ORDER BY first.rid
"""
_GROUPS = """
    WITH found AS MATERIALIZED (SELECT {value} COLLATE "C" AS value, count(*) AS size {of_index}{is_met} GROUP BY 1)
    SELECT value, size, count(*) OVER () FROM {groups} AS found WHERE value IS NOT NULL AND size >= %s
    ORDER BY size DESC, value LIMIT %s
"""
# A number without a country's code joins the only value that it may be: by its national number, or by all its digits.
_JOINED = """(
    SELECT coalesce(joined.value, found.value) AS value, sum(size)::bigint AS size FROM found LEFT JOIN (
        SELECT name, min(value) AS value FROM (
            SELECT split_part(value, ' ', 1) AS name, value FROM found WHERE strpos(value, ' ') > 0
            UNION ALL
            SELECT split_part(value, ' ', 2) || split_part(value, ' ', 1), value FROM found WHERE strpos(value, ' ') > 0
        ) AS named WHERE name IN (SELECT value FROM found WHERE strpos(value, ' ') = 0)
        GROUP BY name HAVING count(*) = 1
    ) AS joined ON joined.name = found.value GROUP BY 1
)"""
_SPELT = """
    SELECT facet.{value}, {spelling}, count(*)
    FROM telecmi_mcp.facet JOIN telecmi_mcp.contact ON contact.mirror_id = %s AND contact.rid = facet.rid
    WHERE facet.mirror_id = %s AND facet.{value} = ANY(%s) GROUP BY 1, 2
"""
_JOINS = ("enable_hashjoin", "enable_mergejoin")


def add_facets(connection: Connection, mirror_id: int, new: Mapping[int, Row]) -> None:
    """Write the values of contacts that have none."""
    rows = [(rid, *map(_storable, values)) for rid, row in new.items() for values in facet_rows(row)]
    if rows:
        connection.execute(_ADD.encode(), (mirror_id, *map(list, zip(*rows, strict=True))))


class FacetQueries:
    """The part of a ``View`` that filters, counts and groups."""

    def __init__(self, connection: Connection, mirror_id: int) -> None:
        self._connection = connection
        self._mirror_id = mirror_id

    def values(self, facet: Facet, queries: Sequence[ValueQuery], /) -> list[str]:
        """Return the distinct values of a facet that meet one of the queries."""
        met = [_containing(query) for query in queries]
        is_met = " OR ".join(f"({clause})" for clause, _ in met) or "false"
        distinct = f"SELECT DISTINCT {FACET_COLUMNS[facet]} AS value {_OF_INDEX}"
        sql = f"SELECT value FROM ({distinct}) AS found WHERE value IS NOT NULL AND ({is_met})"
        bound = [text for _, texts in met for text in texts]
        return sorted(value for (value,) in self._ask(sql, self._mirror_id, *bound))

    def select(self, conditions: Sequence[Condition], /, *, after: int, limit: int) -> list[tuple[int, Row]]:
        """Return the first contacts behind a number that meet all conditions, with their numbers."""
        met, bound = _meeting(self._mirror_id, conditions)
        found = self._ask(_SELECT.format(met=met), *bound, after, limit, self._mirror_id)
        return [(rid + 1, Row._make(row)) for rid, *row in found]

    def count(self, conditions: Sequence[Condition], /) -> int:
        """Return the number of contacts that meet all conditions."""
        met, bound = _meeting(self._mirror_id, conditions)
        return self._number(f"SELECT count(*) FROM ({met}) AS met", *bound)

    def groups(self, facet: Facet, conditions: Sequence[Condition], /, *, min_count: int, limit: int) -> Groups:
        """Return the largest groups of the contacts that meet all conditions."""
        met, bound = _meeting(self._mirror_id, conditions)
        sql = _GROUPS.format(
            value=FACET_COLUMNS[facet],
            of_index=_OF_INDEX,
            is_met=f" AND rid IN ({met})" if conditions else "",
            groups=_JOINED if facet is Facet.PHONE else "found",
        )
        found = self._ask_joining(sql, self._mirror_id, *(bound if conditions else ()), min_count, limit)
        more = found[0][2] - len(found) if found else 0
        lacking = self._number(f"SELECT count(*) FROM ({met} AND {FACET_COLUMNS[facet]} IS NULL) AS met", *bound)
        return Groups([Group(value, size) for value, size, _ in found], more, lacking)

    def spellings(self, facet: Facet, values: Collection[str], /) -> dict[str, str]:
        """Return the commonest spelling in which each of these values is stored."""
        if facet not in SPELLINGS:
            return {value: value for value in values}
        sql = _SPELT.format(spelling=SPELLINGS[facet], value=FACET_COLUMNS[facet])
        return commonest(self._ask_joining(sql, self._mirror_id, self._mirror_id, list(map(clipped, values))))

    def _number(self, sql: str, *bound: Any) -> int:
        return int(self._ask(sql, *bound)[0][0])

    def _ask_joining(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Let the database choose how to join: these queries may read most rows of the index."""
        self._switch_joins("on")
        found = self._ask(sql, *values)
        self._switch_joins("off")
        return found

    def _switch_joins(self, state: str) -> None:
        for setting in _JOINS:
            self._connection.execute(f"SET LOCAL {setting} = {state}".encode())

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._fetch(sql, values)

    def _fetch(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        # Planned for its values each time: a generic plan expects ten words where there may be a thousand.
        return self._connection.execute(sql.encode(), values, prepare=False).fetchall()


def _meeting(mirror_id: int, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    """Return the query for the numbers of the contacts that meet all conditions, and its values.

    The database numbers contacts from 0, and callers see numbers from 1.
    """
    clauses, bound = [f"SELECT rid {_OF_INDEX} AND place = 0"], list[Any]([mirror_id])
    for facet, values in conditions:
        if facet is Facet.MISSING:
            clauses.append("missing & %s <> 0")
            bound.append(missing_bits(values))
        elif facet in ONCE:
            clauses.append(f"{FACET_COLUMNS[facet]} = ANY(%s)")
            bound.append(list(map(clipped, values)))
        else:
            clauses.append(f"rid IN (SELECT rid {_OF_INDEX} AND {FACET_COLUMNS[facet]} = ANY(%s))")
            bound += [mirror_id, list(map(clipped, values))]
    return " AND ".join(clauses), bound


def _containing(query: ValueQuery) -> tuple[str, list[str]]:
    """Return the condition that a value meets a query, and its values."""
    clauses = [_any("strpos(' ' || value || ' ', %s) > 0", some) for some in query.words]
    bound = [f" {clipped(word)} " for some in query.words for word in some]
    if query.joined:
        clauses.append(_any("strpos(replace(value, ' ', ''), %s) > 0", query.joined))
        bound += map(clipped, query.joined)
    if query.initials:
        clauses.append("' ' || value LIKE %s")
        bound.append("% " + "% ".join(query.initials) + "%")
    return " AND ".join(clauses) or "true", bound


def _storable(value: str | int | None) -> str | int | None:
    return clipped(value) if isinstance(value, str) else value


def _any(clause: str, texts: Collection[str]) -> str:
    return "(" + (" OR ".join([clause] * len(texts)) or "false") + ")"
