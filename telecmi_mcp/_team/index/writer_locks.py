"""Locks indexes for writing by one replica: advisory locks of PostgreSQL on one connection.

A lock decides which replica may write, and ends with its connection. The fence makes that safe: a replica that takes a
lock increments the index's fence, and each write transaction compares the fence first. So a replica that was cut off or
suspended cannot overwrite what its successor wrote.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any

import psycopg

from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._team.db.database import Connection, Database

_log = logging.getLogger(__name__)

NAMESPACE = 727_435_210
"""First half of the locks' keys; the second half is the number of the index."""

# On the server's side: a machine that disappears loses its locks after about eight seconds.
_KEEPALIVES = "SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 2"
_BUMP = """
    UPDATE telecmi_mcp.mirror SET fence = fence + 1, used_at = now() WHERE mirror_id = %s
    RETURNING ARRAY[fence, under_way::int]
"""
_ABANDONED = """
    SELECT array_agg(key) FROM telecmi_mcp.mirror JOIN telecmi_mcp.account USING (account_id)
    WHERE under_way AND version = %s AND (mirror_id = ANY(%s) OR NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = mirror_id::oid AND objsubid = 2
        AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ))
"""
_RECONNECT_PAUSE_S = 1.0  # seconds without a new attempt after a failed connection
_STALLED_S = 5.0  # seconds without progress after which a sync is resumed
_IDLE_S = 30.0
_PAUSED_S = 600.0
"""Seconds after which an unused lock is released; the longer time applies while a sync is unfinished."""


class WriterLock:
    """Writer lock of one index, until it is released or lost."""

    def __init__(self, locks: WriterLocks, mirror_id: int, fence: int, *, is_under_way: bool) -> None:
        self._locks = locks
        self.mirror_id = mirror_id
        self.fence = fence
        self.used = locks.clock()
        self.is_under_way = is_under_way

    def is_held(self) -> bool:
        """Whether the lock is held, as far as this replica knows; sends no query."""
        return self._locks.has(self)

    def use(self) -> None:
        """Note that the lock is in use."""
        self.used = self._locks.clock()


class WriterLocks:
    """Writer locks of one replica. Thread-safe; all methods except ``has`` block."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._database = database
        self._connection: Connection | None = None
        self._held: dict[int, WriterLock] = {}
        self._reconnect_at = clock()
        self._mutex = RLock()

    def take(self, mirror_id: int) -> WriterLock | None:
        """Take the writer lock of an index; ``None`` while another replica holds it.

        Raises:
            DatabaseUnavailable: The database is unreachable; then this replica holds no lock.
        """
        with self._mutex:
            if mirror_id in self._held or not self.ask("SELECT pg_try_advisory_lock(%s, %s)", NAMESPACE, mirror_id):
                return None
            try:
                fence, is_under_way = self.ask(_BUMP, mirror_id)
            except psycopg.errors.LockNotAvailable:  # the last transaction of the previous holder has not ended
                self.ask("SELECT pg_advisory_unlock(%s, %s)", NAMESPACE, mirror_id)
                return None
            lock = self._held[mirror_id] = WriterLock(self, mirror_id, fence, is_under_way=bool(is_under_way))
            return lock

    def has(self, lock: WriterLock) -> bool:
        """Whether this lock is still held, as far as this replica knows."""
        return self._held.get(lock.mirror_id) is lock

    def release(self, lock: WriterLock) -> None:
        """Release a lock."""
        with self._mutex:
            if self.has(lock):
                del self._held[lock.mirror_id]
                with suppress(DatabaseUnavailable):
                    self.ask("SELECT pg_advisory_unlock(%s, %s)", NAMESPACE, lock.mirror_id)

    def release_unused(self) -> None:
        """Release unused locks, so that the replica that gets the next search can write.

        A sync that pauses because TeleCMI asked for it has more time.
        """
        for lock in list(self._held.values()):
            if self.clock() - lock.used > (_PAUSED_S if lock.is_under_way else _IDLE_S):
                self.release(lock)

    def abandoned(self, version: int) -> list[bytes]:
        """Return the keys of the accounts with an abandoned sync.

        Those are unfinished syncs without a lock, and syncs that this replica has locked without progress: after a
        fault, or because the database was lost in between. The query also shows whether the connection, and so the
        locks, still exist.

        Raises:
            DatabaseUnavailable: The connection was lost, or cannot be opened.
        """
        with self._mutex:
            resting = [lock.mirror_id for lock in self._held.values() if self.clock() - lock.used > _STALLED_S]
            return self.ask(_ABANDONED, version, resting, NAMESPACE) or []

    def close(self) -> None:
        """Release all locks before returning."""
        with self._mutex:
            if self._connection is not None:
                with suppress(DatabaseUnavailable, StatementRejected):
                    self.ask("SELECT pg_advisory_unlock_all()")
            self._lose()

    def ask(self, sql: str, *values: object) -> Any:
        """Run one statement on the connection of the locks, and return the first column of its first row.

        Raises:
            DatabaseUnavailable: The connection was lost, or cannot be opened; no new attempt is made for a second.
            StatementRejected: The database refuses the statement.
        """
        with self._mutex:
            try:
                row = self._connected().execute(sql.encode(), values).fetchone()
            except psycopg.errors.LockNotAvailable:
                raise
            except (psycopg.OperationalError, psycopg.InterfaceError) as why:
                if self._held:
                    _log.warning(
                        "the connection to the database was lost, and with it the writer locks of %d indexes",
                        len(self._held),
                    )
                self._lose()
                raise DatabaseUnavailable(detail=type(why).__name__) from None
            except psycopg.Error as why:
                raise StatementRejected(detail=f"{type(why).__name__} {why.sqlstate}") from None
            return row[0] if row else None

    def _connected(self) -> Connection:
        if self._connection is None:
            if self.clock() < self._reconnect_at:
                raise DatabaseUnavailable(detail="a moment ago")
            try:
                self._connection = self._database.connect_apart()
            except DatabaseUnavailable:
                self._reconnect_at = self.clock() + _RECONNECT_PAUSE_S
                raise
            self._connection.execute(_KEEPALIVES)
        return self._connection

    def _lose(self) -> None:
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
