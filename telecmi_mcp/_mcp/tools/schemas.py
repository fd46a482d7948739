"""Output schemas and JSON objects that several tools share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._models import Contact, JsonContacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTACT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in Contact._fields},
    "required": ["contact_id"],
    "additionalProperties": False,
}


def closed_object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """Return the schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def contact_data(contact: Contact) -> dict[str, Any]:
    """Return a contact as a JSON object, without the fields that have no value."""
    return without_none(contact._asdict()) if None in contact else dict(zip(Contact._fields, contact, strict=True))


def contacts_data(contacts: Sequence[Contact]) -> list[dict[str, Any]]:
    """Return contacts as JSON objects; those that arrived as such are not copied."""
    return contacts.facts if isinstance(contacts, JsonContacts) else [contact_data(contact) for contact in contacts]


def without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object without the fields that are unknown."""
    return {name: value for name, value in data.items() if value is not None}
