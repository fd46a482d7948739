"""Logins of many replicas: one at a time for an account, and none with a password that any of them saw refused."""

from __future__ import annotations

import hashlib
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import psycopg
from anyio.to_thread import run_sync

from telecmi_mcp._auth.rejected_passwords import MAX_HASHES
from telecmi_mcp._team.accounts.credential_sources import sign_in_unavailable
from telecmi_mcp._team.accounts.credential_store import note_refusal
from telecmi_mcp.errors import DatabaseUnavailable, DeadlineExceeded, StatementRejected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._team.db.database import Connection, Database

_log = logging.getLogger(__name__)

AT_ONCE = 2
"""Logins of one replica at once: each holds a connection of its own, besides those of the pool."""

_LOOK_AGAIN_SECONDS = 0.1
_USE = "telecmi-mcp login"


class LoginLocks:
    """Lets one replica sign an account in at a time, by advisory locks, which end with the connection of their holder.

    Args:
        database: Where the locks are.
        patience: Seconds to wait for another replica.
        is_needed: Whether no login is made while the database is away.
        sleep: Waits between two looks.
    """

    def __init__(
        self,
        database: Database,
        *,
        patience: float,
        is_needed: bool,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._database = database
        self._patience = patience
        self._is_needed = is_needed
        self._sleep = sleep
        self._turns = anyio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def held(self, account: Account) -> AsyncIterator[None]:
        """Hold the account's lock.

        Raises:
            DeadlineExceeded: Another login held it for all of the time.
            DatabaseAway: There is no database to lock it in, and it is needed.
        """
        async with AsyncExitStack() as stack:
            with anyio.move_on_after(self._patience) as waiting:
                await stack.enter_async_context(self._turns)
                await self._take(stack, _number(account))
            if waiting.cancelled_caught:
                raise DeadlineExceeded(self._patience)
            yield

    async def _take(self, stack: AsyncExitStack, number: int) -> None:
        if self._database.is_away and not self._is_needed:
            return
        try:
            connection = await run_sync(self._database.connect_apart)
            stack.callback(connection.close)
            while not await run_sync(_took, connection, number):
                await self._sleep(_LOOK_AGAIN_SECONDS)
        except DatabaseUnavailable:
            if self._is_needed:
                raise sign_in_unavailable() from None


class SharedPasswordHashes:
    """Marks of refused passwords in the database, for all replicas. All methods block.

    Args:
        database: Where they are.
        is_needed: Whether no password is sent while the database, which may know that it was refused, is away.
    """

    def __init__(self, database: Database, *, is_needed: bool) -> None:
        self._database = database
        self._is_needed = is_needed

    def read(self, account: Account) -> list[str]:
        """Return the account's marks.

        Raises:
            DatabaseAway: They cannot be read, and are needed.
        """
        if self._database.is_away and not self._is_needed:
            return []
        try:
            with self._database.connection() as connection:
                return _marks(connection, account)
        except DatabaseUnavailable:
            if self._is_needed:
                raise sign_in_unavailable() from None
            return []

    def add(self, account: Account, mark: str) -> None:
        """Keep one more, and let an organisation read by another's sign-in."""
        try:
            with self._database.connection() as connection:
                _add(connection, account, mark)
        except (DatabaseUnavailable, StatementRejected) as why:  # the refusal itself is what must be told
            _log.warning("a refused password is remembered in this process only: %s", why.code)

    def forget(self, account: Account) -> None:
        """Keep none of the account."""
        if self._database.is_away and not self._is_needed:
            return
        try:
            with self._database.connection() as connection:
                connection.execute(
                    "DELETE FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s",
                    (account.base_url, account.user_id),
                )
        except (
            DatabaseUnavailable,
            StatementRejected,
        ) as why:  # the token that a login has just brought must not be lost
            _log.warning("a refused password stays remembered: %s", why.code)


def _took(connection: Connection, number: int) -> bool:
    try:
        return connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone() == (True,)
    except psycopg.Error as why:
        raise DatabaseUnavailable(detail=type(why).__name__) from None


def _number(account: Account) -> int:
    words = f"{_USE}\n{account.base_url}\n{account.user_id}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], signed=True)


def _marks(connection: Connection, account: Account) -> list[str]:
    rows = connection.execute(
        "SELECT mark FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s ORDER BY mark_id",
        (account.base_url, account.user_id),
    )
    return [mark for (mark,) in rows]


def _add(connection: Connection, account: Account, mark: str) -> None:
    user = (account.base_url, account.user_id)
    connection.execute(
        "INSERT INTO telecmi_mcp.refused_password (base_url, user_id, mark) VALUES (%s, %s, %s)", (*user, mark)
    )
    connection.execute(
        "DELETE FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s AND mark_id NOT IN "
        "(SELECT mark_id FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s "
        "ORDER BY mark_id DESC LIMIT %s)",
        (*user, *user, MAX_HASHES),
    )
    note_refusal(connection, account)
