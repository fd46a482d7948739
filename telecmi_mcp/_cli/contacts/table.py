"""Prints the contacts of an answer as a table, and what else a reader must know on stderr."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

from telecmi_mcp._cli.terminal import BOLD, YELLOW, colored, cut, pad, terminal_columns, width_of
from telecmi_mcp._cli.wording import address_person_in_notice
from telecmi_mcp._models import Contact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NAME_FIELDS = ("first_name", "last_name")
_ID = "contact_id"
_GAP = "  "
_SECOND_LINE: Final = (_ID, "email_id")
"""The columns of the second line of a contact, where a terminal is too narrow for one line."""
_MIN_WIDTHS: Final = {"match": 8, "phone_no": 15, _ID: 36}  # these are never cut
_LEAST_USEFUL = 18  # columns of any other field, below which a contact gets two lines
_LEAST = 6
_DOUBTFUL = ("fuzzy", "partial")


def print_contacts(contacts: Iterable[Mapping[str, Any]]) -> None:
    """Print a row for each contact: how it matches, the name, every other field, and the id.

    On a terminal there is a header, and the rows fit its width: long cells are cut, or a contact has two lines.
    Elsewhere no cell is cut.
    """
    rows = [_cells(contact) for contact in contacts]
    if not rows:
        return
    columns = terminal_columns()
    lines = _layout(rows, columns)
    if columns is not None:
        _print_row({name: name for name in rows[0]}, lines, is_header=True)
    for row in rows:
        _print_row(row, lines)


def print_notes(*notes: str | None) -> None:
    """Print the notes that are not empty on stderr, one a line."""
    for note in filter(None, notes):
        print(address_person_in_notice(note), file=sys.stderr)


def next_page(page_state: str) -> str:
    """Return the note that names the flag of the next page."""
    quoted = shlex.quote(page_state)
    return f"There are more: --page-state{'=' if quoted.startswith('-') else ' '}{quoted}"


def _cells(contact: Mapping[str, Any]) -> dict[str, str]:
    fields = {name: contact.get(name, "") for name in Contact._fields}
    name = " ".join(filter(None, map(fields.pop, _NAME_FIELDS)))
    match = {"match": contact["match"]} if "match" in contact else {}
    contact_id = fields.pop(_ID)
    return {**match, "name": name, **fields, _ID: contact_id}


def _layout(rows: Sequence[Mapping[str, str]], columns: int | None) -> list[dict[str, int]]:
    """Return the width of each column, for each line of a contact."""
    widths = {name: max(_MIN_WIDTHS.get(name, 0), *(width_of(row[name]) for row in rows)) for name in rows[0]}
    if columns is None:
        return [widths]
    widths = {name: max(width, len(name)) for name, width in widths.items()}
    fitted = _shrink(widths, columns, least=_LEAST_USEFUL)
    if _total(fitted) <= columns:
        return [fitted]
    first = {name: width for name, width in widths.items() if name not in _SECOND_LINE}
    second = {name: widths[name] for name in _SECOND_LINE}
    return [_shrink(first, columns, least=_LEAST), _shrink(second, columns - len(_GAP), least=_LEAST)]


def _shrink(widths: Mapping[str, int], columns: int, *, least: int) -> dict[str, int]:
    """Take columns from the widest fields until all fit, or none can be cut further."""
    shrunk = dict(widths)
    while _total(shrunk) > columns:
        name = max(shrunk.keys() - _MIN_WIDTHS.keys(), key=lambda each: (shrunk[each], each))
        if shrunk[name] <= least:
            break
        shrunk[name] -= 1
    return shrunk


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _print_row(row: Mapping[str, str], lines: Sequence[Mapping[str, int]], *, is_header: bool = False) -> None:
    for number, widths in enumerate(lines):
        last = list(widths)[-1]
        cells = []
        for name, width in widths.items():
            cell = cut(row[name], width)
            cells.append(_emphasized(cell if name == last else pad(cell, width), name, is_header=is_header))
        line = _GAP.join(cells)
        print((_GAP if number else "") + (line if is_header else line.rstrip()))


def _emphasized(cell: str, name: str, *, is_header: bool) -> str:
    if is_header:
        return colored(cell, BOLD, sys.stdout)
    is_doubtful = name == "match" and cell.rstrip() in _DOUBTFUL
    return colored(cell, YELLOW, sys.stdout) if is_doubtful else cell
