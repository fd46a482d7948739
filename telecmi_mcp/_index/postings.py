"""Stores which contact has which word: the vocabulary, and two kinds of postings.

It works with any DB-API connection to SQLite, so that `sqlite_store` stays the only importer of sqlite3.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, Protocol

from telecmi_mcp._search.fields.index_entries import Field, is_word, sketches
from telecmi_mcp._search.store import BooleanQuery, posting

Backend = Literal["fts5", "plain"]
"""The table of the postings: an FTS5 table, or a plain one for an SQLite without FTS5."""
Tokens = Mapping[int, Collection[int]]
"""The numbered words of each contact."""


class Connection(Protocol):
    """The methods of a connection that are used here."""

    def execute(self, sql: str, values: Any = ..., /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, values: Iterable[Any], /) -> Any:
        """Run one statement for each of these."""


class Postings(Protocol):
    """Stores which contact has which numbered word."""

    def add(self, connection: Connection, words: Tokens, /) -> None:
        """Write the words of new contacts."""

    def remove(self, connection: Connection, words: Tokens, /) -> None:
        """Remove exactly the words that were written."""

    def matching(self, connection: Connection, demand: BooleanQuery, limit: int, /) -> list[int]:
        """Return the first `limit` contacts that have one word of every clause."""

    def pack(self, connection: Connection, /) -> None:
        """Free the space of removed words."""


class Fts5Postings:
    """Postings in a contentless FTS5 table. Its 'delete' command removes them, as SQLite before 3.43 requires.

    Source: https://www.sqlite.org/fts5.html, 4.4.3 and 6.4.
    """

    schema = "CREATE VIRTUAL TABLE posting USING fts5(tokens, content='', detail=none, columnsize=0, tokenize='ascii')"

    def add(self, connection: Connection, words: Tokens) -> None:
        connection.executemany("INSERT INTO posting (rowid, tokens) VALUES (?, ?)", _spelt(words))

    def remove(self, connection: Connection, words: Tokens) -> None:
        sql = "INSERT INTO posting (posting, rowid, tokens) VALUES ('delete', ?, ?)"
        connection.executemany(sql, _spelt(words))

    def matching(self, connection: Connection, demand: BooleanQuery, limit: int) -> list[int]:
        clauses = ("(" + " OR ".join(f'"{token}"' for token in sorted(clause)) + ")" for clause in demand)
        sql = "SELECT rowid FROM posting WHERE posting MATCH ? LIMIT ?"
        return [rid for (rid,) in connection.execute(sql, (" AND ".join(clauses), limit))]

    def pack(self, connection: Connection) -> None:
        connection.execute("INSERT INTO posting (posting) VALUES ('optimize')")


class PlainPostings:
    """Postings in a table of pairs."""

    schema = (
        "CREATE TABLE posting (token INTEGER NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (token, rid)) WITHOUT ROWID"
    )

    def add(self, connection: Connection, words: Tokens) -> None:
        connection.executemany("INSERT INTO posting VALUES (?, ?)", _pairs(words))

    def remove(self, connection: Connection, words: Tokens) -> None:
        connection.executemany("DELETE FROM posting WHERE token = ? AND rid = ?", _pairs(words))

    def matching(self, connection: Connection, demand: BooleanQuery, limit: int) -> list[int]:
        one = "SELECT rid FROM posting WHERE token IN (SELECT value FROM json_each(?))"
        sql = " INTERSECT ".join([one] * len(demand)) + " LIMIT ?"
        asked = [json.dumps(sorted(clause)) for clause in demand]
        return [rid for (rid,) in connection.execute(sql, (*asked, limit))]

    def pack(self, connection: Connection) -> None:
        """Do nothing: a plain table keeps no removed words."""


def _spelt(tokens: Tokens) -> Iterator[tuple[int, str]]:
    return ((rid, " ".join(map(str, sorted(some)))) for rid, some in tokens.items())


def _pairs(tokens: Tokens) -> Iterator[tuple[int, int]]:
    return ((token, rid) for rid, some in tokens.items() for token in some)


def tokens(found: Mapping[int, Collection[tuple[str, Field]]], numbers: Mapping[str, int]) -> Tokens:
    return {rid: {posting(numbers[text], field) for text, field in some} for rid, some in found.items()}


def numbered(
    connection: Connection, uses: Counter[str], come: Iterable[Collection[tuple[str, Field]]]
) -> dict[str, int]:
    """Count the uses of words up and down, number the new words, and return the number of each word."""
    fields: Counter[str] = Counter()
    for text, field in {entry for found in come for entry in found}:
        fields[text] |= 1 << field
    numbers = _numbers(connection, uses)
    fresh = [text for text in uses if text not in numbers]
    connection.executemany("INSERT INTO term (text, fields, uses) VALUES (?, 0, 0)", ((text,) for text in fresh))
    numbers |= _numbers(connection, fresh)
    connection.executemany(
        "INSERT INTO sketch VALUES (?, ?)",
        ((shape, numbers[text]) for text in fresh if is_word(text) for shape in sketches(text)),
    )
    connection.executemany(
        "UPDATE term SET uses = uses + ?, fields = fields | ? WHERE term_id = ?",
        ((change, fields[text], numbers[text]) for text, change in uses.items()),
    )
    return numbers


def _numbers(connection: Connection, texts: Collection[str]) -> dict[str, int]:
    sql = "SELECT text, term_id FROM term WHERE text IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(sql, (json.dumps(list(texts)),)))


def prune(connection: Connection, texts: list[str]) -> None:
    sql = "SELECT text, term_id FROM term WHERE uses < 1 AND text IN (SELECT value FROM json_each(?))"
    unused = connection.execute(sql, (json.dumps(texts),)).fetchall()
    connection.executemany(
        "DELETE FROM sketch WHERE sketch = ? AND term_id = ?",
        ((shape, number) for text, number in unused if is_word(text) for shape in sketches(text)),
    )
    connection.executemany("DELETE FROM term WHERE term_id = ?", ((number,) for _, number in unused))
