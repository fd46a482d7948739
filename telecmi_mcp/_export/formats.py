"""Formats of an export: each is a module with HEAD and render(contact) -> bytes, imported when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._models import Contact

FILE_FORMATS = ("csv", "jsonl", "vcf")
"""Their names, which are the endings of the files."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How contacts are written.

    Attributes:
        name: One of ``FILE_FORMATS``.
        head: What the file begins with.
        render: Gives the bytes of one contact; those of several follow one another.
    """

    name: str
    head: bytes
    render: Callable[[Contact], bytes]


def open_format(name: str) -> FileFormat:
    """Return the form of this name, one of ``FILE_FORMATS``."""
    module = import_module(f"telecmi_mcp._export.{name}")
    return FileFormat(name, module.HEAD, module.render)
