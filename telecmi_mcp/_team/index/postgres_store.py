"""Stores one account's index in PostgreSQL; one replica writes it and all search it."""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from psycopg.types.json import Jsonb

from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._search.caches import forget
from telecmi_mcp._search.fields.index_entries import NORMALISER, Row, reaches
from telecmi_mcp._search.store import Written
from telecmi_mcp._team.index.cleanup import empty
from telecmi_mcp._team.index.facet_queries import add_facets
from telecmi_mcp._team.index.last_seen import NO_CONTACT, count_seen, mark, unseen
from telecmi_mcp._team.index.snapshot import COLUMNS, PLANNING, Snapshot, array, rows_of
from telecmi_mcp._team.index.texts import clipped, storable
from telecmi_mcp._team.index.vocabulary import Vocabulary
from telecmi_mcp.errors import WriterLockLost

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from telecmi_mcp._models import Contact
    from telecmi_mcp._team.db.database import Connection, Database
    from telecmi_mcp._team.index.writer_locks import WriterLock

_LAYOUT = 2
VERSION = (_LAYOUT * 1000 + NORMALISER) * 1000 + crc32(" ".join(Row._fields).encode()) % 1000
"""Version of an index's rows and of the fields in them; a program version with others keeps an index of its own."""

_CHUNK = 1000  # contacts that a sweep removes in one statement
_WRITE = f"""
    INSERT INTO telecmi_mcp.contact (mirror_id, rid, {COLUMNS})
    SELECT %s, * FROM unnest(%s::int[]{", %s::text[]" * len(Row._fields)})
    ON CONFLICT (mirror_id, rid) DO UPDATE SET ({COLUMNS})
    = ({", ".join(f"EXCLUDED.{column}" for column in COLUMNS.split(", "))})
"""
_POST = """
    INSERT INTO telecmi_mcp.posting AS posting SELECT %s, rid, tokens::bigint[]
    FROM unnest(%s::int[], %s::text[]) AS come (rid, tokens)
    ON CONFLICT (mirror_id, rid) DO UPDATE SET tokens = EXCLUDED.tokens WHERE posting.tokens <> EXCLUDED.tokens
"""
_REACH = """
    INSERT INTO telecmi_mcp.reach (mirror_id, reach, value, rid)
    SELECT %s, * FROM unnest(%s::smallint[], %s::text[], %s::int[]) ON CONFLICT DO NOTHING
"""
_REMOVE = """
    DELETE FROM telecmi_mcp.{table} AS row USING unnest(%s::int[]) AS gone (rid)
    WHERE row.mirror_id = %s AND row.rid = gone.rid
"""
_BY_RID = f"""
    SELECT rid, {COLUMNS} FROM unnest(%s::int[]) AS asked (rid) JOIN telecmi_mcp.contact USING (rid)
    WHERE mirror_id = %s
"""
_BEGIN = f"""
    SELECT next_rid, {", ".join(f"set_config('{name}', 'off', true)" for name in PLANNING)}
    FROM telecmi_mcp.mirror WHERE mirror_id = %s AND fence = %s FOR UPDATE
""".encode()
_CLOSE = """
    UPDATE telecmi_mcp.mirror SET next_rid = %s, contacts = contacts + %s, state = state || %s,
    under_way = coalesce(%s, under_way), used_at = now() WHERE mirror_id = %s
"""


class _Change(NamedTuple):
    """A write transaction; no other one writes this index until it ends."""

    connection: Connection
    next_rid: int


class PostgresStore:
    """A ``ContactStore`` in PostgreSQL for one index. Thread-safe; all methods block.

    Args:
        database: The database of the index.
        mirror_id: Number of the index.
        lock: Writer lock; ``None`` for a replica that only reads.
    """

    def __init__(self, database: Database, mirror_id: int, lock: WriterLock | None = None) -> None:
        self._database = database
        self._mirror_id = mirror_id
        self._lock = lock
        self._writing = RLock()

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Yield a snapshot of the index, in a transaction that sees no later writes."""
        with self._database.connection() as connection:
            yield Snapshot(connection, self._mirror_id)

    def upsert(self, contacts: Sequence[Contact], /, *, generation: int, state: Mapping[str, str]) -> Written:
        """Write a page, mark its contacts as seen in ``generation`` and save ``state`` in one transaction.

        An unchanged contact costs one comparison. If a page has an id twice, the last one counts.
        """
        page = {row.contact_id: row for row in map(_row, contacts)}
        with self._changing() as change:
            known = rows_of(change.connection, self._mirror_id, page)
            old = {rid: row for rid, row in known.values() if page[row.contact_id] != row}
            fresh = [row for contact_id, row in page.items() if contact_id not in known]
            new = dict(enumerate(fresh, change.next_rid)) | {rid: page[row.contact_id] for rid, row in old.items()}
            self._write(change.connection, old, new)
            mark(change.connection, self._mirror_id, [*new, *(rid for rid, _ in known.values())], generation)
            self._close(change, added=len(fresh), next_rid=change.next_rid + len(fresh), state=state)
        if old:
            forget()
        return Written(changed=len(new), unchanged=len(page) - len(new))

    def delete(self, contact_ids: Collection[str], /) -> int:
        """Remove contacts by id, and return how many there were."""
        with self._changing() as change:
            known = rows_of(change.connection, self._mirror_id, contact_ids)
            self._remove(change.connection, dict(known.values()))
            self._close(change, added=-len(known))
        return len(known)

    def sweep(self, generation: int, /, *, state: Mapping[str, str] | None = None) -> int:
        """Remove the contacts that were not seen in ``generation``, save ``state``, and return how many there were."""
        with self._changing() as change:
            rids = unseen(change.connection, self._mirror_id, generation)
            for start in range(0, len(rids), _CHUNK):
                some = rids[start : start + _CHUNK]
                self._remove(change.connection, self._rows(change.connection, some))
            self._close(change, added=-len(rids), state=state or {})
        return len(rids)

    def remember(self, state: Mapping[str, str], /) -> None:
        """Save state without a page."""
        with self._changing() as change:
            self._close(change, state=state)

    def state(self) -> dict[str, str]:
        """Return the saved state."""
        return dict(self._fact("state"))

    def count(self, generation: int | None = None, /) -> int:
        """Return the number of contacts, or of those that were seen in ``generation``."""
        if generation is None:
            return int(self._fact("contacts"))
        with self._database.connection() as connection:
            return count_seen(connection, self._mirror_id, generation)

    def compact(self) -> bool:
        """Do nothing: PostgreSQL itself removes the bytes of deleted rows.

        They stay in its tables until autovacuum has run and the space is used again, and in its write-ahead log and
        backups for as long as those are kept.
        """
        return True

    def wipe(self) -> None:
        """Remove everything."""
        with self._changing() as change:
            empty(change.connection, self._mirror_id)
        forget()

    @contextmanager
    def _changing(self) -> Iterator[_Change]:
        """Begin a write transaction, if this replica still holds the writer lock.

        The index's row is locked, so a replica that takes the writer lock waits for the end of this transaction. A
        later transaction of this replica then finds another fence: it cannot write although it does not know yet.
        """
        if self._lock is None or not self._lock.is_held():
            raise WriterLockLost
        with self._writing, self._database.connection() as connection:
            found = connection.execute(_BEGIN, (self._mirror_id, self._lock.fence)).fetchone()
            if found is None:
                raise WriterLockLost
            self._lock.use()
            yield _Change(connection, found[0])

    def _write(self, connection: Connection, old: Mapping[int, Row], new: Mapping[int, Row]) -> None:
        if not new:
            return
        tokens = Vocabulary(connection, self._mirror_id).exchange(old.values(), list(new.values()))
        columns = zip(*new.values(), strict=True)
        connection.execute(_WRITE.encode(), (self._mirror_id, list(new), *map(list, columns)))
        connection.execute(_POST, (self._mirror_id, list(new), [array(some) for some in tokens]))
        for table in ("reach", "facet") if old else ():
            connection.execute(_REMOVE.format(table=table).encode(), (list(old), self._mirror_id))
        add_facets(connection, self._mirror_id, new)
        reached = [(int(reach), clipped(value), rid) for rid, row in new.items() for reach, value in reaches(row)]
        if reached:
            connection.execute(_REACH, (self._mirror_id, *map(list, zip(*reached, strict=True))))

    def _remove(self, connection: Connection, old: Mapping[int, Row]) -> None:
        if not old:
            return
        Vocabulary(connection, self._mirror_id).exchange(old.values(), [])
        for table in ("posting", "reach", "facet", "contact"):
            connection.execute(_REMOVE.format(table=table).encode(), (list(old), self._mirror_id))
        mark(connection, self._mirror_id, old, NO_CONTACT)
        forget()

    def _rows(self, connection: Connection, rids: list[int]) -> dict[int, Row]:
        found = connection.execute(_BY_RID.encode(), (rids, self._mirror_id))
        return {rid: Row._make(row) for rid, *row in found}

    def _close(
        self, change: _Change, *, added: int = 0, next_rid: int | None = None, state: Mapping[str, str] | None = None
    ) -> None:
        is_under_way = _is_under_way(state) if state else None
        rid = change.next_rid if next_rid is None else next_rid
        change.connection.execute(_CLOSE, (rid, added, Jsonb(dict(state or {})), is_under_way, self._mirror_id))
        if self._lock and is_under_way is not None:
            self._lock.is_under_way = is_under_way

    def _fact(self, column: str) -> Any:
        with self._database.connection() as connection:
            sql = f"SELECT {column} FROM telecmi_mcp.mirror WHERE mirror_id = %s"
            found = connection.execute(sql.encode(), (self._mirror_id,)).fetchone()
        if found is None:
            raise WriterLockLost
        return found[0]


def _is_under_way(state: Mapping[str, str]) -> bool:
    sync_state = SyncState.from_state(state)
    return bool(sync_state.started_at and not sync_state.ended_at)


def _row(contact: Contact) -> Row:
    return Row._make(
        [value and storable(value) for value in (getattr(contact, name) for name in Row._fields)],
    )
