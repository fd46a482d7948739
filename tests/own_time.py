"""Event loop with a clock of its own, which stops while a task runs.

Deadlines and timers end in the order in which they are set, however slow the machine is: a period passes only if the
loop waits for all of it without an event.
"""

from __future__ import annotations

import asyncio
import selectors

# A loop that never waits must reach its deadline too.
_TURN = 1e-5


class _Waits(selectors.DefaultSelector):
    """Adds up the waits without an event."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(timeout)
        self.waited += _TURN if ready or not timeout else timeout
        return ready


class OwnTimeLoop(asyncio.SelectorEventLoop):
    """Runs real sockets; its seconds are never shorter than real ones, and computing takes almost no time of it."""

    def __init__(self) -> None:
        self._waits = _Waits()
        super().__init__(self._waits)

    def time(self) -> float:
        """Seconds that were waited."""
        return self._waits.waited
