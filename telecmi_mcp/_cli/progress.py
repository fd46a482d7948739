"""Shows on stderr how many contacts have been read, or how many rows have been looked up."""

from __future__ import annotations

import sys

_BAR_WIDTH = 40
_STEP_CONTACTS = 10_000  # one line for this many units, where the total is not known


class Progress:
    """Prints one bar that is redrawn on a terminal, and one line for each tenth elsewhere.

    Args:
        unit: What is counted, in the plural.
    """

    def __init__(self, unit: str = "contacts") -> None:
        self._unit = unit
        self._is_terminal = sys.stderr.isatty()
        self._last_step = -1

    async def show(self, read: int, count: int | None) -> None:
        """Show how many units are done, and the total if it is known."""
        part = min(1.0, read / count) if count else 0.0
        of = f"{read:,} of {count:,} {self._unit}" if count else f"{read:,} {self._unit}"
        step = int(part * 10) if count else read // _STEP_CONTACTS
        if self._is_terminal:
            bar = "#" * int(part * _BAR_WIDTH)
            print(f"\r[{bar:<{_BAR_WIDTH}}] {of}", end="", file=sys.stderr, flush=True)
        elif step > self._last_step:
            self._last_step = step
            print(of, file=sys.stderr, flush=True)

    def end(self) -> None:
        """End the line of the bar."""
        if self._is_terminal:
            print(file=sys.stderr)
