"""Writes vCard 4.0 (RFC 6350) for address books and telephones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp._models import Contact

HEAD = b""
MIME_TYPE = "text/vcard"

_MAX_LINE_BYTES = 75  # RFC 6350, section 3.2, without the line break
_GLOBAL_NUMBER = re.compile(r"\+?([1-9][0-9]{4,14})")  # E.164: what a tel URI can say without a context
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def render(contact: Contact) -> bytes:
    """Return one card."""
    lines = ("BEGIN:VCARD", "VERSION:4.0", *_properties(contact), "END:VCARD")
    return b"".join(_fold(line.encode()) for line in lines)


def _properties(contact: Contact) -> Iterator[str]:
    """Yield the content lines before folding."""
    yield _uid(contact.contact_id)
    if contact.email_id:
        yield f"EMAIL:{_escape(contact.email_id)}"
    yield f"FN:{_escape(_shown_name(contact))}"
    yield f"N:{_escape(contact.last_name or '')};{_escape(contact.first_name or '')};;;"
    if contact.company:
        yield f"ORG:{_escape(contact.company)}"
    if contact.phone_no:
        yield _number(contact.phone_no)
    if contact.job_title:
        yield f"TITLE:{_escape(contact.job_title)}"


def _uid(contact_id: str) -> str:
    try:
        return f"UID:{UUID(contact_id).urn}"
    except ValueError:
        return f"UID;VALUE=text:{_escape(contact_id)}"


def _number(phone_no: str) -> str:
    found = _GLOBAL_NUMBER.fullmatch(phone_no)
    return f"TEL;VALUE=uri:tel:+{found[1]}" if found else f"TEL:{_escape(phone_no)}"


def _shown_name(contact: Contact) -> str:
    """Return the name, which RFC 6350 requires of every card, or the next field that a person would look for."""
    name = " ".join(filter(None, [contact.first_name, contact.last_name]))
    return name or contact.company or contact.phone_no or contact.email_id or contact.contact_id


def _escape(text: str) -> str:
    """Escape a text value (RFC 6350, section 3.4): commas and semicolons separate values, a break ends the line."""
    return _LINE_BREAK.sub(r"\\n", re.sub(r"[\\,;]", r"\\\g<0>", text))


def _fold(line: bytes) -> bytes:
    """End a content line; continue a long one after a space, never inside a UTF-8 character."""
    folded = b""
    while len(line) > _MAX_LINE_BYTES:
        end = _MAX_LINE_BYTES
        while line[end] & 0xC0 == 0x80:  # noqa: PLR2004 - the two bits of a byte that continues a character
            end -= 1
        folded += line[:end] + b"\r\n"
        line = b" " + line[end:]
    return folded + line + b"\r\n"
