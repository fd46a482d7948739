"""Verifies access keys as the SDK's bearer tokens, and records when each was used last."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mcp.server.auth.provider import AccessToken

from telecmi_mcp._team.auth.access_keys import MAX_KEYS, REVOKED_AFTER_S, hash_of, is_key, record_use, valid_holders
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
    while the database is unreachable. A thread writes which keys are used; it drops what it cannot write.
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
        self._clock = clock
        self._noted_at: dict[int, float] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="key-uses")

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
        self._note_use(holder.key_id)
        # The key itself is left out: nothing after this needs it.
        return AccessToken(
            token="", client_id=holder.name, scopes=[self._scope], subject=holder.name, resource=self._resource
        )

    async def _read(self) -> tuple[Mapping[bytes, Holder], float]:
        return await self._database.run(valid_holders), REVOKED_AFTER_S

    def _note_use(self, key_id: int) -> None:
        """Record that a key is used now, at most once a minute."""
        now = self._clock()
        if now - self._noted_at.get(key_id, -math.inf) < _USE_INTERVAL_S:
            return
        if len(self._noted_at) >= 2 * MAX_KEYS:  # most entries are of revoked keys
            self._noted_at.clear()
        self._noted_at[key_id] = now
        self._writer.submit(self._write_use, key_id)

    def _write_use(self, key_id: int) -> None:
        if self._database.is_away:  # else each key would wait, and the queue would grow
            return
        with suppress(DatabaseUnavailable, StatementRejected), self._database.connection() as connection:
            record_use(connection, key_id)
