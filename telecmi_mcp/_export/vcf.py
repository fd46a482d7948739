"""Writes vCard 4.0 (RFC 6350), and 3.0 (RFC 2426) for address books that do not read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import UUID

from telecmi_mcp._search.data.country_codes import NATIONAL_LENGTHS
from telecmi_mcp._search.fields.phones import number_with_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telecmi_mcp._models import Contact

HEAD = b""
MIME_TYPE = "text/vcard"

_MAX_LINE_BYTES = 75  # RFC 6350, section 3.2, without the line break
_GLOBAL_NUMBER = re.compile(r"\+?[1-9][0-9]{4,14}")  # E.164: what a tel URI can say without a context
# India's National Numbering Plan (2003): 9 is for mobile telephones only; area codes share 6 to 8 with them.
_INDIAN_MOBILE = re.compile(r"\+919[0-9]{9}")
_ITALY = "39"  # where the 0 of an area code is part of the international number
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def render(contact: Contact) -> bytes:
    """Return one card of version 4.0."""
    return _card("4.0", contact, _uid(contact.contact_id), _email_4, _number_4)


def render_3(contact: Contact) -> bytes:
    """Return one card of version 3.0."""
    uid = _uid(contact.contact_id).replace(";VALUE=text", "")  # the only type that 3.0 knows of it
    return _card("3.0", contact, uid, _email_3, _number_3)


def _card(version: str, contact: Contact, uid: str, email: Callable[[str], str], number: Callable[[str], str]) -> bytes:
    lines = ("BEGIN:VCARD", f"VERSION:{version}", uid, *_properties(contact, email, number), "END:VCARD")
    return b"".join(_fold(line.encode()) for line in lines)


def _properties(contact: Contact, email: Callable[[str], str], number: Callable[[str], str]) -> Iterator[str]:
    """Yield the content lines before folding."""
    if contact.email_id:
        yield email(contact.email_id)
    yield f"FN:{_escape(_shown_name(contact))}"
    yield f"N:{_escape(contact.last_name or '')};{_escape(contact.first_name or '')};;;"
    if contact.company:
        yield f"ORG:{_escape(contact.company)}"
    if contact.phone_no:
        yield number(contact.phone_no)
    if contact.job_title:
        yield f"TITLE:{_escape(contact.job_title)}"


def _uid(contact_id: str) -> str:
    try:
        return f"UID:{UUID(contact_id).urn}"
    except ValueError:
        return f"UID;VALUE=text:{_escape(contact_id)}"


def _email_4(address: str) -> str:
    return f"EMAIL:{_escape(address)}"


def _email_3(address: str) -> str:
    return f"EMAIL{';TYPE=INTERNET' if '@' in address else ''}:{_escape(address)}"


def _number_4(phone_no: str) -> str:
    number = _global_number(phone_no)
    kind = ";TYPE=cell" if _INDIAN_MOBILE.fullmatch(number) else ""
    return f"TEL{kind};VALUE=uri:tel:{number}" if number else f"TEL:{_escape(phone_no)}"


def _number_3(phone_no: str) -> str:
    number = _global_number(phone_no)
    kind = ";TYPE=CELL" if _INDIAN_MOBILE.fullmatch(number) else ""
    return f"TEL{kind}:{number or _escape(phone_no)}"


def _global_number(phone_no: str) -> str:
    """Return a number with a plus before its country code; "" where it has no credible one.

    TeleCMI documents numbers with the country code, but people store others: 9876503456 is of India, not of Iran.
    """
    if not _GLOBAL_NUMBER.fullmatch(phone_no):
        return ""
    if phone_no.startswith("+"):
        return phone_no
    found = number_with_code(phone_no)
    national = phone_no.removeprefix(found.code) if found else ""
    has_trunk_prefix = national.startswith("0") and not phone_no.startswith(_ITALY)
    is_credible = found and not has_trunk_prefix and len(national) in NATIONAL_LENGTHS[found.code]
    return f"+{phone_no}" if is_credible else ""


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
