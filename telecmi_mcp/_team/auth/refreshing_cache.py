"""Caches small remote data, and serves it stale for a while if the source is unreachable."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import anyio

from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Found = TypeVar("_Found")

_UNAVAILABLE_PAUSE_S = 5.0  # seconds between two attempts, each of which keeps one call waiting


class CachePolicy(NamedTuple):
    """Times of a cache in seconds.

    Attributes:
        miss_pause: Minimum time between two reads for entries that the cache does not have, so that invented entries
            cause no more reads.
        timeout: Maximum time of one read, and so of the wait of a call.
        max_stale: Time since the last read for which the cache is used while reads fail.
    """

    miss_pause: float
    timeout: float
    max_stale: float


class RefreshingCache(Generic[_T]):
    """Cache of small remote data, read by the calls that need it, one read at a time.

    Args:
        read: Returns the data and the seconds for which it is fresh; raises a ``TelecmiError`` if it cannot be read.
        unavailable: Error that is raised if neither the cache nor the source has an answer.
        policy: How often the data is read, and how long it is kept.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[tuple[_T, float]]],
        *,
        unavailable: type[TelecmiError],
        policy: CachePolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._unavailable = unavailable
        self._policy = policy
        self._clock = clock
        self._value: _T | None = None
        self._fresh_until = self._stale_until = self._attempted_at = -math.inf
        self._is_unavailable = True  # nothing has been read yet
        self._reading = anyio.Lock()

    async def find(self, look: Callable[[_T], _Found | None]) -> _Found | None:
        """Return what ``look`` finds in the data; ``None`` if it finds nothing.

        Raises:
            TelecmiError: ``unavailable``, if nothing is found and the source cannot be read.
        """
        found = self._look(look)
        if self._is_due(known=found is not None):
            await self._renew()
            found = self._look(look)
        if found is None and self._is_unavailable:
            raise self._unavailable
        return found

    def _look(self, look: Callable[[_T], _Found | None]) -> _Found | None:
        if self._value is None or self._clock() >= self._stale_until:
            return None
        return look(self._value)

    def _is_due(self, *, known: bool) -> bool:
        now = self._clock()
        if self._is_unavailable:
            is_being_read = known and self._reading.locked()
            return not is_being_read and now - self._attempted_at >= _UNAVAILABLE_PAUSE_S
        return now >= self._fresh_until if known else now - self._attempted_at >= self._policy.miss_pause

    async def _renew(self) -> None:
        called_at = self._clock()
        async with self._reading:
            if self._attempted_at >= called_at:
                return  # another call has read it while this one waited
            began_at = self._clock()
            try:
                with anyio.fail_after(self._policy.timeout):
                    self._value, fresh = await self._read()
            except (TelecmiError, TimeoutError) as why:
                self._note_failure(why)
            else:
                # Counted from before the read: the data may be as old as that.
                self._fresh_until, self._stale_until = began_at + fresh, began_at + max(fresh, self._policy.max_stale)
                self._is_unavailable = False
            self._attempted_at = self._clock()

    def _note_failure(self, why: Exception) -> None:
        is_first = not self._is_unavailable or self._attempted_at == -math.inf
        detail = getattr(why, "detail", "") or type(why).__name__
        level = logging.WARNING if is_first else logging.DEBUG
        _log.log(
            level,
            "the source cannot be read, the cached data is used if there is any: %s: %s",
            self._unavailable.code,
            detail,
        )
        self._is_unavailable = True
