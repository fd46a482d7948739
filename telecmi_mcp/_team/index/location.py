"""Where an account's mirror stands on a team's server: in PostgreSQL, written by one replica, read by the others."""

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
    """Name an account in the database, by a hash of whose contacts they are (`_current.name_owner`)."""
    return blake2b(owner.encode(), digest_size=32, person=b"telecmi account").digest()


class PostgresLocation:
    """Gives the mirror of one account. All methods block; call them in a thread.

    Args:
        database: Where it is.
        locks: What this replica may write.
        owner: Whose contacts they are.
    """

    def __init__(self, database: Database, locks: WriterLocks, owner: str) -> None:
        self.notice = ""
        self._database = database
        self._locks = locks
        self._key = account_key(owner)
        self._hold: WriterLock | None = None
        self._mirror_id: int | None = None
        self._store: PostgresStore | None = None

    @property
    def is_writer(self) -> bool:
        """Whether this replica may write the mirror that it was given, as far as it knows."""
        return self._hold is not None and self._hold.is_held()

    def take(self) -> PostgresStore:
        """Return the mirror to use now, another than before where this replica may write it from now on, or no longer.

        Raises:
            DatabaseAway: The database cannot be reached.
        """
        if self._mirror_id is None:
            self._mirror_id = self._found()
        had = self._hold
        if self.is_writer and self._hold:
            self._hold.use()
        else:
            self._hold = self._locks.take(self._mirror_id)
        if self._store is None or self._hold is not had:
            self._store = PostgresStore(self._database, self._mirror_id, self._hold)
        return self._store

    def wipe(self) -> None:
        """Remove what the mirror holds, if this replica writes it."""
        if self._store is not None and self.is_writer:
            self._store.wipe()

    def use_memory(self, _: str) -> bool:
        """Say no: the mirror is in the database or nowhere."""
        return False

    def close(self) -> None:
        """Let another replica write."""
        if self._hold is not None:
            self._locks.release(self._hold)
        self._hold = self._store = None

    def _found(self) -> int:
        found = self._locks.ask(_FIND, VERSION, self._key)
        if found is None:
            self._locks.ask(_MAKE, self._key, VERSION, self._key)
            found = self._locks.ask(_FIND, VERSION, self._key)
        return int(found)
