"""Writes tables in Markdown, with three significant digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.record import Spread

_DIGITS = 3
NOTHING = "-"


def number(value: float) -> str:
    """Write a number with three significant digits, an integer with all of its digits, without an exponent."""
    if value == int(value):
        return f"{value:,.0f}"
    whole = len(f"{abs(value):.0f}") if abs(value) >= 1 else 0
    return f"{value:,.{max(0, _DIGITS - max(1, whole))}f}"


def spread(found: Spread | None) -> str:
    """Write a median, and the minimum and maximum if they differ from it."""
    if found is None:
        return NOTHING
    middle, low, high = number(found.median), number(found.minimum), number(found.maximum)
    return middle if low == high else f"{middle} ({low} to {high})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
