"""Reads a CSV file of any usual form, and adds what a lookup found to its rows."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telecmi_mcp._models import Contact
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DELIMITERS = ",;\t"
_RESULT_COLUMNS = ("status", "matches", *Contact._fields, "match")
_PREFIX = "telecmi_"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a CSV file, each as long as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str | None) -> int:
        """Return the index of the column of this name; without a name, of the first column.

        Raises:
            ConfigurationError: No column, or more than one, has this name.
        """
        if name is None:
            return 0
        found = [index for index, cell in enumerate(self.header) if cell.strip() == name.strip()]
        if len(found) == 1:
            return found[0]
        fact = "several columns have this name" if found else "the header row has no such column"
        raise ConfigurationError(hint="Choose another --column", fact=fact)

    def completed_header(self) -> list[str]:
        """Return the header and the names of the new columns, with a prefix where the header has the name already."""
        taken = {cell.strip().casefold() for cell in self.header}
        return [*self.header, *(_unused(name, taken) for name in _RESULT_COLUMNS)]


def read_table(content: bytes) -> Table:
    """Read a CSV file: UTF-8, with commas, semicolons or tabs, and a header row.

    Raises:
        ConfigurationError: It is no such file.
    """
    text = _decode(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = tuple(next(reader, ()))
        if not any(map(str.strip, header)):
            raise ConfigurationError(hint="Put the names of the columns into its first line", fact="FILE has no header")
        return Table(header, tuple(_padded_rows(reader, len(header))))
    except csv.Error:
        hint = "Check the quotation marks and the line breaks"
        raise ConfigurationError(hint=hint, fact=f"line {reader.line_num} of FILE is not CSV") from None


def completed_row(row: Sequence[str], result: Mapping[str, Any] | None) -> list[str]:
    """Return a row with the result of its lookup; a contact fills the row only where exactly one was found.

    Args:
        row: The cells of the input.
        result: One of the results of lookup_contacts; ``None`` if the row was not looked up.
    """
    if result is None:
        return [*row, *("" for _ in _RESULT_COLUMNS)]
    status = result["status"]
    contact = result["contacts"][0] if status == "found" else {}
    matches = "" if status == "unclear" else str(result.get("total", len(contact) and 1))
    cells = {**contact, "status": status, "matches": matches}
    return [*row, *(cells.get(name, "") for name in _RESULT_COLUMNS)]


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ConfigurationError(hint="Save FILE as CSV in UTF-8", fact="it is not UTF-8 text")
    return text


def _delimiter(text: str) -> str:
    """Return the delimiter that cuts the first line into the most cells; a comma if there is only one cell."""
    return max(_DELIMITERS, key=lambda delimiter: len(next(_lenient_reader(text, delimiter), ())))


def _lenient_reader(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error:
        return


def _padded_rows(reader: Iterator[list[str]], width: int) -> Iterator[tuple[str, ...]]:
    for number, row in enumerate(reader, 2):
        if len(row) > width:
            hint, fact = "Quote the cells that hold the delimiter", f"row {number} has more cells than the header row"
            raise ConfigurationError(hint=hint, fact=fact)
        yield (*row, *("" for _ in range(width - len(row))))


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name = _PREFIX + name
    taken.add(name)
    return name
