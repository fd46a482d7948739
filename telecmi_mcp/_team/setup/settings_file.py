"""Writes and reads the settings file of a team server, which systemd (EnvironmentFile=) and sh read alike.

Each line is ``NAME="value"``. Inside double quotes, both read a backslash before ``"``, ``$``, a backquote or another
backslash as that character, and neither gives ``%`` a meaning (systemd.exec(5), "EnvironmentFile="; POSIX, "Shell
Command Language", 2.2.3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telecmi_mcp._private_files import read_private
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HEAD = """\
# Settings of a telecmi-mcp server for a team: systemd reads this file (EnvironmentFile=), and so does
# telecmi-mcp team --settings FILE. In a shell: set -a; . FILE; set +a
"""
_ESCAPED = re.compile(r'(["\\$`])')
_UNESCAPED = re.compile(r'\\(["\\$`])')
_LINE = re.compile(
    r"""(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<plain>[^\s"'\\$`#;]*))"""
)


def format_settings(values: Mapping[str, str]) -> bytes:
    """Return the text of a settings file.

    Raises:
        ConfigurationError: A value has a line break or another character that cannot be shown.
    """
    for name, value in values.items():
        if not value.isprintable():
            fact = "a settings file holds no line breaks and no other control characters"
            raise ConfigurationError(hint=f"Correct {name}", fact=fact)
    lines = (f"{name}={_quote(value)}\n" for name, value in values.items())
    return (_HEAD + "".join(lines)).encode()


def parse_settings(text: str) -> dict[str, str]:
    """Return the values in the text of a settings file.

    Raises:
        ConfigurationError: A line is none that systemd and sh read alike; the sentence has its number.
    """
    values = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _LINE.fullmatch(stripped)
        if found is None:
            raise ConfigurationError(
                hint=f"Correct line {number} of the settings file", fact='a line has the form NAME="value"'
            )
        values[found["name"]] = _value(found)
    return values


def read_settings(path: Path) -> dict[str, str]:
    """Return the values in a settings file, which only its owner may read.

    Raises:
        ConfigurationError: The file cannot be read, other users may read it, or a line is not valid.
    """
    try:
        text = read_private(path).decode()
    except (OSError, ValueError) as why:
        fact = "the settings file cannot be read"
        raise ConfigurationError(
            hint="Name the file that telecmi-mcp team setup wrote", fact=fact, detail=type(why).__name__
        ) from None
    return parse_settings(text)


def _quote(value: str) -> str:
    escaped = _ESCAPED.sub(r"\\\1", value)
    return f'"{escaped}"'


def _value(found: re.Match[str]) -> str:
    if found["double"] is not None:
        return _UNESCAPED.sub(r"\1", found["double"])
    return found["single"] if found["single"] is not None else found["plain"]
