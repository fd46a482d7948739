"""Verifies access keys as the SDK's bearer tokens, and records when each was used last."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from mcp.server.auth.provider import AccessToken

from telecmi_mcp._team.auth.access_keys import MAX_KEYS, REVOKED_AFTER_S, hash_of, is_key, record_uses, valid_holders
from telecmi_mcp._team.auth.refreshing_cache import CachePolicy, RefreshingCache
from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telecmi_mcp._team.auth.access_keys import Holder
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database

READ_TIMEOUT_S: Final = 3.0
"""Time that a call waits for the database."""

MAX_STALE_S: Final = 900.0
"""Time for which known keys stay valid while the database is unreachable."""

MISS_PAUSE_S: Final = 1.0
"""Time until the table is read again for an unknown key: a new key works after that time."""

_USE_INTERVAL_S = 60.0


class KeyVerifier:
    """Verifies access keys: the SDK's ``TokenVerifier`` over a cache of the table of valid keys.

    The cache holds the whole table, which is small. So an invented key costs no query, and a known key stays valid
    while the database is unreachable.
    """

    def __init__(
        self, database: Database, settings: TeamSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._scope = settings.scope
        self._resource = settings.public_url or None
        self._cache: RefreshingCache[Mapping[bytes, Holder]] = RefreshingCache(
            self._read,
            unavailable=DatabaseUnavailable,
            policy=CachePolicy(MISS_PAUSE_S, READ_TIMEOUT_S, MAX_STALE_S),
            clock=clock,
        )
        self._uses = _Uses(database, clock)
        self._threads = CapacityLimiter(2)  # a read that hangs keeps its thread, and a second read can start

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the caller of a key; ``None`` if the key is not valid.

        Raises:
            DatabaseUnavailable: The key is not cached, and the database cannot be read.
        """
        if not is_key(token):
            return None
        digest = hash_of(token)
        holder = await self._cache.find(lambda holders: holders.get(digest))
        if holder is None:
            return None
        self._uses.note(holder.key_id)
        # The key itself is left out: nothing after this needs it.
        return AccessToken(
            token="", client_id=holder.name, scopes=[self._scope], subject=holder.name, resource=self._resource
        )

    async def _read(self) -> tuple[Mapping[bytes, Holder], float]:
        return await run_sync(self._read_blocking, abandon_on_cancel=True, limiter=self._threads), REVOKED_AFTER_S

    def _read_blocking(self) -> Mapping[bytes, Holder]:
        with self._database.connection() as connection:
            return valid_holders(connection)


class _Uses:
    """Writes which keys are used in a background thread; it drops what it cannot write."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._noted_at: dict[int, float] = {}
        self._pending: set[int] = set()
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="key-uses")

    def note(self, key_id: int) -> None:
        """Record that a key is used now."""
        now = self._clock()
        noted_at = self._noted_at.get(key_id)
        if noted_at is not None and now - noted_at < _USE_INTERVAL_S:
            return
        if len(self._noted_at) >= 2 * MAX_KEYS:  # most entries are of revoked keys
            self._noted_at.clear()
        self._noted_at[key_id] = now
        with self._lock:
            is_awaited = bool(self._pending)
            self._pending.add(key_id)
        if not is_awaited:
            self._thread.submit(self._write)

    def _write(self) -> None:
        with self._lock:
            used, self._pending = self._pending, set()
        with suppress(DatabaseUnavailable, StatementRejected), self._database.connection() as connection:
            record_uses(connection, used)
