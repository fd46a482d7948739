"""Reads one snapshot of an index in PostgreSQL for the search, each query in one round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._search.fields.index_entries import Row
from telecmi_mcp._search.store import Term
from telecmi_mcp._team.index.facet_queries import FacetQueries
from telecmi_mcp._team.index.texts import clipped, storable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from telecmi_mcp._search.store import BooleanQuery, Span
    from telecmi_mcp._team.db.database import Connection

COLUMNS = ", ".join(Row._fields)
_AFTER_ANY_TEXT = "\U0010ffff"
_NUMBER_BITS = 32
# Every query here walks through an index. Without statistics of a growing table, the planner would read the whole table
# or index and compile the plan. OFFSET 0, LIMIT 1 and these settings force the plan.
PLANNING = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY" + "".join(
    f"; SET LOCAL {name} = off" for name in PLANNING
)
_TERMS = """
    SELECT term.* FROM unnest(%s::text[]) AS asked (text),
    LATERAL (
        SELECT term_id, text, fields, uses FROM telecmi_mcp.term
        WHERE mirror_id = %s AND text = asked.text LIMIT 1
    ) AS term
"""
_STARTING = """
    SELECT asked.place, term.* FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS asked (least, most, place),
    LATERAL (
        SELECT term_id, text, fields, uses FROM telecmi_mcp.term
        WHERE mirror_id = %s AND text >= asked.least AND text < asked.most ORDER BY uses DESC, text LIMIT %s
    ) AS term ORDER BY asked.place, term.uses DESC, term.text
"""
_NEAR = """
    SELECT asked.place, term.* FROM unnest(%s::text[]) WITH ORDINALITY AS asked (shapes, place),
    LATERAL (SELECT term_id FROM telecmi_mcp.sketch WHERE shapes && asked.shapes::bigint[] OFFSET 0) AS alike,
    LATERAL (
        SELECT term_id, text, fields, uses FROM telecmi_mcp.term
        WHERE term_id = alike.term_id AND mirror_id = %s LIMIT 1
    ) AS term ORDER BY asked.place, term.term_id
"""
_MEETING = """
    (SELECT {place} AS place, rid FROM (
        SELECT mirror_id, rid FROM telecmi_mcp.posting WHERE {clauses} OFFSET 0
    ) AS met WHERE mirror_id = %(mirror)s ORDER BY rid LIMIT %(limit)s)
"""
_CANDIDATES = """
    WITH found AS MATERIALIZED ({met}),
    first AS MATERIALIZED (SELECT rid, min(place) AS place FROM found GROUP BY rid ORDER BY 2, 1 LIMIT %(limit)s)
    SELECT contact.* FROM first, LATERAL (
        SELECT {columns} FROM telecmi_mcp.contact WHERE mirror_id = %(mirror)s AND rid = first.rid LIMIT 1
    ) AS contact ORDER BY first.place, first.rid
"""
_BY_ID = f"""
    SELECT contact.* FROM unnest(%s::text[]) AS asked (contact_id),
    LATERAL (
        SELECT rid, {COLUMNS} FROM telecmi_mcp.contact
        WHERE mirror_id = %s AND contact_id = asked.contact_id LIMIT 1
    ) AS contact
"""
_REACHED = "SELECT * FROM ({found}) AS found ORDER BY place, value, rid"
_IN_SPAN = """
    (SELECT %s::int AS place, met.value, met.rid, contact.* FROM (
        SELECT value, rid FROM telecmi_mcp.reach
        WHERE mirror_id = %s AND reach = %s AND value >= %s AND value {below} %s ORDER BY value, rid LIMIT %s
    ) AS met, LATERAL (
        SELECT {columns} FROM telecmi_mcp.contact WHERE mirror_id = %s AND rid = met.rid LIMIT 1
    ) AS contact)
"""


class Snapshot(FacetQueries):
    """A ``View`` of an index at the start of its transaction."""

    def __init__(self, connection: Connection, mirror_id: int) -> None:
        connection.execute(_BEGIN)
        super().__init__(connection, mirror_id)

    def terms(self, texts: Collection[str], /) -> list[Term]:
        """Return the terms with these texts."""
        asked = list({clipped(text) for text in texts})
        return [Term._make(found) for found in self._ask(_TERMS, asked, self._mirror_id)]

    def starting(self, prefixes: Sequence[str], /, *, limit: int) -> list[list[Term]]:
        """Return the ``limit`` most used terms for each prefix."""
        least = [clipped(prefix) for prefix in prefixes]
        most = [prefix + _AFTER_ANY_TEXT for prefix in least]
        return self._terms_of_each(len(least), self._ask(_STARTING, least, most, self._mirror_id, limit))

    def near(self, sketches: Sequence[Collection[int]], /) -> list[list[Term]]:
        """Return for each collection of sketches the terms that share one with it."""
        asked = [array(owned(self._mirror_id, some)) for some in sketches]
        return self._terms_of_each(len(asked), self._ask(_NEAR, asked, self._mirror_id))

    def candidates(self, demands: Sequence[BooleanQuery], /, *, limit: int) -> list[Row]:
        """Give the contacts that meet a demand, at most `limit` in all, in their order."""
        values: dict[str, Any] = {"mirror": self._mirror_id, "limit": limit}
        met = [self._meeting(place, demand, values) for place, demand in enumerate(demands)]
        if not met:
            return []
        sql = _CANDIDATES.format(met=" UNION ALL ".join(met), columns=COLUMNS)
        return [Row._make(found) for found in self._fetch(sql, values)]

    def reached(self, spans: Sequence[Span], /, *, limit: int) -> list[list[Row]]:
        """Give the contacts in each of these spans, at most `limit` for each."""
        sql = _REACHED.format(found=" UNION ALL ".join(map(_in_span, spans)))
        values = [
            value
            for place, span in enumerate(spans)
            for value in (place, self._mirror_id, int(span.reach), *_ends(span), limit, self._mirror_id)
        ]
        found: list[dict[int, Row]] = [{} for _ in spans]
        for place, _, rid, *row in self._ask(sql, *values) if spans else ():
            found[place].setdefault(rid, Row._make(row))
        return [list(some.values()) for some in found]

    def contacts(self, contact_ids: Collection[str], /) -> list[Row]:
        """Give the contacts of these ids that are there."""
        known = rows_of(self._connection, self._mirror_id, contact_ids)
        return [known[contact_id][1] for contact_id in dict.fromkeys(map(storable, contact_ids)) if contact_id in known]

    def numbers(self, contact_ids: Collection[str], /) -> dict[str, int]:
        """Return the numbers of the contacts with these ids."""
        known = rows_of(self._connection, self._mirror_id, contact_ids)
        return {contact_id: rid + 1 for contact_id, (rid, _) in known.items()}

    def _meeting(self, place: int, demand: BooleanQuery, values: dict[str, Any]) -> str:
        names = [f"c{place}_{number}" for number in range(len(demand))]
        values |= {name: sorted(clause) for name, clause in zip(names, demand, strict=True)}
        return _MEETING.format(place=place, clauses=" AND ".join(f"tokens && %({name})s::bigint[]" for name in names))

    def _terms_of_each(self, count: int, rows: Iterable[tuple[Any, ...]]) -> list[list[Term]]:
        found: list[list[Term]] = [[] for _ in range(count)]
        for place, *term in rows:
            found[place - 1].append(Term._make(term))
        return found


def rows_of(connection: Connection, mirror_id: int, contact_ids: Collection[str]) -> dict[str, tuple[int, Row]]:
    """Return the contacts with these ids, and their numbers."""
    found = connection.execute(_BY_ID, (list({storable(each) for each in contact_ids}), mirror_id))
    return {row[1]: (row[0], Row._make(row[1:])) for row in found}


def owned(mirror_id: int, shapes: Collection[int]) -> list[int]:
    """Prefix sketches with the number of their index."""
    return sorted(mirror_id << _NUMBER_BITS | shape for shape in shapes)


def array(numbers: Iterable[int]) -> str:
    """Write an array as PostgreSQL reads it: psycopg has no arrays of arrays of different lengths."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _in_span(span: Span) -> str:
    return _IN_SPAN.format(columns=COLUMNS, below="<" if span.is_prefix else "<=")


def _ends(span: Span) -> tuple[str, str]:
    value = clipped(span.value)
    return value, value + _AFTER_ANY_TEXT * span.is_prefix
