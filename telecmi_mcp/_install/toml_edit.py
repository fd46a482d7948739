"""Edits one place of a TOML file; comments, order and layout of the rest stay as they were.

An entry is a table of its own at the end of the file; its lines are put in and cut out. What comes of it is parsed by
the standard library, and must be exactly what was meant, or else the file is left alone. A library that keeps
comments (tomlkit) takes away those between a table that it removes and the next, which this does not.
"""

from __future__ import annotations

import json
import re
import tomllib
from copy import deepcopy
from typing import Any

from telecmi_mcp.errors import ClientConfigError

_ANY_HEADER = re.compile(r"[ \t]*\[")
_NO_CONTENT = re.compile(r"[ \t]*(#.*)?\r?\n?")
_STRING = re.compile(r"""\"(?:[^\"\\]|\\.)*\"|'[^']*'""")


def read(text: str) -> dict[str, Any]:
    """Return what a text holds.

    Raises:
        HostUnchanged: It is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        raise ClientConfigError(fact="it is not valid TOML") from None


def put(text: str, key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the text with an entry in the table of a key, in the place of one of the same name.

    Raises:
        HostUnchanged: The text cannot be changed safely.
    """
    wanted = deepcopy(read(text))
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
    """Return the text without an entry of the table of a key; the table itself has no line of its own.

    Raises:
        HostUnchanged: The text cannot be changed safely.
    """
    wanted = deepcopy(read(text))
    if name is None:
        return text
    del wanted[key][name]
    if not wanted[key]:
        del wanted[key]
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    taken = _lines_of(lines, key, name)
    kept = [line for number, line in enumerate(lines) if number not in taken]
    return _checked("".join(kept), wanted)


def show(key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the table as a person would write it."""
    return "\n".join([f"[{key}.{name}]", *(f"{field} = {_value(value)}" for field, value in entry.items())])


def _checked(text: str, wanted: dict[str, Any]) -> str:
    if _filled(read(text)) != _filled(wanted):
        raise ClientConfigError
    return text


def _filled(tables: dict[str, Any]) -> dict[str, Any]:
    """Without empty tables: a header of its own, or none, is all the difference."""
    return {key: value for key, value in tables.items() if value != {}}


def _lines_of(lines: list[str], key: str, name: str) -> set[int]:
    """The numbers of the lines of an entry, with the empty line that was put before it."""
    header = re.compile(rf"[ \t]*\[[ \t]*{_quoted(key)}[ \t]*\.[ \t]*{_quoted(name)}[ \t]*[\].]")
    found: set[int] = set()
    for start in [number for number, line in enumerate(lines) if header.match(line)]:
        found |= _table(lines, start)
    first = min(found, default=0)
    follows = lines[max(found) + 1] if found and max(found) + 1 < len(lines) else ""
    if first and not lines[first - 1].strip() and not follows.strip():
        found.add(first - 1)
    return found


def _quoted(key: str) -> str:
    return rf"""(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')"""


def _table(lines: list[str], start: int) -> set[int]:
    """A header and what belongs to it; comments and empty lines at the end belong to what follows."""
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
