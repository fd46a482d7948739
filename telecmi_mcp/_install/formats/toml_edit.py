"""Edits one entry of a TOML file and keeps comments, order and layout of the rest.

An entry is a table at the end of the file; the edit adds or removes its lines. It then parses the result with the
standard library; unless the result equals the intended value, the file stays unchanged. A library that keeps comments
(tomlkit) also removes the comments between the removed table and the next one, which this edit keeps.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from telecmi_mcp.errors import ClientConfigError

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_ANY_HEADER = re.compile(r"[ \t]*\[")
_NO_CONTENT = re.compile(r"[ \t]*(#.*)?\r?\n?")
_STRING = re.compile(r"""\"(?:[^\"\\]|\\.)*\"|'[^']*'""")


def read(text: str) -> dict[str, Any]:
    """Parse a text.

    Raises:
        ClientConfigError: The text is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        place = _PLACE.search(str(error))
        fact = "it is not valid TOML" + (f" at line {place[1]}, column {place[2]}" if place else "")
        raise ClientConfigError(hint="Correct the file", fact=fact) from None


def put(text: str, key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the text with an entry in the table of a key; an entry of the same name is replaced.

    Raises:
        ClientConfigError: The text cannot be changed safely.
    """
    wanted = read(text)
    inside = wanted.setdefault(key, {})
    if not isinstance(inside, dict):
        raise ClientConfigError(fact=f'what it has as "{key}" is not a table')
    if name in inside:
        text = cut(text, key, name)
    inside[name] = entry
    line_break = "\r\n" if "\r\n" in text else "\n"
    apart = ("" if not text or text.endswith("\n") else line_break) + (line_break if text else "")
    added = show(key, name, entry).replace("\n", line_break) + line_break
    return _checked(text + apart + added, wanted)


def cut(text: str, key: str, name: str | None = None) -> str:
    """Return the text without an entry of the table of a key; the table itself has no line.

    Raises:
        ClientConfigError: The text cannot be changed safely.
    """
    wanted = read(text)
    if name is None:
        return text
    del wanted[key][name]
    if not wanted[key]:
        del wanted[key]
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    header = re.compile(rf"[ \t]*\[[ \t]*{_quoted(key)}[ \t]*\.[ \t]*{_quoted(name)}[ \t]*[\].]")
    starts = [number for number, line in enumerate(lines) if header.match(line)]
    for some in (starts, *([start] for start in reversed(starts))):  # a line of a text may look like a header
        removed = _lines_of(lines, some)
        kept = "".join(line for number, line in enumerate(lines) if number not in removed)
        if _means(kept, wanted):
            return kept
    raise ClientConfigError


def show(key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the table for a user to write by hand."""
    return "\n".join([f"[{key}.{name}]", *(f"{field} = {_value(value)}" for field, value in entry.items())])


def paste(text: str, key: str, name: str, entry: dict[str, Any]) -> tuple[int, str] | None:
    """Return a position and what a user pastes there to add an entry; ``None`` if that would not add it.

    Raises:
        ClientConfigError: The text is not TOML.
    """
    inside = read(text).get(key, {})
    if not text.strip() or not isinstance(inside, dict) or name in inside:
        return None
    return len(text), ("" if text.endswith("\n") else "\n") + show(key, name, entry)


def _checked(text: str, wanted: dict[str, Any]) -> str:
    if not _means(text, wanted):
        raise ClientConfigError
    return text


def _means(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return _filled(tomllib.loads(text)) == _filled(wanted)
    except (ValueError, RecursionError):
        return False


def _filled(tables: dict[str, Any]) -> dict[str, Any]:
    """Return the tables without empty ones: an empty table and a missing one mean the same."""
    return {key: value for key, value in tables.items() if value != {}}


def _lines_of(lines: list[str], starts: list[int]) -> set[int]:
    """Return the line numbers of the tables that begin at these lines, and of the empty line before them."""
    found: set[int] = set()
    for start in starts:
        found |= _table(lines, start)
    first = min(found, default=0)
    follows = lines[max(found) + 1] if found and max(found) + 1 < len(lines) else ""
    if first and not lines[first - 1].strip() and not follows.strip():
        found.add(first - 1)
    return found


def _quoted(key: str) -> str:
    return rf"""(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')"""


def _table(lines: list[str], start: int) -> set[int]:
    """Return the lines of a table; comments and empty lines at its end belong to the next table."""
    end = next((at for at in range(start + 1, len(lines)) if _ANY_HEADER.match(lines[at])), len(lines))
    while _NO_CONTENT.fullmatch(lines[end - 1]):
        end -= 1
    if any("#" in _STRING.sub("", line) for line in lines[start:end]):
        raise ClientConfigError(fact="the entry has comments, which an edit would lose")
    return set(range(start, end))


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{field} = {_value(each)}" for field, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
