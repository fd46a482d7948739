"""Reads the headers Accept and Content-Type (RFC 9110, sections 8.3 and 12.5.1)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"

_BETWEEN_COMMAS = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')  # a comma in a quoted string separates nothing
_BETWEEN_SEMICOLONS = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_WEIGHT = re.compile(r"\d(\.\d*)?|\.\d+")
_UTF_8 = frozenset({"utf-8", "utf8"})


class Acceptable(NamedTuple):
    """Weights from 0 to 1 of the two types of an answer; 0 means that the caller does not accept the type."""

    json: float
    event_stream: float

    @property
    def is_nothing(self) -> bool:
        """Whether the caller accepts neither type."""
        return not (self.json or self.event_stream)

    @property
    def prefers_events(self) -> bool:
        """Whether an event stream has the greater weight."""
        return self.event_stream > self.json


_EVERYTHING = Acceptable(1.0, 1.0)


def acceptable(lines: Sequence[str]) -> Acceptable:
    """Return what the Accept headers of a request accept; without any, the caller accepts everything."""
    return _acceptable(",".join(lines))


@lru_cache(maxsize=16)  # a client sends the same header with every request; the server limits its length
def _acceptable(line: str) -> Acceptable:
    weights: dict[str, float] = {}
    for name, weight in _ranges(line):
        weights[name] = max(weight, weights.get(name, 0.0))
    if not weights:
        return _EVERYTHING
    return Acceptable(_weight_of(JSON, weights), _weight_of(EVENT_STREAM, weights))


def _ranges(line: str) -> Iterator[tuple[str, float]]:
    """Yield each media range in lower case, without its parameters, and its weight."""
    for part in _BETWEEN_COMMAS.findall(line):
        name, *parameters = _BETWEEN_SEMICOLONS.findall(part) or [""]
        if name := name.strip().lower():
            yield "*/*" if name == "*" else name, _weight_in(parameters)


def _weight_in(parameters: Iterable[str]) -> float:
    """Return the weight ``q``; one that is not valid counts as 1, the default."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        text = value.strip()
        if name.strip().lower() == "q" and _WEIGHT.fullmatch(text):
            return min(float(text), 1.0)
    return 1.0


def _weight_of(media_type: str, weights: dict[str, float]) -> float:
    """Return the weight of the most specific range that covers a type."""
    main_type, _, _ = media_type.partition("/")
    ranges = (media_type, f"{main_type}/*", "*/*")
    return next((weights[name] for name in ranges if name in weights), 0.0)


def is_utf_8_json(content_type: str) -> bool:
    """Whether a Content-Type is JSON, in UTF-8 as far as it names an encoding."""
    media_type, *parameters = content_type.split(";")
    named = (parameter.partition("=") for parameter in parameters)
    encodings = [value.strip().strip("\"'").lower() for name, _, value in named if name.strip().lower() == "charset"]
    return media_type.strip().lower() == JSON and _UTF_8.issuperset(encodings)
