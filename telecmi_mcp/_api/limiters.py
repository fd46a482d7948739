"""The small brakes of the client: how often, how long, how many."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0


def pause_before(retry: int, *, retry_after: float | None, draw: Callable[[], float]) -> float:
    """Seconds to wait before the ``retry``-th repetition (from 1): what TeleCMI asked for, else full jitter.

    Full jitter draws evenly from 0 to a ceiling that doubles from 0.5 to 8 s.
    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    if retry_after is not None:
        return retry_after
    ceiling: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (retry - 1))
    return draw() * ceiling


@dataclass(slots=True)
class RetryBudget:
    """Repetitions that the whole process may still spend, so that a dead TeleCMI costs one try a call.

    A repetition takes one from the purse; an answered request puts a tenth back.
    Source: the retry throttling of gRPC (proposal A6).
    """

    capacity: float = 10.0
    refund: float = 0.1
    _left: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.capacity

    @property
    def empty(self) -> bool:
        """Whether no repetition is left."""
        return self._left < 1

    def take(self) -> bool:
        """Spend one repetition, if there is one."""
        if self.empty:
            return False
        self._left -= 1
        return True

    def succeed(self) -> None:
        """Note that a request was answered."""
        self._left = min(self.capacity, self._left + self.refund)


class Gate:
    """Lets ``places`` through at once, in their order; those of the background only when nobody else waits."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._queues: tuple[deque[anyio.Event], deque[anyio.Event]] = deque(), deque()

    @property
    def has_room(self) -> bool:
        """Whether a place is free."""
        return self._free > 0

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a place."""
        return bool(self._queues[0] or self._queues[1])

    @asynccontextmanager
    async def passed(self, *, in_background: bool = False) -> AsyncIterator[None]:
        """Hold a place for as long as the context lasts."""
        await self.enter(in_background=in_background)
        try:
            yield
        finally:
            self.leave()

    async def enter(self, *, in_background: bool = False) -> None:
        """Wait for a place, and hold it until ``leave``."""
        if self._free:
            self._free -= 1
            return
        queue = self._queues[in_background]
        turn = anyio.Event()
        queue.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.leave()
            else:
                queue.remove(turn)
            raise

    def leave(self) -> None:
        """Hand the place on, or free it."""
        queue = self._queues[0] or self._queues[1]
        if queue:
            queue.popleft().set()
        else:
            self._free += 1


@dataclass(slots=True)
class RateLimit:
    """A token bucket: ``per_minute`` calls at once, refilled evenly; 0 lets every call through."""

    per_minute: int
    clock: Callable[[], float]
    _left: float = field(init=False)
    _seen: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = float(self.per_minute)
        self._seen = self.clock()

    def wait_for_turn(self, *, spare: float = 0.0) -> float:
        """Take one call and return 0, or take none and return the seconds until one is free.

        Args:
            spare: How many are left to others.
        """
        if not self.per_minute:
            return 0.0
        now = self.clock()
        self._left = min(self.per_minute, self._left + (now - self._seen) * self.per_minute / 60)
        self._seen = now
        if self._left < 1 + spare:
            return (1 + spare - self._left) * 60 / self.per_minute
        self._left -= 1
        return 0.0
