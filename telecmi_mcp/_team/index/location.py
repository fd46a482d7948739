"""Locates an account's index in PostgreSQL, where one replica writes it and all read it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from telecmi_mcp._team.index.postgres_store import VERSION, PostgresStore

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.index.writer_locks import WriterLock, WriterLocks

_MAKE = """
    WITH made AS (INSERT INTO telecmi_mcp.account (key) VALUES (%s) ON CONFLICT DO NOTHING RETURNING account_id)
    INSERT INTO telecmi_mcp.mirror (account_id, version)
    SELECT account_id, %s FROM (
        SELECT account_id FROM made UNION SELECT account_id FROM telecmi_mcp.account WHERE key = %s
    ) AS known
    ON CONFLICT DO NOTHING RETURNING mirror_id
"""
_FIND = """
    SELECT mirror_id FROM telecmi_mcp.mirror JOIN telecmi_mcp.account USING (account_id) WHERE version = %s AND key = %s
"""


def account_key(owner: str) -> bytes:
    """Return the key of an account in the database: a hash of its name (``account_directory.name_owner``)."""
    return blake2b(owner.encode(), digest_size=32, person=b"telecmi account").digest()


class PostgresLocation:
    """Location of one account's index. All methods block: call them in a thread.

    Args:
        database: The database of the index.
        locks: Writer locks of this replica.
        owner: Name of the account.
    """

    def __init__(self, database: Database, locks: WriterLocks, owner: str) -> None:
        self.notice = ""
        self._database = database
        self._locks = locks
        self._key = account_key(owner)
        self._lock: WriterLock | None = None
        self._mirror_id: int | None = None
        self._store: PostgresStore | None = None

    @property
    def is_writer(self) -> bool:
        """Whether this replica holds the writer lock, as far as it knows."""
        return self._lock is not None and self._lock.is_held()

    def take(self) -> PostgresStore:
        """Return the store to use now; it is a new one if this replica has got or lost the writer lock.

        Raises:
            DatabaseUnavailable: The database cannot be reached.
        """
        if self._mirror_id is None:
            self._mirror_id = self._find_or_create()
        previous = self._lock
        if self.is_writer and self._lock:
            self._lock.use()
        else:
            self._lock = self._locks.take(self._mirror_id)
        if self._store is None or self._lock is not previous:
            self._store = PostgresStore(self._database, self._mirror_id, self._lock)
        return self._store

    def wipe(self) -> None:
        """Remove everything of the index, if this replica may write it."""
        if self._store is not None and self.is_writer:
            self._store.wipe()

    def use_memory(self, _: str) -> bool:
        """Return ``False``: there is no index outside the database."""
        return False

    def close(self) -> None:
        """Release the writer lock."""
        if self._lock is not None:
            self._locks.release(self._lock)
        self._lock = self._store = None

    def _find_or_create(self) -> int:
        found = self._locks.ask(_FIND, VERSION, self._key)
        if found is None:
            self._locks.ask(_MAKE, self._key, VERSION, self._key)
            found = self._locks.ask(_FIND, VERSION, self._key)
        return int(found)
