"""Writes an entry as a block of YAML for a user to paste; no YAML file is read or changed.

No library of YAML keeps the layout of a file that it writes, so install does not edit one:
docs/decisions/0106-json-with-comments-is-edited.md.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from telecmi_mcp.errors import ClientConfigError


def read(*_: object, **__: object) -> NoReturn:
    """Refuse to read or change a text.

    Raises:
        ClientConfigError: Always.
    """
    raise ClientConfigError(hint="Paste the entry into the file", fact="install does not edit YAML")


put = cut = read


def paste(text: str, key: str, name: str, entry: dict[str, Any]) -> tuple[int, str] | None:
    """Return a position and what a user pastes there to add an entry; ``None`` if none is known.

    The position is below the line of the key, or at the end of a text without the key.
    """
    if not text.strip():
        return None
    if not re.search(rf"^{key}\s*:", text, re.MULTILINE):
        return len(text), ("" if text.endswith("\n") else "\n") + show(key, name, entry)
    found = re.search(rf"^{key}:[ \t]*\r?\n(?:[ \t]*(?:#.*)?\r?\n)*([ ]+)[^\s#]", text, re.MULTILINE)
    if found is None:
        return None
    return text.index("\n", found.start()) + 1, _lines(name, entry, found[1]) + "\n"


def show(key: str, name: str, entry: dict[str, Any]) -> str:
    """Return the block; each value is JSON, which YAML reads as the same value."""
    return f"{key}:\n{_lines(name, entry, '  ')}"


def _lines(name: str, entry: dict[str, Any], indent: str) -> str:
    fields = [f"{indent}  {field}: {json.dumps(value, ensure_ascii=False)}" for field, value in entry.items()]
    return "\n".join([f"{indent}{name}:", *fields])
