"""Access keys as the SDK's bearer tokens: who sends one, and when it was used last."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from mcp.server.auth.provider import AccessToken

from telecmi_mcp._team.auth.access_keys import MAX_KEYS, REVOKED_AFTER, hash_of, is_key, note_uses, valid_holders
from telecmi_mcp._team.auth.refreshing_cache import CachePolicy, RefreshingCache
from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telecmi_mcp._team.auth.access_keys import Holder
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database

PATIENCE: Final = 3.0
"""Seconds that a call waits for the database."""

KEPT: Final = 900.0
"""Seconds for which keys are still taken while the database is away."""

PAUSE: Final = 1.0
"""Seconds until a key that was not there is looked for again: so soon does a new one work."""

_WRITTEN_AGAIN_AFTER = 60.0


class KeyVerifier:
    """Takes access keys: the SDK's ``TokenVerifier`` over a copy of the table of valid keys.

    The whole table, since it is small: so a guess is answered without the database, whoever guesses however often, and
    a key that was taken before is still taken when the database is away.
    """

    def __init__(
        self, database: Database, settings: TeamSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._scope = settings.scope
        self._resource = settings.public_url or None
        self._copy: RefreshingCache[Mapping[bytes, Holder]] = RefreshingCache(
            self._read, away=DatabaseUnavailable, terms=CachePolicy(PAUSE, PATIENCE, KEPT), clock=clock
        )
        self._uses = _Uses(database, clock)
        self._threads = CapacityLimiter(2)  # one that hangs is left behind, and another may try

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who sends the key; ``None`` for what is no valid key.

        Raises:
            DatabaseAway: Nobody knows whether it is one.
        """
        if not is_key(token):
            return None
        digest = hash_of(token)
        holder = await self._copy.find(lambda holders: holders.get(digest))
        if holder is None:
            return None
        self._uses.note(holder.key_id)
        # Without the key: what comes later has no use for it.
        return AccessToken(
            token="", client_id=holder.name, scopes=[self._scope], subject=holder.name, resource=self._resource
        )

    async def _read(self) -> tuple[Mapping[bytes, Holder], float]:
        return await run_sync(self._read_here, abandon_on_cancel=True, limiter=self._threads), REVOKED_AFTER

    def _read_here(self) -> Mapping[bytes, Holder]:
        with self._database.connection() as connection:
            return valid_holders(connection)


class _Uses:
    """Writes which keys are used, by a thread of its own that no call waits for; what cannot be written is dropped."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._noted_at: dict[int, float] = {}
        self._pending: set[int] = set()
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="key-uses")

    def note(self, key_id: int) -> None:
        """Note that a key is used now."""
        now = self._clock()
        noted_at = self._noted_at.get(key_id)
        if noted_at is not None and now - noted_at < _WRITTEN_AGAIN_AFTER:
            return
        if len(self._noted_at) >= 2 * MAX_KEYS:  # of keys that were revoked since, most of them
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
            note_uses(connection, used)
