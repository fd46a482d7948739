"""Replaces the names of tools in texts of this package by their names on one server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ToolNames:
    """The names of tools on one server.

    Every text of this package holds the names of the registry. They are replaced where a text leaves the server. A
    text with a value of a contact or of a caller is never passed to this class, because the value may hold such a name.

    Args:
        shown: For each name, or phrase around names, what the server shows instead; empty if it shows all as they are.
    """

    def __init__(self, shown: Mapping[str, str] | None = None) -> None:
        self._shown = dict(shown or {})
        longest_first = sorted(self._shown, key=len, reverse=True)
        self._pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b") if shown else None

    @classmethod
    def with_prefix(cls, prefix: str, names: Iterable[str]) -> ToolNames:
        """Return the names with a prefix."""
        return cls({name: f"{prefix}{name}" for name in names} if prefix else {})

    def __bool__(self) -> bool:
        return self._pattern is not None

    def shown(self, name: str) -> str:
        """Return the name of a tool on the server."""
        return self._shown.get(name, name)

    def in_text(self, text: str) -> str:
        """Return the text with the names of the server; only whole words are replaced."""
        return text if self._pattern is None else self._pattern.sub(lambda found: self._shown[found[0]], text)

    def in_json(self, value: Any) -> Any:
        """Return a JSON value with the names of the server in each of its texts, keys excepted."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, list):
            return [self.in_json(each) for each in value]
        return {key: self.in_json(each) for key, each in value.items()} if isinstance(value, dict) else value


BARE_NAMES = ToolNames()
"""The names of the registry, unchanged."""
