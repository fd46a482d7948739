"""Shows on stderr how many contacts have been read, or how many rows have been looked up."""

from __future__ import annotations

import shutil
import sys

_BAR_WIDTH = 40
_STEP_CONTACTS = 10_000  # one line for this many units, where the total is not known


async def no_report(_: int, __: int | None) -> None:
    """Show nothing."""


class Progress:
    """Prints one bar that is redrawn on a terminal, and one line for each tenth elsewhere.

    Args:
        unit: What is counted, in the plural.
        is_transient: Whether the end removes the bar, as before an answer.

    Attributes:
        is_terminal: Whether stderr is a terminal.
        read: Number of units that are done, as shown last.
    """

    def __init__(self, unit: str = "contacts", *, is_transient: bool = False) -> None:
        self.is_terminal = sys.stderr.isatty()
        self.read = 0
        self._unit = unit
        self._is_transient = is_transient
        self._last_step = -1
        self._shown_chars = 0

    async def show(self, read: int, count: int | None) -> None:
        """Show how many units are done, and the total if it is known."""
        self.read = read
        part = min(1.0, read / count) if count else 0.0
        of = f"{read:,} of {count:,} {self._unit}" if count else f"{read:,} {self._unit}"
        step = int(part * 10) if count else read // _STEP_CONTACTS
        if self.is_terminal:
            self._draw(part, of)
        elif step > self._last_step:
            self._last_step = step
            print(of, file=sys.stderr, flush=True)

    async def show_on_terminal(self, read: int, count: int | None) -> None:
        """Show the same, but on a terminal only: most answers need no line in a log."""
        self.read = read
        if self.is_terminal:
            await self.show(read, count)

    def end(self) -> None:
        """End the line of the bar, or remove it if it is transient."""
        if not self._shown_chars:
            return
        print(f"\r{' ' * self._shown_chars}\r" if self._is_transient else "\n", end="", file=sys.stderr, flush=True)
        self._shown_chars = 0

    def _draw(self, part: float, of: str) -> None:
        """Draw the bar again; a bar that is wider than the terminal could not be drawn over."""
        width = max(0, min(_BAR_WIDTH, shutil.get_terminal_size().columns - len(of) - len("[] ") - 1))
        bar = f"[{'#' * int(part * width):<{width}}] {of}"
        print(f"\r{bar:<{self._shown_chars}}", end="", file=sys.stderr, flush=True)
        self._shown_chars = len(bar)
