"""vCard 4.0 (RFC 6350) for address books and telephones; the only importer of vobjectx."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import vobjectx  # type: ignore[import-untyped]  # it has no types
from vobjectx.vcard import Name  # type: ignore[import-untyped]  # the same

if TYPE_CHECKING:
    from telecmi_mcp._models import Contact

HEAD = b""

_LINE = 74  # the library counts the blank of a folded line's last part too late: with 75, that part may have 76 octets
_GLOBAL_NUMBER = re.compile(r"\+?([1-9][0-9]{4,14})")  # E.164: what a tel URI can say without a context


def render(contact: Contact) -> bytes:
    """One card."""
    card = vobjectx.vCard()
    card.add("version").value = "4.0"
    _add_uid(card, contact.contact_id)
    card.add("fn").value = _shown_name(contact)
    card.add("n").value = Name(family=contact.last_name or "", given=contact.first_name or "")
    if contact.phone_no:
        _add_number(card, contact.phone_no)
    if contact.email_id:
        card.add("email").value = contact.email_id
    if contact.company:
        card.add("org").value = [contact.company]
    if contact.job_title:
        card.add("title").value = contact.job_title
    text: str = card.serialize(line_length=_LINE)
    return text.encode()


def _shown_name(contact: Contact) -> str:
    """What RFC 6350 wants of every card: the name, or the next best thing that a person would look for."""
    name = " ".join(filter(None, [contact.first_name, contact.last_name]))
    return name or contact.company or contact.phone_no or contact.email_id or contact.contact_id


def _add_uid(card: Any, contact_id: str) -> None:  # noqa: ANN401 - the library has no types
    uid = card.add("uid")
    try:
        uid.value = UUID(contact_id).urn
    except ValueError:
        uid.value, uid.value_param = contact_id, "text"


def _add_number(card: Any, phone_no: str) -> None:  # noqa: ANN401 - the library has no types
    number = card.add("tel")
    found = _GLOBAL_NUMBER.fullmatch(phone_no)
    if found:
        number.value, number.value_param = f"tel:+{found[1]}", "uri"
    else:
        number.value = phone_no
