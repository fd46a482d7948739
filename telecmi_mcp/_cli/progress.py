"""Shows on stderr how many contacts have been read."""

from __future__ import annotations

import sys

_BAR = 40
_STEP = 10_000  # contacts for a line where TeleCMI does not say how many there are


class Progress:
    """A bar on a terminal, which is drawn over; elsewhere a line for each tenth."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._told = -1

    async def show(self, read: int, count: int | None) -> None:
        """Show how many contacts were read, and of how many."""
        part = min(1.0, read / count) if count else 0.0
        of = f"{read:,} of {count:,} contacts" if count else f"{read:,} contacts"
        step = int(part * 10) if count else read // _STEP
        if self._is_terminal:
            bar = "#" * int(part * _BAR)
            print(f"\r[{bar:<{_BAR}}] {of}", end="", file=sys.stderr, flush=True)
        elif step > self._told:
            self._told = step
            print(of, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the bar's line."""
        if self._is_terminal:
            print(file=sys.stderr)
