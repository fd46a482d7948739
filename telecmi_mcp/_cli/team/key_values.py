"""Reads the values of the flags of ``telecmi-mcp team key``: durations, and lists of words."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DURATION = re.compile(r"([1-9][0-9]{0,6})([dhm])", re.ASCII)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_LONGEST = timedelta(days=3650)


def duration(flag: str, text: str) -> timedelta:
    """Return a duration such as ``90d``, ``24h`` or ``30m``.

    Raises:
        ConfigurationError: The text is none, or is longer than ten years.
    """
    found = _DURATION.fullmatch(text)
    value = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if value is None or value > _LONGEST:
        raise ConfigurationError(
            hint=f"Correct {flag}", fact="use a duration such as 90d, 24h or 30m, of at most 3650d"
        )
    return value


def grace_time(flag: str, text: str) -> timedelta:
    """Return a duration, which may be 0.

    Raises:
        ConfigurationError: The text is none.
    """
    return timedelta(0) if text == "0" else duration(flag, text)


def words(flag: str, text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a list with commas, in the order of the known ones.

    Raises:
        ConfigurationError: The list is empty, or has a word that is not known.
    """
    given = {word.strip() for word in text.split(",")}
    if not given <= set(known):
        raise ConfigurationError(hint=f"Correct {flag}", fact=f"use some of {','.join(known)}")
    return tuple(word for word in known if word in given)
