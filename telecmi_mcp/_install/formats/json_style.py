"""Formats members of a JSON object like the text around them."""

from __future__ import annotations

import json
import re

_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_INDENTED = re.compile(r'\n([ \t]+)"')


def format_member(key: str, value: object, gap: str, text: str) -> str:
    """Format a member of an object; ``gap`` is the white space before its key."""
    return f"{json.dumps(key)}{style(text)[1]}{format_value(value, gap, text)}"


def format_value(value: object, gap: str, text: str) -> str:
    """Format a value like the text around it; ``gap`` is the white space before its key."""
    if "\n" not in gap:
        return json.dumps(value, ensure_ascii=False, separators=style(text))
    dumped = json.dumps(value, ensure_ascii=False, indent=indentation(text), separators=(",", style(text)[1]))
    return dumped.replace("\n", line_break(text) + gap.rpartition("\n")[2])


def style(text: str) -> tuple[str, str]:
    """Return the comma and the colon as the text writes them: with a space after them, or without."""
    return (",", ":") if re.search(r'"":\S', _STRING.sub('""', text)) else (", ", ": ")


def line_break(text: str) -> str:
    """Return the line break of the text."""
    return "\r\n" if "\r\n" in text else "\n"


def indentation(text: str) -> str:
    """Return the indentation of one level."""
    found = _INDENTED.search(text)
    return found[1] if found else "  "
