"""The interface of the file formats: read and edit a client's configuration, or write the block to paste into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from telecmi_mcp._install.formats import json_edit, toml_edit, yaml_block

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConfigFormat(Protocol):
    """Reads and edits one file format."""

    def read(self, text: str) -> dict[str, Any]:
        """Parse a text."""
        ...

    def put(self, text: str, key: str, name: str, entry: dict[str, Any]) -> str:
        """Return the text with an entry added."""
        ...

    def cut(self, text: str, key: str, name: str | None = None) -> str:
        """Return the text without an entry, or without the whole object of the key."""
        ...

    def show(self, key: str, name: str, entry: dict[str, Any]) -> str:
        """Return the text for a user to write into an empty file."""
        ...

    def paste(self, text: str, key: str, name: str, entry: dict[str, Any]) -> tuple[int, str] | None:
        """Return a position and what a user pastes there to add an entry; ``None`` if that would not add it."""
        ...


CONFIG_FORMATS: Mapping[str, ConfigFormat] = {"json": json_edit, "toml": toml_edit, "yaml": yaml_block}
