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

MIME_TYPE = "text/csv"

_COLUMNS = Contact._fields
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are full-width forms of the first four
_ESCAPE = "'"


def render_row(cells: Iterable[str]) -> bytes:
    """Return one record; every cell is quoted, as OWASP advises."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(cells)
    return text.getvalue().encode()


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet may read as a formula, also after white space."""
    return _ESCAPE + text if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


BYTE_ORDER_MARK = "\ufeff".encode()
"""Start of a file; without it Excel reads UTF-8 as the code page of the computer."""

HEAD = BYTE_ORDER_MARK + render_row(_COLUMNS)


def render(contact: Contact) -> bytes:
    """Return one record: the fields in TeleCMI's order, "" for a field without a value."""
    return render_row(escape_formula(getattr(contact, name) or "") for name in _COLUMNS)
