"""Renders the status page: one HTML document without scripts, pictures or other files."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from telecmi_mcp import __version__
from telecmi_mcp._sanitize import clean
from telecmi_mcp._team.auth.callers import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._team.admin.status import Status

_FOLDER = Path(__file__).parent
_PAGE = "status.html"
_STYLE = "status.css"  # included in the page
PLOT_WIDTH: Final = 600
PLOT_HEIGHT: Final = 120

_NO_VALUE = "\u2013"
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Bar(NamedTuple):
    """One minute of the plot: the place of its bar, and the tops and heights of its two parts."""

    x: float
    width: float
    answered_y: float
    answered_height: float
    failed_y: float
    failed_height: float


def render(status: Status) -> str:
    """Return the page as HTML."""
    bars = bars_of(status.calls_per_minute)
    return (
        _environment()
        .get_template(_PAGE)
        .render(
            status=status,
            version=__version__,
            bars=bars,
            most=max(map(sum, status.calls_per_minute), default=0),
            plot=(PLOT_WIDTH, PLOT_HEIGHT),
        )
    )


def style_hash() -> str:
    """Return the hash of the page's style, as the Content-Security-Policy names it."""
    style = _environment().get_template(_STYLE).render()
    return f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}"


def bars_of(minutes: Sequence[tuple[int, int]]) -> list[Bar]:
    """Return the bars of minutes with answered and failed calls; an empty minute has none."""
    scale = PLOT_HEIGHT / max(1, *map(sum, minutes))
    step = PLOT_WIDTH / len(minutes)
    found = []
    for place, (answered, failed) in enumerate(minutes):
        if answered or failed:
            top, height = PLOT_HEIGHT - answered * scale, failed * scale
            parts = (place * step, step * 0.8, top, answered * scale, top - height, height)
            found.append(Bar(*(round(part, 1) for part in parts)))
    return found


def duration(seconds: float | None) -> str:
    """Write a duration in one or two units: ``42 s``, ``3 h 5 min``."""
    if seconds is None:
        return "never"
    words: list[str] = []
    left = max(0, round(seconds))
    for size, unit in _UNITS:
        if left >= size and len(words) < 2:  # noqa: PLR2004 - two units
            words.append(f"{left // size} {unit}")
        elif words:
            break
        left %= size
    return " ".join(words) or "0 s"


def ago(seconds: float | None) -> str:
    """Write how long ago something was."""
    return "never" if seconds is None else f"{duration(seconds)} ago"


def latency(seconds: float | None) -> str:
    """Write the duration of a call: ``40 ms``, ``1.2 s``."""
    if seconds is None:
        return _NO_VALUE
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def caller_name(name: str) -> str:
    """Return a caller's name on one line, without characters that act on the text around them."""
    return clean(name, limit=MAX_NAME) or "anyone on this machine"


def utc(seconds: float) -> str:
    """Write a Unix time for a person, in UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,  # a name that does not exist is an error
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for each in (ago, caller_name, duration, latency, utc):
        environment.filters[each.__name__] = each
    environment.filters["number"] = "{:,}".format
    return environment
