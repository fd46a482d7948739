"""A copy of what somebody else holds: read anew now and then, and kept for a while when they are away."""

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

_PAUSE_WHILE_AWAY = 5.0  # seconds between two attempts, each of which keeps one call waiting


class CachePolicy(NamedTuple):
    """How a copy is kept, in seconds.

    Attributes:
        pause: What is not in a fresh copy is looked for in a new one at most so often: whoever sends things that do
            not exist cannot make this ask more.
        patience: How long reading may take; a call waits for no more.
        kept: How long since the last reading a copy is still used while reading fails.
    """

    pause: float
    patience: float
    kept: float


class RefreshingCache(Generic[_T]):
    """A copy of something small, read by the calls that need it, one at a time.

    Args:
        read: Returns what there is, and for how many seconds it may be taken as it is; raises a ``TelecmiError`` when
            that cannot be had.
        away: What is raised when nothing can be said.
        terms: How often it is read, and how long it is kept.
        clock: Seconds that never go backwards.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[tuple[_T, float]]],
        *,
        away: type[TelecmiError],
        terms: CachePolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._away = away
        self._terms = terms
        self._clock = clock
        self._value: _T | None = None
        self._fresh_until = self._kept_until = self._tried_at = -math.inf
        self._is_away = True  # nobody has answered yet
        self._reading = anyio.Lock()

    async def find(self, look: Callable[[_T], _Found | None]) -> _Found | None:
        """Return what ``look`` finds in the copy; ``None`` if it is not there.

        Raises:
            TelecmiError: ``away``, where it may be there and nobody can be asked.
        """
        found = self._look(look)
        if self._is_due(known=found is not None):
            await self._renew()
            found = self._look(look)
        if found is None and self._is_away:
            raise self._away
        return found

    def _look(self, look: Callable[[_T], _Found | None]) -> _Found | None:
        if self._value is None or self._clock() >= self._kept_until:
            return None
        return look(self._value)

    def _is_due(self, *, known: bool) -> bool:
        now = self._clock()
        if self._is_away:
            somebody_waits = known and self._reading.locked()
            return not somebody_waits and now - self._tried_at >= _PAUSE_WHILE_AWAY
        return now >= self._fresh_until if known else now - self._tried_at >= self._terms.pause

    async def _renew(self) -> None:
        asked_at = self._clock()
        async with self._reading:
            if self._tried_at >= asked_at:
                return  # another call did it while this one waited
            began_at = self._clock()
            try:
                with anyio.fail_after(self._terms.patience):
                    self._value, fresh = await self._read()
            except (TelecmiError, TimeoutError) as why:
                self._note_failure(why)
            else:
                # From before it was asked for: what was withdrawn meanwhile may still be in it.
                self._fresh_until, self._kept_until = began_at + fresh, began_at + max(fresh, self._terms.kept)
                self._is_away = False
            self._tried_at = self._clock()

    def _note_failure(self, why: Exception) -> None:
        is_news = not self._is_away or self._tried_at == -math.inf
        detail = getattr(why, "detail", "") or type(why).__name__
        level = logging.WARNING if is_news else logging.DEBUG
        _log.log(level, "what is kept is used, if anything is: %s: %s", self._away.code, detail)
        self._is_away = True
