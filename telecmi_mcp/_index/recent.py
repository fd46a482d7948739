"""Remembers the contacts of recent answers, so that a client can complete what a person types."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

from telecmi_mcp._plain_text import is_plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_RECENT = 200
"""Number of contacts, the last ones answered, that are remembered."""

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class Recent:
    """The contacts of the last answers to one account. They are read only when a client asks for a completion."""

    def __init__(self) -> None:
        self._answers: deque[Sequence[Mapping[str, Any]]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def note(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Remember the contacts of a tool's answer, drop the oldest ones beyond the maximum, and return the answer."""
        contacts = _contacts(facts)
        if contacts:
            self._answers.appendleft(contacts)
            self._size += len(contacts)
            while self._size - len(self._answers[-1]) >= MAX_RECENT:
                self._size -= len(self._answers.pop())
        return facts

    def completions(self, name: str, typed: str) -> list[str]:
        """Complete the value of an argument. The values of the last answers come first, each value once.

        A value that is not a plain name is left out, because a value that a person picks becomes the person's words.

        Args:
            name: The argument: ``contact_id``, ``who`` or ``company``.
            typed: The first letters of the value, or of a word in it, in any case; "" for every value.
        """
        wanted = f" {typed.strip()}".casefold()
        values = dict.fromkeys(_VALUES[name](contact) for answer in self._answers for contact in answer)
        return [value for value in values if wanted in f" {value}".casefold() and is_plain_name(value)][:MAX_RECENT]

    def contacts_with(self, name: str, values: Iterable[str]) -> list[Mapping[str, Any]]:
        """Return the contacts that a completion with these values shows; a company's name shows none.

        Args:
            name: As in ``completions``.
            values: What ``completions`` returned, or a part of it.
        """
        shown = set(values) if name in _PERSONAL else set()
        found = (contact for answer in self._answers for contact in answer if _VALUES[name](contact) in shown)
        return list({contact["contact_id"]: contact for contact in found}.values())


def _contacts(facts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the contacts of a page, of a search, of a lookup or of a single contact."""
    if "results" in facts:
        return [contact for each in facts["results"] for contact in each.get("contacts", ())]
    for name in ("matches", "contacts"):
        if isinstance(contacts := facts.get(name), list):  # an export has the number of its contacts there
            return contacts
    return (facts,) if "contact_id" in facts else ()


def _id(contact: Mapping[str, Any]) -> str:
    """Return the id if get_contact accepts it; else ""."""
    contact_id: str = contact["contact_id"]
    return contact_id if re.fullmatch(_UUID, contact_id) else ""


def _name(contact: Mapping[str, Any]) -> str:
    return _joined(contact.get("first_name"), contact.get("last_name"))


def _company(contact: Mapping[str, Any]) -> str:
    return _joined(contact.get("company"))


def _joined(*fields: str | None) -> str:
    return " ".join(filter(None, fields))


_VALUES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"contact_id": _id, "who": _name, "company": _company}
_PERSONAL = ("contact_id", "who")
