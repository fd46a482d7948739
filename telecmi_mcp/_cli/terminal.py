"""Measures and cuts text by the columns that it takes on a terminal, and colours text where a terminal shows colours.

Sources: Unicode Standard Annex 11, East Asian Width; https://no-color.org.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING, Final, TextIO

from telecmi_mcp._cli.streams import can_print

if TYPE_CHECKING:
    from collections.abc import Mapping

BOLD, RED, GREEN, YELLOW = "1", "31", "32", "33"

_ZERO_WIDTH: Final = {"Mn", "Me", "Cf"}  # marks above and below a letter, joiners; a spacing mark (Mc) takes a column
_WIDE: Final = {"W", "F"}


def width_of(text: str) -> int:
    """Return the number of columns of a text. An emoji of several characters counts more than it takes."""
    return len(text) if text.isascii() else sum(map(_width_of_character, text))


def cut(text: str, width: int) -> str:
    """Return a text of at most this many columns; a longer one ends in an ellipsis."""
    if width_of(text) <= width:
        return text
    mark = "…" if can_print("…") else "."
    kept, left = "", width - len(mark)
    for character in text:
        left -= _width_of_character(character)
        if left < 0:
            break
        kept += character
    return kept.rstrip() + mark


def pad(text: str, width: int) -> str:
    """Return a text with as many spaces after it as this width needs."""
    return text + " " * (width - width_of(text))


def terminal_columns() -> int | None:
    """Return the width of the terminal that shows stdout; ``None`` if stdout is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def colored(text: str, color: str, stream: TextIO, *, environ: Mapping[str, str] = os.environ) -> str:
    """Return a text in a colour, if a terminal shows the stream and ``NO_COLOR`` is not set."""
    return f"\x1b[{color}m{text}\x1b[0m" if text and color and _shows_colors(stream, environ) else text


def _shows_colors(stream: TextIO, environ: Mapping[str, str]) -> bool:
    is_refused = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    is_old_console = sys.platform == "win32" and "WT_SESSION" not in environ  # it may print the codes
    return stream.isatty() and not is_refused and not is_old_console


def _width_of_character(character: str) -> int:
    if unicodedata.category(character) in _ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
