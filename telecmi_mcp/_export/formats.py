"""Opens the format of an export: a module with HEAD, MIME_TYPE and render(contact), imported when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._models import Contact

FILE_FORMATS = ("csv", "jsonl", "vcf")
"""The names of the formats, which are the suffixes of the files."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format of an export.

    Attributes:
        name: One of ``FILE_FORMATS``.
        head: The first bytes of the file.
        mime_type: The media type of the file.
        render: Returns the bytes of one contact; the contacts of a file follow one another.
        version: The version of the format, if it is not the usual one.
    """

    name: str
    head: bytes
    mime_type: str
    render: Callable[[Contact], bytes]
    version: str = ""


def open_format(name: str) -> FileFormat:
    """Return the format of this name, one of ``FILE_FORMATS``."""
    module = import_module(f"telecmi_mcp._export.{name}")
    return FileFormat(name, module.HEAD, module.MIME_TYPE, module.render)


def open_vcard_3() -> FileFormat:
    """Return the format of vCard 3.0; the one of the name ``vcf`` is 4.0."""
    from telecmi_mcp._export import vcf

    return FileFormat("vcf", vcf.HEAD, vcf.MIME_TYPE, vcf.render_3, "3.0")
