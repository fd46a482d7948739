"""Edits one entry of a JSON file and keeps order, numbers, escapes and layout of the rest.

The edit finds the members on the path to the entry in the text, and inserts or removes only the characters of the
entry. It then parses the result, which must equal the intended value.

VS Code, Zed and Gemini CLI allow comments: a file with comments is read but never changed.
docs/decisions/0023-edit-client-configurations-in-place.md gives the reason against a package that keeps them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from telecmi_mcp.errors import ClientConfigError

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_INDENTED = re.compile(r'\n([ \t]+)"')
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')
_DECODER = json.JSONDecoder()


def read(text: str) -> dict[str, Any]:
    """Parse an object, with or without comments; an empty text is an empty object.

    Raises:
        ClientConfigError: The text is not an object.
    """
    try:
        return _read(text)
    except ClientConfigError:
        return _read(_without_comments(text))


def put(text: str, key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the text with an entry in the object of a key; an entry of the same name is replaced.

    Raises:
        ClientConfigError: The text cannot be changed safely.
    """
    wanted = _read(text)
    inside = wanted.setdefault(key, {})
    if not isinstance(inside, dict):
        raise ClientConfigError(fact=f'what it has as "{key}" is not an object')
    inside[name] = entry
    if not text.strip():
        return json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
    return _checked(_put(text, _past_space(text, 0), (key, name), entry), wanted)


def cut(text: str, key: str, name: str | None = None) -> str:
    """Return the text without an entry of the object of a key, or without that object.

    Raises:
        ClientConfigError: The text cannot be changed safely.
    """
    wanted = _read(text)
    path = (key,) if name is None else (key, name)
    del (wanted if name is None else wanted[key])[path[-1]]
    return _checked(_cut(text, _past_space(text, 0), path), wanted)


def show(key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the text for a user to write into an empty file."""
    return json.dumps({key: {name: entry}}, indent=2, ensure_ascii=False)


def _read(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        commented = re.search(r"//|/\*", _STRING.sub("", text))
        fact = "it has comments, which an edit would lose" if commented else "it is not valid JSON"
        raise ClientConfigError(fact=fact) from None
    if not isinstance(value, dict):
        raise ClientConfigError(fact="it does not hold a JSON object")
    return value


def _without_comments(text: str) -> str:
    """Remove comments and trailing commas, as VS Code, Zed and Gemini CLI do."""
    text = _COMMENT.sub(lambda found: found[1] or " ", text)
    return _LAST_COMMA.sub(lambda found: found[1] or "", text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _checked(text: str, wanted: dict[str, Any]) -> str:
    if _read(text) != wanted:
        raise ClientConfigError
    return text


@dataclass(frozen=True, slots=True)
class _Member:
    """Position of a member of an object in the text.

    Attributes:
        gap: Start of the white space before the key, after a brace or a comma.
        start: Start of the key.
        value: Start of the value.
        end: End of the value.
    """

    key: str
    gap: int
    start: int
    value: int
    end: int


def _members(text: str, start: int) -> list[_Member]:
    """Return the members of the object whose brace is at ``start``, in valid JSON."""
    members: list[_Member] = []
    at = start
    while text[at] != "}":
        gap = at + 1
        key_at = _past_space(text, gap)
        if text[key_at] == "}":
            break
        key, key_end = _DECODER.raw_decode(text, key_at)
        value_at = _past_space(text, _past_space(text, key_end) + 1)
        _, end = _DECODER.raw_decode(text, value_at)
        members.append(_Member(key, gap, key_at, value_at, end))
        at = _past_space(text, end)
    if len({member.key for member in members}) < len(members):
        raise ClientConfigError(fact="it has the same key twice")
    return members


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _put(text: str, start: int, path: tuple[str, ...], entry: object) -> str:
    key, *deeper = path
    members = _members(text, start)
    for member in members:
        if member.key == key:
            if deeper:
                return _put(text, member.value, tuple(deeper), entry)
            gap = text[member.gap : member.start]
            return text[: member.value] + _dump(entry, gap, text) + text[member.end :]
    value = {deeper[0]: entry} if deeper else entry
    if not members:
        return _fill(text, start, key, value)
    last = members[-1]
    gap = text[last.gap : last.start]
    gap = gap if "\n" in gap else _style(text)[0][1:]
    return f"{text[: last.end]},{gap}{_member(key, value, gap, text)}{text[last.end :]}"


def _fill(text: str, start: int, key: str, value: object) -> str:
    """Add the first member to an object, on a line of its own unless the whole text is one line."""
    end = _past_space(text, start + 1)
    if "\n" not in text.strip() and text[end + 1 :].strip():
        return text[: start + 1] + _member(key, value, "", text) + text[end:]
    line = text[text.rfind("\n", 0, start) + 1 : start]
    outer = _line_break(text) + line[: len(line) - len(line.lstrip(" \t"))]
    gap = outer + _unit(text)
    return text[: start + 1] + gap + _member(key, value, gap, text) + outer + text[end:]


def _cut(text: str, start: int, path: tuple[str, ...]) -> str:
    key, *deeper = path
    members = _members(text, start)
    at = [member.key for member in members].index(key)
    member = members[at]
    if deeper:
        return _cut(text, member.value, tuple(deeper))
    if len(members) == 1:
        return text[: start + 1] + text[_past_space(text, member.end) :]
    if at == len(members) - 1:
        return text[: members[at - 1].end] + text[member.end :]
    return text[: member.start] + text[members[at + 1].start :]


def _member(key: str, value: object, gap: str, text: str) -> str:
    return f"{json.dumps(key)}{_style(text)[1]}{_dump(value, gap, text)}"


def _dump(value: object, gap: str, text: str) -> str:
    """Format a value like the text around it; ``gap`` is the white space before its key."""
    if "\n" not in gap:
        return json.dumps(value, ensure_ascii=False, separators=_style(text))
    dumped = json.dumps(value, ensure_ascii=False, indent=_unit(text), separators=(",", _style(text)[1]))
    return dumped.replace("\n", _line_break(text) + gap.rpartition("\n")[2])


def _style(text: str) -> tuple[str, str]:
    """Return the comma and the colon as the text writes them: with a space after them, or without."""
    return (",", ":") if re.search(r'"":\S', _STRING.sub('""', text)) else (", ", ": ")


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    found = _INDENTED.search(text)
    return found[1] if found else "  "
