"""Which mirrors this replica may write: advisory locks of PostgreSQL, all on one connection of their own.

The lock says who may begin, and ends with its connection. The fence makes sure: who takes a lock counts the mirror's
fence up, and each transaction that writes first compares it. So a replica that was cut off, or slept, cannot write over
what its successor wrote, whatever it believes.
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
"""The first half of the locks' names; the second is the mirror's number."""

# The server's side: a machine that vanishes without a word loses its locks after about eight seconds.
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
_RECOVERY = 1.0  # seconds that nobody waits for a database that was just found away
_STALE = 5.0  # seconds after which a pass is looked after that does not come further
_IDLE = 30.0
_RESTING = 600.0
"""Seconds after which a right is let go that was not used; the second while a pass is under way."""


class WriterLock:
    """The right to write a mirror, until it is let go or lost."""

    def __init__(self, locks: WriterLocks, mirror_id: int, fence: int, *, is_under_way: bool) -> None:
        self._locks = locks
        self.mirror_id = mirror_id
        self.fence = fence
        self.used = locks.clock()
        self.is_under_way = is_under_way

    def is_held(self) -> bool:
        """Whether it is, as far as this replica knows; asks nobody."""
        return self._locks.has(self)

    def use(self) -> None:
        """Take note that it is needed."""
        self.used = self._locks.clock()


class WriterLocks:
    """The locks of one replica. All methods block but ``has``; thread-safe."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._database = database
        self._connection: Connection | None = None
        self._holds: dict[int, WriterLock] = {}
        self._again = clock()
        self._using = RLock()

    def take(self, mirror_id: int) -> WriterLock | None:
        """Take the right to write a mirror; ``None`` while somebody has it.

        Raises:
            DatabaseAway: It cannot be asked for; then no other is held either.
        """
        with self._using:
            if mirror_id in self._holds or not self.ask("SELECT pg_try_advisory_lock(%s, %s)", NAMESPACE, mirror_id):
                return None
            try:
                fence, is_under_way = self.ask(_BUMP, mirror_id)
            except psycopg.errors.LockNotAvailable:  # the last transaction of who had it before has not ended
                self.ask("SELECT pg_advisory_unlock(%s, %s)", NAMESPACE, mirror_id)
                return None
            hold = self._holds[mirror_id] = WriterLock(self, mirror_id, fence, is_under_way=bool(is_under_way))
            return hold

    def has(self, hold: WriterLock) -> bool:
        """Whether this right is still held, as far as this replica knows."""
        return self._holds.get(hold.mirror_id) is hold

    def release(self, hold: WriterLock) -> None:
        """Let others write the mirror."""
        with self._using:
            if self.has(hold):
                del self._holds[hold.mirror_id]
                with suppress(DatabaseUnavailable):
                    self.ask("SELECT pg_advisory_unlock(%s, %s)", NAMESPACE, hold.mirror_id)

    def release_unused(self) -> None:
        """Let go of what was not used for a while: whoever is asked next then writes, wherever that is.

        A pass that waits as long as TeleCMI asked it to is left more time.
        """
        for hold in list(self._holds.values()):
            if self.clock() - hold.used > (_RESTING if hold.is_under_way else _IDLE):
                self.release(hold)

    def abandoned(self, version: int) -> list[bytes]:
        """Give the keys of the accounts with a pass that has begun and that nobody goes on with.

        They are those that no replica may write, and those that this one may but did not lately: a pass that rests
        after a fault, or that was never taken up because the database went away in between. Shows at the same time
        whether the connection is still there, and with it the locks.

        Raises:
            DatabaseAway: It is not, or there is none.
        """
        with self._using:
            resting = [hold.mirror_id for hold in self._holds.values() if self.clock() - hold.used > _STALE]
            return self.ask(_ABANDONED, version, resting, NAMESPACE) or []

    def close(self) -> None:
        """Let go of everything; when this returns, another replica can take it."""
        with self._using:
            if self._connection is not None:
                with suppress(DatabaseUnavailable, StatementRejected):
                    self.ask("SELECT pg_advisory_unlock_all()")
            self._lose()

    def ask(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - a column's own type
        """Run one statement on the connection of the locks, and give the first column of its first row.

        Raises:
            DatabaseAway: It was lost, or there is none: then nobody waits for another one for a second.
            StatementRejected: The database refuses the statement.
        """
        with self._using:
            try:
                row = self._connected().execute(sql.encode(), values).fetchone()
            except psycopg.errors.LockNotAvailable:
                raise
            except (psycopg.OperationalError, psycopg.InterfaceError) as why:
                if self._holds:
                    _log.warning("the database was lost, and with it the right to renew %d mirrors", len(self._holds))
                self._lose()
                raise DatabaseUnavailable(detail=type(why).__name__) from None
            except psycopg.Error as why:
                raise StatementRejected(detail=f"{type(why).__name__} {why.sqlstate}") from None
            return row[0] if row else None

    def _connected(self) -> Connection:
        if self._connection is None:
            if self.clock() < self._again:
                raise DatabaseUnavailable(detail="a moment ago")
            try:
                self._connection = self._database.connect_apart()
            except DatabaseUnavailable:
                self._again = self.clock() + _RECOVERY
                raise
            self._connection.execute(_KEEPALIVES)
        return self._connection

    def _lose(self) -> None:
        self._holds.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
