"""Verifies access keys as the SDK's bearer tokens, and records when each was used last."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from telecmi_mcp._team.auth.access_keys import MAX_KEYS, REVOKED_AFTER_S, hash_of, is_key
from telecmi_mcp._team.auth.caller_token import token_of
from telecmi_mcp._team.auth.callers import ENFORCED_MASKS
from telecmi_mcp._team.auth.key_events import KEY_ENDED, KEY_ENDS_SOON, KEY_MASK_UNKNOWN, KeyEvent, KeyEvents
from telecmi_mcp._team.auth.key_records import claim_warnings, holders_of_keys, key_id_of, record_use
from telecmi_mcp._team.auth.refreshing_cache import CachePolicy, RefreshingCache
from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telecmi_mcp._team.auth.caller_token import CallerToken
    from telecmi_mcp._team.auth.callers import Caller
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Connection, Database

_T = TypeVar("_T")

READ_TIMEOUT_S: Final = 3.0
"""Time that a call waits for the database."""

MAX_STALE_S: Final = 900.0
"""Time for which known keys stay valid while the database is unreachable; none is valid after its own end."""

MISS_PAUSE_S: Final = 1.0
"""Time until the table is read again for an unknown key: a new key works after that time."""

_NOTE_INTERVAL_S = 60.0


class _KnownKey(NamedTuple):
    """A cached key.

    Attributes:
        caller: The caller.
        ends_at: End of the key on the clock of this process.
    """

    caller: Caller
    ends_at: float


class KeyVerifier:
    """Verifies access keys: the SDK's ``TokenVerifier`` over a cache of the table of valid keys.

    The cache holds the whole table, which is small. So an invented key costs no query, and a known key stays valid
    while the database is unreachable. A thread writes which keys are used; it drops what it cannot write.

    Args:
        database: Where the keys are; it need not be open yet.
        settings: The scope of every key, and the address of this server.
        events: Is told of keys that have ended or end soon.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        database: Database,
        settings: TeamSettings,
        events: KeyEvents | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._scope = settings.scope
        self._resource = settings.public_url or None
        self._events = events or KeyEvents()
        self._cache: RefreshingCache[Mapping[bytes, _KnownKey]] = RefreshingCache(
            self._read,
            unavailable=DatabaseUnavailable,
            policy=CachePolicy(MISS_PAUSE_S, READ_TIMEOUT_S, MAX_STALE_S),
            clock=clock,
        )
        self._clock = clock
        self._noted_at: dict[tuple[bytes, str], float] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="key-uses")

    async def verify_token(self, token: str) -> CallerToken | None:
        """Return the caller of a key; ``None`` if the key is not valid.

        Raises:
            DatabaseUnavailable: The key is not cached, and the database cannot be read.
        """
        if not is_key(token):
            return None
        digest = hash_of(token)
        key = await self._cache.find(lambda keys: keys.get(digest))
        if key is None:
            return None
        fault = self._fault(key)
        self._note(digest, key, fault)
        return None if fault else token_of(key.caller, resource=self._resource)

    def _fault(self, key: _KnownKey) -> str:
        """Return the reason why a known key is not valid; "" if it is."""
        if self._clock() >= key.ends_at:
            return KEY_ENDED
        return "" if key.caller.mask <= ENFORCED_MASKS else KEY_MASK_UNKNOWN

    async def _read(self) -> tuple[Mapping[bytes, _KnownKey], float]:
        # The end is counted from before the query, and by the clock of the database: no key is accepted after it.
        began_at = self._clock()
        holders = await self._database.run(lambda connection: holders_of_keys(connection, self._scope))
        if any(holder.is_warning_due for holder in holders.values()):
            self._writer.submit(self._announce)
        known = {
            digest: _KnownKey(caller, math.inf if remaining_s is None else began_at + remaining_s)
            for digest, (caller, remaining_s, _) in holders.items()
        }
        return known, REVOKED_AFTER_S

    def _note(self, digest: bytes, key: _KnownKey, fault: str) -> None:
        """Record the use of a key, or tell that it was refused, at most once a minute."""
        now, subject = self._clock(), (digest, fault)
        if now - self._noted_at.get(subject, -math.inf) < _NOTE_INTERVAL_S:
            return
        if len(self._noted_at) >= 2 * MAX_KEYS:  # most entries are of revoked keys
            self._noted_at.clear()
        self._noted_at[subject] = now
        if fault:
            self._events.tell(KeyEvent(fault, key.caller.name, key_id_of(digest)))
        else:
            self._writer.submit(self._change, lambda connection: record_use(connection, digest))

    def _announce(self) -> None:
        for key in self._change(claim_warnings) or ():
            self._events.tell(KeyEvent(KEY_ENDS_SOON, key.caller, key.key_id, key.ends_at))

    def _change(self, operation: Callable[[Connection], _T]) -> _T | None:
        """Change the database in this thread, or do nothing while it is unreachable."""
        if self._database.is_away:  # else each change would wait, and the queue would grow
            return None
        with suppress(DatabaseUnavailable, StatementRejected), self._database.connection() as connection:
            return operation(connection)
        return None
