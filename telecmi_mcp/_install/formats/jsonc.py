"""Parses JSON with comments and trailing commas, and keeps every position of the text.

Comments, and commas before a closing bracket, are replaced by as many spaces. So a position in the result is the same
position in the text, and the standard library parses the result.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from telecmi_mcp.errors import ClientConfigError

_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = r'"(?:[^"\\\n]|\\.)*"'
_TRAILING_COMMA = re.compile(rf'((?:{_STRING}|[^\s,:\[{{"])\s*),(?=\s*[}}\]])|{_STRING}')
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Document:
    """A text that holds an object, or nothing.

    Attributes:
        text: The text.
        uncommented: The text with spaces instead of comments.
        plain: The text with spaces instead of comments and trailing commas.
        value: The object; an empty one if the text holds nothing.
    """

    text: str
    uncommented: str
    plain: str
    value: dict[str, Any]

    @property
    def comments(self) -> list[str]:
        """The comments, in their order."""
        return [found[0] for found in _COMMENT.finditer(self.text) if found[1] is None]

    def has_comment(self, start: int, end: int) -> bool:
        """Whether a part of the text has a comment."""
        return self.text[start:end] != self.uncommented[start:end]


def parse(text: str) -> Document:
    """Parse a text.

    Raises:
        ClientConfigError: The text is not an object; the error names the line and the column.
    """
    if not text.strip():
        return Document(text, text, text, {})
    try:
        return Document(text, text, text, _load(text))
    except (ValueError, RecursionError):
        uncommented = _COMMENT.sub(lambda found: found[1] or " " * len(found[0]), text)
        plain = _TRAILING_COMMA.sub(_without_comma, uncommented)
    if not plain.strip():
        return Document(text, uncommented, plain, {})
    try:
        return Document(text, uncommented, plain, _load(plain))
    except json.JSONDecodeError as error:
        line, column = text.count("\n", 0, error.pos) + 1, error.pos - text.rfind("\n", 0, error.pos)
        fact = f"it is not valid JSON at line {line}, column {column}"
        raise ClientConfigError(hint="Correct the file", fact=fact) from None
    except (ValueError, RecursionError):
        raise ClientConfigError(hint="Correct the file", fact="it is not valid JSON") from None


@dataclass(frozen=True, slots=True)
class Member:
    """Position of a member of an object in the text.

    Attributes:
        gap: Start of the white space and comments before the key, after a brace or a comma.
        start: Start of the key.
        value: Start of the value.
        end: End of the value.
    """

    key: str
    gap: int
    start: int
    value: int
    end: int


def members_of(plain: str, start: int) -> list[Member]:
    """Return the members of the object whose brace is at ``start``, in valid JSON."""
    members: list[Member] = []
    at = start
    while plain[at] != "}":
        gap = at + 1
        key_at = past_space(plain, gap)
        if plain[key_at] == "}":
            break
        key, key_end = _DECODER.raw_decode(plain, key_at)
        value_at = past_space(plain, past_space(plain, key_end) + 1)
        _, end = _DECODER.raw_decode(plain, value_at)
        members.append(Member(key, gap, key_at, value_at, end))
        at = past_space(plain, end)
    if len({member.key for member in members}) < len(members):
        raise ClientConfigError(fact="it has the same key twice")
    return members


def past_space(text: str, at: int) -> int:
    """Return the position after white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _without_comma(found: re.Match[str]) -> str:
    return f"{found[1]} " if found[1] else found[0]


def _load(text: str) -> dict[str, Any]:
    value = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise ClientConfigError(fact="it does not hold a JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
