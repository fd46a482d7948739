"""An event loop with a time of its own, which stands still while anything is being done.

Deadlines and timers then end in the order in which they are set, however slow the machine is: a time passes only
when the loop waited for all of it and nothing came.
"""

from __future__ import annotations

import asyncio
import selectors

# What never waits must meet its deadline too.
_TURN = 1e-5


class _Waits(selectors.DefaultSelector):
    """Counts the waits that were in vain."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(timeout)
        self.waited += _TURN if ready or not timeout else timeout
        return ready


class OwnTimeLoop(asyncio.SelectorEventLoop):
    """Runs real sockets; its seconds are never shorter than real ones, and computing takes next to none of them."""

    def __init__(self) -> None:
        self._waits = _Waits()
        super().__init__(self._waits)

    def time(self) -> float:
        """Seconds that were waited."""
        return self._waits.waited
