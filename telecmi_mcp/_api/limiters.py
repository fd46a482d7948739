"""Concurrency limit and rate limit."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class ConcurrencyLimit:
    """A semaphore with a queue; background work gets a slot only while nothing else waits for one.

    Args:
        slots: Number of holders at the same time.
    """

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._queues: tuple[deque[anyio.Event], deque[anyio.Event]] = deque(), deque()

    @property
    def has_free_slot(self) -> bool:
        """Whether ``acquire`` would not wait."""
        return self._free > 0

    @property
    def has_waiters(self) -> bool:
        """Whether a task waits for a slot."""
        return bool(self._queues[0] or self._queues[1])

    @asynccontextmanager
    async def slot(self, *, in_background: bool = False) -> AsyncIterator[None]:
        """Hold a slot while the context lasts."""
        await self.acquire(in_background=in_background)
        try:
            yield
        finally:
            self.release()

    async def acquire(self, *, in_background: bool = False) -> None:
        """Wait for a slot, and hold it until ``release``."""
        if self._free:
            self._free -= 1
            return
        queue = self._queues[in_background]
        granted = anyio.Event()
        queue.append(granted)
        try:
            await granted.wait()
        except BaseException:
            if granted.is_set():
                self.release()
            else:
                queue.remove(granted)
            raise

    def release(self) -> None:
        """Give the slot to the next waiting task, or free it."""
        queue = self._queues[0] or self._queues[1]
        if queue:
            queue.popleft().set()
        else:
            self._free += 1


@dataclass(slots=True)
class RateLimit:
    """A token bucket of ``limit`` calls, refilled evenly in ``period_s`` seconds; 0 means no limit."""

    limit: int
    clock: Callable[[], float]
    period_s: float = 60.0
    _left: float = field(init=False)
    _refilled_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = float(self.limit)
        self._refilled_at = self.clock()

    def try_acquire(self, calls: int = 1, *, spare: float = 0.0) -> float:
        """Take calls and return 0, or take none and return the seconds until they are available.

        Args:
            calls: Number of calls. If it is larger than the limit, a full bucket admits it, and later calls wait.
            spare: Number of calls that must remain for other callers.
        """
        if not self.limit:
            return 0.0
        now = self.clock()
        self._left = min(self.limit, self._left + (now - self._refilled_at) * self.limit / self.period_s)
        self._refilled_at = now
        needed = min(calls, self.limit) + spare
        if self._left < needed:
            return (needed - self._left) * self.period_s / self.limit
        self._left -= calls
        return 0.0
