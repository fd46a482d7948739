"""Writes JSON lines, one contact a line; the only format that keeps every field exactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telecmi_mcp._models import Contact

HEAD = b""
MIME_TYPE = "application/jsonl"


def render(contact: Contact) -> bytes:
    """Return one line: all fields in TeleCMI's names and order, null for a field without a value."""
    return json.dumps(contact._asdict(), ensure_ascii=False).encode() + b"\n"
