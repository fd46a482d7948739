"""Coordinates logins of all replicas: one at a time for an account, and none with a password that was refused."""

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
from telecmi_mcp.errors import DatabaseUnavailable, DeadlineExceeded, TelecmiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._team.db.database import Connection, Database

_log = logging.getLogger(__name__)

MAX_LOGINS = 2
"""Maximum number of simultaneous logins of one replica: each has a connection outside the pool."""

_POLL_INTERVAL_S = 0.1
_USE = "telecmi-mcp login"


class LoginLocks:
    """Lets one replica at a time sign an account in, by advisory locks that end with the holder's connection.

    Args:
        database: The database of the locks.
        timeout: Seconds to wait for another replica.
        is_needed: Whether logins fail while the database is unreachable.
        sleep: Waits between two attempts.
    """

    def __init__(
        self,
        database: Database,
        *,
        timeout: float,
        is_needed: bool,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._database = database
        self._timeout = timeout
        self._is_needed = is_needed
        self._sleep = sleep
        self._slots = anyio.Semaphore(MAX_LOGINS)

    @asynccontextmanager
    async def held(self, account: Account) -> AsyncIterator[None]:
        """Hold the lock of an account.

        Raises:
            DeadlineExceeded: Another login held the lock for the whole time.
            DatabaseUnavailable: The database is needed and unreachable.
        """
        async with AsyncExitStack() as stack:
            with anyio.move_on_after(self._timeout) as waiting:
                await stack.enter_async_context(self._slots)
                await self._take(stack, _lock_number(account))
            if waiting.cancelled_caught:
                raise DeadlineExceeded(self._timeout)
            yield

    async def _take(self, stack: AsyncExitStack, number: int) -> None:
        if self._database.is_away and not self._is_needed:
            return
        try:
            connection = await run_sync(self._database.connect_apart)
            stack.callback(connection.close)
            while not await run_sync(_try_lock, connection, number):
                await self._sleep(_POLL_INTERVAL_S)
        except DatabaseUnavailable:
            if self._is_needed:
                raise sign_in_unavailable() from None


class SharedPasswordHashes:
    """Hashes of refused passwords in the database, for all replicas. All methods block.

    Args:
        database: The database.
        is_needed: Whether logins fail while the database, which may know the password as refused, is unreachable.
    """

    def __init__(self, database: Database, *, is_needed: bool) -> None:
        self._database = database
        self._is_needed = is_needed

    def read(self, account: Account) -> list[str]:
        """Return the hashes of an account.

        Raises:
            DatabaseUnavailable: The database is needed and unreachable.
        """
        if self._database.is_away and not self._is_needed:
            return []
        try:
            with self._database.connection() as connection:
                rows = connection.execute(
                    "SELECT mark FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s "
                    "ORDER BY mark_id",
                    (account.base_url, account.user_id),
                )
                return [mark for (mark,) in rows]
        except DatabaseUnavailable:
            if self._is_needed:
                raise sign_in_unavailable() from None
            return []

    def add(self, account: Account, mark: str) -> None:
        """Add a hash, and make an organisation use another user's sign-in."""
        try:
            with self._database.connection() as connection:
                user = (account.base_url, account.user_id)
                connection.execute(
                    "INSERT INTO telecmi_mcp.refused_password (base_url, user_id, mark) VALUES (%s, %s, %s)",
                    (*user, mark),
                )
                connection.execute(
                    "DELETE FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s AND mark_id NOT IN "
                    "(SELECT mark_id FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s "
                    "ORDER BY mark_id DESC LIMIT %s)",
                    (*user, *user, MAX_HASHES),
                )
                note_refusal(connection, account)
        except TelecmiError as why:  # the caller must get the refusal itself
            _log.warning("a refused password is remembered in this process only: %s", why.code)

    def forget(self, account: Account) -> None:
        """Delete the hashes of an account."""
        if self._database.is_away and not self._is_needed:
            return
        try:
            with self._database.connection() as connection:
                connection.execute(
                    "DELETE FROM telecmi_mcp.refused_password WHERE base_url = %s AND user_id = %s",
                    (account.base_url, account.user_id),
                )
        except TelecmiError as why:  # the new token must not be lost
            _log.warning("the hash of a refused password was not deleted: %s", why.code)


def _try_lock(connection: Connection, number: int) -> bool:
    try:
        return connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone() == (True,)
    except psycopg.Error as why:
        raise DatabaseUnavailable(detail=type(why).__name__) from None


def _lock_number(account: Account) -> int:
    words = f"{_USE}\n{account.base_url}\n{account.user_id}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], signed=True)
