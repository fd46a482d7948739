"""Opens the indexes of one replica: writer locks, the location of each index, and the recovery of syncs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.index.location import PostgresLocation, account_key
from telecmi_mcp._team.index.recovery import SyncRecovery
from telecmi_mcp._team.index.writer_locks import WriterLocks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from telecmi_mcp._team.accounts.app_pool import Apps
    from telecmi_mcp._team.db.database import Database


class Indexes:
    """Indexes of all accounts, as one replica reads and writes them.

    Args:
        database: The database of the indexes.
        locks: Writer locks of this replica.
    """

    def __init__(self, database: Database, locks: WriterLocks) -> None:
        self._database = database
        self._locks = locks

    def open_location(self, owner: str) -> PostgresLocation:
        """Open the index of an account by the account's name."""
        return PostgresLocation(self._database, self._locks, owner)

    @asynccontextmanager
    async def with_recovery(self, apps: Apps) -> AsyncIterator[None]:
        """Resume abandoned syncs for as long as the context lasts."""
        async with open_tasks() as tasks:
            tasks.start_soon(SyncRecovery(self._database, self._locks, partial(_resume, apps)).run)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()


async def _resume(apps: Apps, key: bytes) -> bool:
    app = await apps.app_named(lambda owner: account_key(owner) == key)
    return app is not None and await app.directory.resume()


@asynccontextmanager
async def open_indexes(database: Database) -> AsyncIterator[Indexes]:
    """Yield the indexes of an open database, and release the writer locks at the end."""
    locks = WriterLocks(database)
    try:
        yield Indexes(database, locks)
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(locks.close)
