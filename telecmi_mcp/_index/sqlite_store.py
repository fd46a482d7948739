"""Stores contacts in SQLite, in memory or in a file, for the search; the only importer of sqlite3.

One table, the vocabulary, holds the words; other tables refer to a word by its number. So the postings hold no name,
and the bytes of a deleted name can only be in table rows. `secure_delete` overwrites these, and `Index.compact`
rewrites the file.
"""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import RLock
from typing import Self
from zlib import crc32

from telecmi_mcp._index.facet_queries import FACET_SCHEMA, FacetQueries, add_facets, remove_facets
from telecmi_mcp._index.files import FULL, NOT_WRITABLE, UNUSABLE, reason_of, why_not_written
from telecmi_mcp._index.postings import (
    Backend,
    Connection,
    Fts5Postings,
    PlainPostings,
    Postings,
    numbered,
    prune,
    tokens,
)
from telecmi_mcp._models import Contact
from telecmi_mcp._search.caches import forget
from telecmi_mcp._search.fields.index_entries import NORMALISER, Row, entries, reaches
from telecmi_mcp._search.store import BooleanQuery, Span, Term, Written
from telecmi_mcp.errors import IndexUnusable

_COLUMNS = ", ".join(Contact._fields)
_PLACEHOLDERS = ", ".join("?" for _ in Contact._fields)
_TYPED_COLUMNS = _COLUMNS.replace(",", " TEXT,").replace("contact_id TEXT", "contact_id TEXT NOT NULL UNIQUE")
_SCHEMA = f"""
CREATE TABLE contact (rid INTEGER PRIMARY KEY, {_TYPED_COLUMNS} TEXT, generation INTEGER NOT NULL);
CREATE TABLE term (
    term_id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL UNIQUE,
    fields INTEGER NOT NULL, uses INTEGER NOT NULL);
CREATE TABLE sketch (
    sketch INTEGER NOT NULL, term_id INTEGER NOT NULL, PRIMARY KEY (sketch, term_id)) WITHOUT ROWID;
CREATE TABLE reach (
    reach INTEGER NOT NULL, value TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (reach, value, rid)) WITHOUT ROWID;
{FACET_SCHEMA};
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_VERSION = crc32(f"{NORMALISER} {_SCHEMA}".encode()) >> 1
"""A file with another schema, or with texts of another normaliser, has another version and is created again."""

_ON_DISK = ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON", "temp_store = MEMORY")
_MALFORMED = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH})
_LOCK_TIMEOUT_MS = 5000  # of another process
_AFTER_ANY_TEXT = "\U0010ffff"


class Index:
    """A `ContactStore` in SQLite, for one account.

    Thread-safe: any method may be called from any thread. In memory, one connection serves one call after the other. On
    disk, readers have a connection of their own: a search does not wait for a page that is being written, and sees the
    state before or after it. One process may write a file; others open it with `read_only`.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        backend: Backend | None = None,
        read_only: bool = False,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        """Open an index, or create a new one.

        Args:
            path: the file, created with mode 0600; in memory when left out.
            backend: the kind of postings of a new index; FTS5 if this SQLite has it, when left out.
            read_only: open a file that another process writes.
            before_write: is called before each change, and raises to forbid it.

        Raises:
            IndexUnusable: the file is not an index, is of another version, or cannot be opened.
        """
        self._path = path
        self._before_write = before_write
        self._writing = RLock()
        self._reading = RLock() if path else self._writing
        with _map_errors(path):
            if path and not read_only:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._writer = _connect(path, read_only=read_only)
            try:
                if not read_only:
                    _prepare(self._writer, backend, path)
                self._postings = _recognise(self._writer, backend, path)
                self._reader = _connect(path, read_only=True) if path and not read_only else self._writer
            except BaseException:
                self._writer.close()
                raise

    def copied(self) -> Self:
        """Return a copy in memory."""
        copy = type(self)()
        with self._reading, _map_errors(self._path):
            self._reader.backup(copy._writer)  # noqa: SLF001 - of the same class
        with _map_errors():
            copy._postings = _recognise(copy._writer, None, None)  # noqa: SLF001
        return copy

    def close(self) -> None:
        """Close the file; no method can be called afterwards."""
        with self._reading, self._writing:
            self._reader.close()
            self._writer.close()
        forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator["Snapshot"]:
        """Return a consistent view of the index; in memory, writers wait until the context ends."""
        with self._reading, _map_errors(self._path), _transaction(self._reader, "BEGIN"):
            yield Snapshot(self._reader, self._postings)

    def upsert(self, contacts: Sequence[Contact], /, *, generation: int, state: Mapping[str, str]) -> Written:
        """Write a page, mark its contacts as seen in `generation` and save `state`, in one transaction.

        An unchanged contact costs one comparison. If a page has an id twice, the last entry counts.
        """
        page = {row.contact_id: row for row in map(_row, contacts)}
        with self._changing() as connection:
            known = _find(connection, page)
            same = [rid for rid, row in known.values() if page[row.contact_id] == row]
            connection.execute(
                "UPDATE contact SET generation = ? WHERE rid IN (SELECT value FROM json_each(?))",
                (generation, json.dumps(same)),
            )
            old = [(rid, row) for rid, row in known.values() if page[row.contact_id] != row]
            fresh = [row for contact_id, row in page.items() if contact_id not in known]
            new = [(_insert(connection, row, generation), row) for row in fresh]
            new += [
                (_update(connection, rid, page[row.contact_id], generation), page[row.contact_id]) for rid, row in old
            ]
            self._reindex(connection, old=old, new=new)
            _remember(connection, state)
        return Written(changed=len(new), unchanged=len(same))

    def delete(self, contact_ids: Collection[str], /) -> int:
        """Remove contacts by id and return how many there were."""
        with self._changing() as connection:
            return self._remove(connection, list(_find(connection, contact_ids).values()))

    def sweep(self, generation: int, /, *, state: Mapping[str, str] | None = None) -> int:
        """Remove the contacts that were not seen in `generation`, save `state`, and return how many there were."""
        with self._changing() as connection:
            cursor = connection.execute(f"SELECT rid, {_COLUMNS} FROM contact WHERE generation <> ?", (generation,))
            removed = self._remove(connection, [(rid, Row._make(row)) for rid, *row in cursor])
            _remember(connection, state or {})
            return removed

    def remember(self, state: Mapping[str, str], /) -> None:
        """Save state without a page."""
        with self._changing() as connection:
            _remember(connection, state)

    def state(self) -> dict[str, str]:
        """Return the saved state."""
        with self._reading, _map_errors(self._path):
            return dict(self._reader.execute("SELECT name, value FROM state"))

    def count(self, generation: int | None = None, /) -> int:
        """Return the number of contacts, or of those that were seen in `generation`."""
        where, values = ("", ()) if generation is None else (" WHERE generation = ?", (generation,))
        with self._reading, _map_errors(self._path):
            return int(self._reader.execute(f"SELECT count(*) FROM contact{where}", values).fetchone()[0])

    def compact(self) -> bool:
        """Leave no byte of removed contacts in the files: pack the postings, rewrite the file, empty the log.

        It takes about a second for 100,000 contacts, and as much memory as the file is long. It returns False if
        another process was reading an older state, so that the log could not be emptied: call it again later.
        """
        if self._path is None:
            return True
        with self._reading, self._writing, _map_errors(self._path):
            self._before_write()
            self._postings.pack(self._writer)
            self._writer.execute("VACUUM")
            self._writer.execute("PRAGMA busy_timeout = 0")
            busy, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._writer.execute(f"PRAGMA busy_timeout = {_LOCK_TIMEOUT_MS}")
            return not busy

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._writing, _map_errors(self._path):
            self._before_write()
            with _transaction(self._writer, "BEGIN IMMEDIATE"):
                yield self._writer

    def _remove(self, connection: sqlite3.Connection, old: list["_Numbered"]) -> int:
        self._reindex(connection, old=old, new=[])
        connection.executemany("DELETE FROM contact WHERE rid = ?", [(rid,) for rid, _ in old])
        return len(old)

    def _reindex(self, connection: sqlite3.Connection, *, old: list["_Numbered"], new: list["_Numbered"]) -> None:
        removed = {rid: entries(row) for rid, row in old}
        added = {rid: entries(row) for rid, row in new}
        uses = Counter(text for found in added.values() for text, _ in found)
        uses.subtract(text for found in removed.values() for text, _ in found)
        numbers = numbered(connection, uses, added.values())
        self._postings.remove(connection, tokens(removed, numbers))
        self._postings.add(connection, tokens(added, numbers))
        prune(connection, [text for text, change in uses.items() if change < 0])
        connection.executemany(
            "DELETE FROM reach WHERE reach = ? AND value = ? AND rid = ?",
            ((*found, rid) for rid, row in old for found in reaches(row)),
        )
        connection.executemany(
            "INSERT INTO reach VALUES (?, ?, ?)", ((*found, rid) for rid, row in new for found in reaches(row))
        )
        remove_facets(connection, [rid for rid, _ in old])
        add_facets(connection, new)
        if old:
            forget()


class Snapshot(FacetQueries):
    """A `View` of an index as it was when the transaction began."""

    def __init__(self, connection: sqlite3.Connection, postings: "Postings") -> None:
        super().__init__(connection)
        self._postings = postings

    def terms(self, texts: Collection[str], /) -> list[Term]:
        """Return the terms that equal one of these texts."""
        return self._terms("text IN (SELECT value FROM json_each(?))", json.dumps(list(texts)))

    def starting(self, prefixes: Sequence[str], /, *, limit: int) -> list[list[Term]]:
        """Return, for each prefix, the `limit` most used terms that start with it."""
        where = "text >= ? AND text < ? ORDER BY uses DESC, text LIMIT ?"
        return [self._terms(where, prefix, prefix + _AFTER_ANY_TEXT, limit) for prefix in prefixes]

    def near(self, sketches: Sequence[Collection[int]], /) -> list[list[Term]]:
        """Return, for each collection of sketches, the terms that share one with it."""
        where = "term_id IN (SELECT term_id FROM sketch WHERE sketch IN (SELECT value FROM json_each(?)))"
        return [self._terms(where, json.dumps(list(some))) for some in sketches]

    def candidates(self, demands: Sequence[BooleanQuery], /, *, limit: int) -> list[Row]:
        """Return the contacts that meet a demand, at most `limit` in all, in the order of the demands."""
        found: dict[int, None] = {}
        for demand in demands:
            if len(found) < limit:
                found.update(dict.fromkeys(self._postings.matching(self._connection, demand, limit)))
        return self._rows(list(found)[:limit])

    def reached(self, spans: Sequence[Span], /, *, limit: int) -> list[list[Row]]:
        """Return the contacts in each of these spans, at most `limit` for each."""
        return [self._rows(self._in_span(span, limit)) for span in spans]

    def contacts(self, contact_ids: Collection[str], /) -> list[Row]:
        """Return the contacts with these ids that the index holds."""
        return [row for _, row in _find(self._connection, contact_ids).values()]

    def numbers(self, contact_ids: Collection[str], /) -> dict[str, int]:
        """Return the numbers of the contacts with these ids."""
        sql = "SELECT contact_id, rid FROM contact WHERE contact_id IN (SELECT value FROM json_each(?))"
        return dict(self._connection.execute(sql, (json.dumps(list(contact_ids)),)).fetchall())

    def _in_span(self, span: Span, limit: int) -> list[int]:
        if span.is_prefix:
            where, values = "value >= ? AND value < ?", (span.value, span.value + _AFTER_ANY_TEXT)
        else:
            where, values = "value >= ? AND value <= ?", (span.value, span.value)
        sql = f"SELECT rid FROM reach WHERE reach = ? AND {where} LIMIT ?"
        found = self._connection.execute(sql, (span.reach, *values, limit))
        return list(dict.fromkeys(rid for (rid,) in found))

    def _terms(self, where: str, *values: str | int) -> list[Term]:
        sql = f"SELECT term_id, text, fields, uses FROM term WHERE {where}"
        return [Term._make(found) for found in self._connection.execute(sql, values)]

    def _rows(self, rids: list[int]) -> list[Row]:
        sql = f"SELECT rid, {_COLUMNS} FROM contact WHERE rid IN (SELECT value FROM json_each(?))"
        found = {rid: Row._make(row) for rid, *row in self._connection.execute(sql, (json.dumps(rids),))}
        return [found[rid] for rid in rids if rid in found]


_Numbered = tuple[int, Row]


def _connect(path: Path | None, *, read_only: bool) -> sqlite3.Connection:
    if path is None:
        return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    uri = path.absolute().as_uri() + ("?mode=ro" if read_only else "?mode=rw")
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_LOCK_TIMEOUT_MS / 1000
    )


def _prepare(connection: sqlite3.Connection, backend: Backend | None, path: Path | None) -> None:
    for pragma in _ON_DISK if path else ():
        connection.execute(f"PRAGMA {pragma}")
    if connection.execute("PRAGMA schema_version").fetchone() != (0,):
        return
    postings = _postings(backend or ("fts5" if has_fts5(connection) else "plain"))
    marks = f"PRAGMA user_version = {_VERSION}", f"PRAGMA application_id = {_file_mark(path)}"
    with _transaction(connection, "BEGIN IMMEDIATE"):
        for statement in (*_SCHEMA.split(";"), postings.schema, *marks):
            connection.execute(statement)


def _file_mark(path: Path | None) -> int:
    """Return a number that ties a file to its name, and so to its account; a file with another name is refused."""
    return int.from_bytes(blake2b(path.stem.encode(), digest_size=4).digest(), "big", signed=True) if path else 0


def _recognise(connection: sqlite3.Connection, backend: Backend | None, path: Path | None) -> Postings:
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if path and mark != _file_mark(path):
        raise IndexUnusable("the file has the mark of another name", malformed=True)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != _VERSION:
        raise IndexUnusable(f"version {version}, not {_VERSION}", malformed=True)
    (schema,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'posting'").fetchone() or ("",)
    found: Backend = "fts5" if "VIRTUAL" in schema else "plain"
    if backend not in (None, found) or (found == "fts5" and not has_fts5(connection)):
        raise IndexUnusable(f"its postings are {found}", malformed=True)
    return _postings(found)


def _postings(backend: Backend) -> Fts5Postings | PlainPostings:
    return Fts5Postings() if backend == "fts5" else PlainPostings()


def has_fts5(connection: sqlite3.Connection) -> bool:
    """Return True if this SQLite was built with FTS5."""
    return connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone() is not None


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def _map_errors(path: Path | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IndexUnusable(type(error).__name__, malformed=False, reason=reason_of(error)) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        malformed = code in _MALFORMED
        reason = "" if malformed or path is None else _reason(code, path)
        raise IndexUnusable(str(error), malformed=malformed, reason=reason) from error


def _reason(code: int, path: Path) -> str:
    match code:
        case sqlite3.SQLITE_FULL:
            return FULL
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN:
            return why_not_written(path)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return NOT_WRITABLE
        case _:
            return UNUSABLE


def _row(contact: Contact) -> Row:
    return Row._make(map(_storable, contact))


def _storable(text: str | None) -> str | None:
    """Replace lone surrogates, which SQLite cannot store."""
    return text if text is None or text.isascii() else text.encode("utf-8", "replace").decode()


def _find(connection: Connection, contact_ids: Iterable[str]) -> dict[str, _Numbered]:
    sql = f"SELECT rid, {_COLUMNS} FROM contact WHERE contact_id = ?"
    found = (connection.execute(sql, (_storable(contact_id),)).fetchone() for contact_id in contact_ids)
    return {row[1]: (row[0], Row._make(row[1:])) for row in found if row}


def _insert(connection: sqlite3.Connection, row: Row, generation: int) -> int:
    sql = f"INSERT INTO contact ({_COLUMNS}, generation) VALUES ({_PLACEHOLDERS}, ?)"
    return connection.execute(sql, (*row, generation)).lastrowid or 0


def _update(connection: sqlite3.Connection, rid: int, row: Row, generation: int) -> int:
    sql = f"UPDATE contact SET ({_COLUMNS}, generation) = ({_PLACEHOLDERS}, ?) WHERE rid = ?"
    connection.execute(sql, (*row, generation, rid))
    return rid


def _remember(connection: sqlite3.Connection, state: Mapping[str, str]) -> None:
    connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())
