"""Numbers and counts the words of an index in PostgreSQL, and deletes words that no contact has."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from telecmi_mcp._search.fields.index_entries import entries, is_word, sketches
from telecmi_mcp._search.store import posting
from telecmi_mcp._team.index.snapshot import array, owned
from telecmi_mcp._team.index.texts import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from telecmi_mcp._search.fields.index_entries import Field, Row
    from telecmi_mcp._team.db.database import Connection

_KNOWN = """
    SELECT term.* FROM unnest(%s::text[]) AS asked (text),
    LATERAL (
        SELECT text, term_id, fields FROM telecmi_mcp.term WHERE mirror_id = %s AND text = asked.text LIMIT 1
    ) AS term
"""
_ADD = """
    INSERT INTO telecmi_mcp.term (mirror_id, text, fields, uses)
    SELECT %s, text, fields, uses FROM unnest(%s::text[], %s::int[], %s::int[])
    WITH ORDINALITY AS fresh (text, fields, uses, place) ORDER BY place RETURNING text, term_id, fields
"""
_COUNT = """
    UPDATE telecmi_mcp.term SET uses = term.uses + counted.change, fields = term.fields | counted.fields
    FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS counted (term_id, change, fields)
    WHERE term.term_id = counted.term_id
"""
_SKETCH = "INSERT INTO telecmi_mcp.sketch SELECT term_id, shapes::bigint[] FROM unnest(%s::bigint[], %s::text[]) AS fresh (term_id, shapes)"  # noqa: E501 - one statement
_PRUNE = """
    WITH unused AS (DELETE FROM telecmi_mcp.term WHERE mirror_id = %s AND text = ANY(%s) AND uses < 1 RETURNING term_id)
    DELETE FROM telecmi_mcp.sketch WHERE term_id IN (SELECT term_id FROM unused)
"""


class _Known(NamedTuple):
    """A numbered word, with the fields in which it was seen as bits."""

    text: str
    term_id: int
    fields: int


class Vocabulary:
    """The words of one index inside one write transaction."""

    def __init__(self, connection: Connection, mirror_id: int) -> None:
        self._connection = connection
        self._mirror_id = mirror_id

    def exchange(self, gone: Iterable[Row], come: Sequence[Row]) -> list[list[int]]:
        """Count the words of removed and added contacts, and return the posting tokens of each added one."""
        found = [_entries(row) for row in come]
        uses = Counter(text for some in found for text, _ in some)
        uses.subtract(text for row in gone for text, _ in _entries(row))
        fields: Counter[str] = Counter()
        for text, field in {entry for some in found for entry in some}:
            fields[text] |= 1 << field
        numbers = self._numbered(uses, fields)
        return [sorted(posting(numbers[text], field) for text, field in some) for some in found]

    def _numbered(self, uses: Counter[str], fields: Mapping[str, int]) -> dict[str, int]:
        known = {text: _Known(text, *facts) for text, *facts in self._execute(_KNOWN, list(uses), self._mirror_id)}
        fresh = self._add([text for text in uses if text not in known], uses, fields)
        moved = [word for word in known.values() if uses[word.text] or fields[word.text] & ~word.fields]
        if moved:
            counted = sorted((word.term_id, uses[word.text], fields[word.text]) for word in moved)
            self._connection.execute(_COUNT, [list(column) for column in zip(*counted, strict=True)])
        if shrunk := [text for text, change in uses.items() if change < 0]:
            self._connection.execute(_PRUNE, (self._mirror_id, shrunk))
        return {word.text: word.term_id for word in (*known.values(), *fresh)}

    def _add(self, texts: list[str], uses: Mapping[str, int], fields: Mapping[str, int]) -> list[_Known]:
        if not texts:
            return []
        counts = [uses[text] for text in texts]
        fresh = [
            _Known._make(row)
            for row in self._execute(_ADD, self._mirror_id, texts, [fields[text] for text in texts], counts)
        ]
        found = [
            (word.term_id, array(owned(self._mirror_id, sketches(word.text)))) for word in fresh if is_word(word.text)
        ]
        if found:
            self._connection.execute(_SKETCH, [list(column) for column in zip(*found, strict=True)])
        return fresh

    def _execute(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.encode(), values).fetchall()


def _entries(row: Row) -> frozenset[tuple[str, Field]]:
    found = entries(row)
    return (
        found
        if all(text.isascii() for text, _ in found)
        else frozenset((clipped(text), field) for text, field in found)
    )
