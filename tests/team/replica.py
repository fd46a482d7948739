"""One replica of a team server, as far as the mirror goes: with a caretaker, in this process or as a program.

As a program it begins the pass that is due and goes on until it is killed: ``python -m team.replica ADDRESS``.
"""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
from pydantic import SecretStr

from telecmi_mcp import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._index.account_directory import CurrentDirectory
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.db.database import Database
from telecmi_mcp._team.index.location import PostgresLocation, account_key
from telecmi_mcp._team.index.recovery import SyncRecovery
from telecmi_mcp._team.index.writer_locks import WriterLocks
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from httpx2 import AsyncBaseTransport

ACCOUNT = "the account of the sandbox"


@asynccontextmanager
async def open_replica(
    url: SecretStr, address: str = "http://localhost", *, transport: AsyncBaseTransport | None = None
) -> AsyncIterator[CurrentDirectory]:
    """Open one, over a TeleCMI at this address or behind this transport."""
    client = TelecmiClient(Channel(address, transport=transport), FixedToken(SecretStr(SANDBOX_TOKEN)), timeout=20.0)
    database = Database(url)
    database.open()
    locks = WriterLocks(database)
    try:
        async with open_tasks() as tasks:
            directory = CurrentDirectory(
                client, _owner, partial(PostgresLocation, database, locks), tasks, timeout=20.0
            )
            tasks.start_soon(SyncRecovery(database, locks, partial(_resume, directory)).run)
            try:
                yield directory
            finally:
                tasks.cancel_scope.cancel()
                directory.close()
    finally:
        locks.close()
        database.close()
        with anyio.CancelScope(shield=True):
            await client.aclose()


async def _owner() -> str:
    return ACCOUNT


async def _resume(directory: CurrentDirectory, key: bytes) -> bool:
    return key == account_key(ACCOUNT) and await directory.resume()


async def _go_on(address: str) -> None:
    async with open_replica(SecretStr(os.environ["TELECMI_DATABASE_URL"]), address) as directory:
        await directory.resume()
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(_go_on, sys.argv[1])
