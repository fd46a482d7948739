"""The forms that a file can have: each a module with HEAD and render(contact) -> bytes, imported when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._models import Contact

FORMS = ("csv", "jsonl", "vcf")
"""Their names, which are the endings of the files."""


@dataclass(frozen=True, slots=True)
class Form:
    """How contacts are written.

    Attributes:
        name: One of ``FORMS``.
        head: What the file begins with.
        render: Gives the bytes of one contact; those of several follow one another.
    """

    name: str
    head: bytes
    render: Callable[[Contact], bytes]


def open_form(name: str) -> Form:
    """Return the form of this name, one of ``FORMS``."""
    module = import_module(f"telecmi_mcp._export._{name}")
    return Form(name, module.HEAD, module.render)
