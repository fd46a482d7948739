"""Writes CSV by RFC 4180 for spreadsheets; no cell can be read as a formula.

Sources: RFC 4180; OWASP's page "CSV Injection".
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from telecmi_mcp._models import Contact

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLUMNS = Contact._fields
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are the full-width forms of the first
_DEFUSED = "'"


def _row(cells: Iterable[str]) -> bytes:
    # All cells in quotation marks, as OWASP advises.
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(cells)
    return text.getvalue().encode()


def _defused(text: str) -> str:
    """The text, after an apostrophe if a spreadsheet may take it for a formula; white space before it is no shelter."""
    return _DEFUSED + text if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


HEAD = "\ufeff".encode() + _row(_COLUMNS)  # without the mark Excel takes UTF-8 for the code page of the computer


def render(contact: Contact) -> bytes:
    """One record: the fields in TeleCMI's order, "" for one without a value."""
    return _row(_defused(getattr(contact, name) or "") for name in _COLUMNS)
