"""The mirrors of one replica put together: its locks, what opens an account's mirror, what resumes abandoned passes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._tasks import open_tasks
from telecmi_mcp._team._mirror._caretaker import Caretaker
from telecmi_mcp._team._mirror._locks import Locks
from telecmi_mcp._team._mirror._shelf import PostgresShelf, account_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from telecmi_mcp._team._database import Database
    from telecmi_mcp._team._sign_ins._apps import Apps


class Mirrors:
    """What one replica reads and writes of all accounts' mirrors.

    Args:
        database: Where they are.
        locks: Which of them this replica may write.
    """

    def __init__(self, database: Database, locks: Locks) -> None:
        self._database = database
        self._locks = locks

    def open_shelf(self, owner: str) -> PostgresShelf:
        """Open the mirror of an account, by the account's name."""
        return PostgresShelf(self._database, self._locks, owner)

    @asynccontextmanager
    async def looked_after(self, apps: Apps) -> AsyncIterator[None]:
        """Resume what nobody goes on with, for as long as the context lasts."""
        async with open_tasks() as tasks:
            tasks.start_soon(Caretaker(self._database, self._locks, partial(_resume, apps)).run)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()


async def _resume(apps: Apps, key: bytes) -> bool:
    app = await apps.app_named(lambda owner: account_key(owner) == key)
    return app is not None and await app.directory.resume()


@asynccontextmanager
async def open_mirrors(database: Database) -> AsyncIterator[Mirrors]:
    """Give the mirrors of an open database, and let others write them in the end."""
    locks = Locks(database)
    try:
        yield Mirrors(database, locks)
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(locks.close)
