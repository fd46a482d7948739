"""Edits one entry of a JSON file and keeps comments, order, numbers, escapes and layout of the rest.

The edit finds the members on the path to the entry in the text, and inserts or removes only the characters of the
entry and its comma. It then parses the result, which must equal the intended value. Comments stay, also those that
were written about the entry. An entry with comments inside is not changed.

docs/decisions/0023-edit-client-configurations-in-place.md gives the reason against a package that does this.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from telecmi_mcp._install.formats.json_style import format_member, format_value, indentation, line_break, style
from telecmi_mcp._install.formats.jsonc import Document, Member, members_of, parse, past_space
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDENT = re.compile(r"[ \t]*")
_REST_OF_LINE_IS_EMPTY = re.compile(r"[ \t]*\r?\n")

Edit = tuple[int, int, str]
"""Start and end of a part of the text, and what replaces it."""


def read(text: str) -> dict[str, Any]:
    """Parse an object, with or without comments; an empty text is an empty object.

    Raises:
        ClientConfigError: The text is not an object.
    """
    return parse(text).value


def put(text: str, key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the text with an entry in the object of a key; an entry of the same name is replaced.

    Raises:
        ClientConfigError: The text cannot be changed safely.
    """
    document, wanted = parse(text), read(text)
    inside = wanted.setdefault(key, {})
    if not isinstance(inside, dict):
        raise ClientConfigError(fact=f'what it has as "{key}" is not an object')
    inside[name] = entry
    if not document.plain.strip():
        return _after_comments(text) + json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
    return _apply(document, _put(document, past_space(document.plain, 0), (key, name), entry), wanted)


def cut(text: str, key: str, name: str | None = None) -> str:
    """Return the text without an entry of the object of a key, or without that object.

    An object with comments stays.

    Raises:
        ClientConfigError: The text cannot be changed safely.
    """
    document, wanted = parse(text), read(text)
    path = (key,) if name is None else (key, name)
    start = past_space(document.plain, 0)
    if name is None and document.has_comment(*_span(document, start, key)):
        return text
    del (wanted if name is None else wanted[key])[path[-1]]
    return _apply(document, _cut(document, start, path), wanted)


def show(key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the text for a user to write into an empty file."""
    return json.dumps({key: {name: entry}}, indent=2, ensure_ascii=False)


def paste(text: str, key: str, name: str, entry: dict[str, Any]) -> tuple[int, str] | None:
    """Return a position and what a user pastes there to add an entry; ``None`` if that would not add it.

    The position is after the brace that opens the object of the key, or after the first brace of the text.

    Raises:
        ClientConfigError: The text is not an object.
    """
    document = parse(text)
    inside = document.value.get(key, {})
    if not document.plain.strip() or not isinstance(inside, dict) or name in inside:
        return None
    at = past_space(document.plain, 0)
    member, follows = {key: {name: entry}}, document.value
    if key in document.value:
        at, member, follows = _find(members_of(document.plain, at), key).value, {name: entry}, inside
    body = json.dumps(member, indent=2, ensure_ascii=False)[2:-2]
    return at + 1, f"{body}," if follows else body


def _after_comments(text: str) -> str:
    if not text.strip():
        return ""
    return text if text.endswith("\n") else text + line_break(text)


def _apply(document: Document, edits: Sequence[Edit], wanted: dict[str, Any]) -> str:
    parts, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[0]):
        parts += [document.text[at:start], new]
        at = end
    text = "".join([*parts, document.text[at:]])
    result = parse(text)
    if result.value != wanted or result.comments != document.comments:
        raise ClientConfigError
    return text


def _find(members: list[Member], key: str) -> Member:
    return next(member for member in members if member.key == key)


def _span(document: Document, start: int, key: str) -> tuple[int, int]:
    member = _find(members_of(document.plain, start), key)
    return member.start, member.end


def _put(document: Document, start: int, path: tuple[str, ...], entry: object) -> list[Edit]:
    key, *deeper = path
    members = members_of(document.plain, start)
    for member in members:
        if member.key == key:
            if deeper:
                return _put(document, member.value, tuple(deeper), entry)
            _refuse_comments(document, member.value, member.end)
            return [(member.value, member.end, format_value(entry, _gap(document, member), document.text))]
    value = {deeper[0]: entry} if deeper else entry
    return _append(document, members[-1], key, value) if members else _fill(document, start, key, value)


def _append(document: Document, last: Member, key: str, value: object) -> list[Edit]:
    """Add a member after the last one; on a line of its own, after a comment on the last one's line."""
    close = past_space(document.plain, last.end)
    comma = document.uncommented.find(",", last.end, close)
    start = last.end if comma < 0 else comma + 1
    line_end = document.uncommented.find("\n", start, close)
    end = start + len(document.text[start : close if line_end < 0 else line_end].rstrip())
    gap = _gap(document, last)
    if "\n" not in gap:
        gap, end = style(document.text)[0][1:], start  # after a line comment it would be part of the comment
    member = gap + format_member(key, value, gap, document.text)
    return [(start, start, ","), (end, end, member)] if comma < 0 else [(end, end, f"{member},")]


def _gap(document: Document, member: Member) -> str:
    """Return the white space before a key; if there is a comment too, a line break and the indentation."""
    if not document.has_comment(member.gap, member.start):
        return document.text[member.gap : member.start]
    line = document.uncommented.rfind("\n", member.gap, member.start) + 1
    indent = _INDENT.match(document.text, line)
    return line_break(document.text) + indent[0] if line and indent else ""


def _fill(document: Document, start: int, key: str, value: object) -> list[Edit]:
    """Add the first member to an object, on a line of its own unless the whole text is one line."""
    text, close = document.text, past_space(document.plain, start + 1)
    if "\n" not in text.strip() and (text[close + 1 :].strip() or document.has_comment(start, close)):
        return _fill_line(document, start, close, format_member(key, value, "", text))
    line = text[text.rfind("\n", 0, start) + 1 : start]
    outer = line_break(text) + line[: len(line) - len(line.lstrip(" \t"))]
    gap = outer + indentation(text)
    member = gap + format_member(key, value, gap, text)
    if document.has_comment(start, close):
        at = _end_of_comments(text, start, close)
        return [(at, at, member)]
    return [(start + 1, close, member + outer)]


def _fill_line(document: Document, start: int, close: int, member: str) -> list[Edit]:
    if document.has_comment(start, close):
        at = _end_of_comments(document.text, start, close)
        return [(at, at, f" {member}")]
    return [(start + 1, close, member)]


def _end_of_comments(text: str, start: int, close: int) -> int:
    return start + 1 + len(text[start + 1 : close].rstrip())


def _cut(document: Document, start: int, path: tuple[str, ...]) -> list[Edit]:
    key, *deeper = path
    members = members_of(document.plain, start)
    at = [member.key for member in members].index(key)
    member = members[at]
    if deeper:
        return _cut(document, member.value, tuple(deeper))
    _refuse_comments(document, member.start, member.end)
    if at + 1 < len(members):
        return _cut_forwards(document, member, members[at + 1])
    close = past_space(document.plain, member.end)
    if not at and not document.has_comment(start, close):
        return [(start + 1, close, "")]
    comma = document.uncommented.find(",", member.end, close)
    if comma < 0 and at:
        comma = document.uncommented.find(",", members[at - 1].end, member.start)
    edits = [_last_member(document, member, max(member.end, comma + 1))]
    return edits if comma < 0 else [*edits, (comma, comma + 1, "")]


def _cut_forwards(document: Document, member: Member, following: Member) -> list[Edit]:
    """Remove a member, its comma and the white space up to the next member or comment."""
    text = document.text
    comma = document.uncommented.find(",", member.end, following.start)
    behind = past_space(text, comma + 1)
    if document.has_comment(member.end, comma):
        return [(member.start, member.end, ""), (comma, behind, "")]
    return [(member.start, behind, "")]


def _last_member(document: Document, member: Member, end: int) -> Edit:
    """Return the part from the white space before the last member to its end; ``end`` is after its comma."""
    text = document.text
    before = len(text[: member.start].rstrip())
    in_line_comment = document.has_comment(before - 1, before) and text[before - 2 : before] != "*/"
    if in_line_comment and not _REST_OF_LINE_IS_EMPTY.match(text, end):
        before = member.start  # else what follows would become part of the comment
    return before, member.end, ""


def _refuse_comments(document: Document, start: int, end: int) -> None:
    if document.has_comment(start, end):
        raise ClientConfigError(fact="the entry has comments, which an edit would lose")
