"""A strict reader of vCards, from the grammar of RFC 6350: what it does not take, the RFC does not allow.

RFC 2426 has the same lines for what 3.0 and 4.0 have in common.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST_OCTETS = 75
_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9-]+)(?P<params>(?:;[A-Za-z0-9-]+=(?:[^\x00-\x08\x0a-\x1f\x7f\";:,]*|\"[^\x00-\x08\x0a-\x1f\x7f\"]*\"))*)"
    r":(?P<value>[^\x00-\x08\x0a-\x1f\x7f]*)"
)
_ESCAPES = {"\\\\": "\\", "\\,": ",", "\\;": ";", "\\n": "\n", "\\N": "\n"}


@dataclass(frozen=True, slots=True)
class Line:
    """One property: its parameters, and its value as it stands, or taken apart."""

    params: str
    value: str

    @property
    def text(self) -> str:
        """The one text that it is."""
        (text,) = self.parts
        return text

    @property
    def parts(self) -> list[str]:
        """The texts between its semicolons."""
        parts = [""]
        for token in re.findall(r"\\.|[^\\;]+|;|\\", self.value):
            parts[-1:] = [parts[-1], ""] if token == ";" else [parts[-1] + token]
        return [_unescaped(part) for part in parts]


def read_cards(content: bytes, *, version: str = "4.0") -> list[dict[str, Line]]:
    """Every card as its properties; each of ours may stand once."""
    cards: list[dict[str, Line]] = []
    lines = iter(_unfolded(content))
    for first in lines:
        assert first == "BEGIN:VCARD", first
        assert next(lines) == f"VERSION:{version}"
        card: dict[str, Line] = {}
        while (line := next(lines)) != "END:VCARD":
            found = _LINE.fullmatch(line)
            assert found, line
            assert found["name"] not in card, line
            card[found["name"]] = Line(found["params"], found["value"])
        assert "FN" in card
        cards.append(card)
    return cards


def _unfolded(content: bytes) -> list[str]:
    if not content:
        return []
    assert content.endswith(b"\r\n")
    lines: list[str] = []
    for raw in content.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(raw) <= _MOST_OCTETS, raw
        line = raw.decode()  # each alone: a fold never stands inside a character
        assert "\r" not in line
        assert "\n" not in line
        if line.startswith((" ", "\t")):
            lines[-1] += line[1:]
        else:
            lines.append(line)
    return lines


def _unescaped(part: str) -> str:
    assert re.fullmatch(r"(?:\\[\\,;nN]|[^\\,;])*", part), f"not escaped as RFC 6350 wants it: {part}"
    return re.sub(r"\\.", lambda found: _ESCAPES[found[0]], part)
