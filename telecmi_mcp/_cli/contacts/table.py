"""Prints the contacts of an answer as a table, and what else a reader must know on stderr."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from telecmi_mcp._models import Contact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME_FIELDS = ("first_name", "last_name")
_WIDTHS = {"match": 8, "name": 26, "phone_no": 15, "email_id": 30}
_DEFAULT_WIDTH = 26


def print_contacts(contacts: Iterable[Mapping[str, Any]]) -> None:
    """Print a line for each contact: how it matches, the name, and every other field but the id."""
    for contact in contacts:
        cells = (cell.ljust(_WIDTHS.get(name, _DEFAULT_WIDTH)) for name, cell in _cells(contact).items())
        print("  ".join(cells).rstrip())


def print_notes(*notes: str | None) -> None:
    """Print the notes that are not empty on stderr, one a line."""
    for note in filter(None, notes):
        print(note, file=sys.stderr)


def next_page(page_state: str) -> str:
    """Return the note that names the flag of the next page."""
    quoted = shlex.quote(page_state)
    return f"There are more: --page-state{'=' if quoted.startswith('-') else ' '}{quoted}"


def _cells(contact: Mapping[str, Any]) -> dict[str, str]:
    fields = {name: contact.get(name, "") for name in Contact._fields if name != "contact_id"}
    name = " ".join(filter(None, map(fields.pop, _NAME_FIELDS)))
    match = {"match": contact["match"]} if "match" in contact else {}
    return {**match, "name": name, **fields}
