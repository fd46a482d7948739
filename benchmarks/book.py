"""Generates contacts as the bytes of TeleCMI's answers once, so that the stand-in only looks them up."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FIRST = ("Priya", "Arjun", "Lakshmi", "Rahul", "Ananya", "Vikram", "Meera", "Karthik", "Grace", "Oliver")
_LAST = ("Sharma", "Raman", "Deshpande", "Iyer", "Nair", "Krishnan", "Patel", "Menon", "Walker", "Fischer")
_COMPANIES = ("Acme Corp", "Quillmoor Textiles", "Larkmere Tea", "Nilavanta Foods", "Vindhara Solar", "Morvane Ltd")
_TITLES = ("Software Engineer", "Head of Sales", "Accountant", "Purchasing Manager", "Support Lead", "Architect")
_MOST_BYTES = 8
_SIZE = "of-size-"


def token(size: int) -> str:
    """Return the token of an organisation with this number of contacts."""
    return f"{_SIZE}{size}"


def contact(place: int) -> dict[str, str | None]:
    """Return the contact at a place. Three of four have one unknown field, which is null."""
    dice = int.from_bytes(blake2b(place.to_bytes(_MOST_BYTES)).digest())

    def pick(options: tuple[str, ...]) -> str:
        nonlocal dice
        dice, drawn = divmod(dice, len(options))
        return options[drawn]

    first, last, company, title = pick(_FIRST), pick(_LAST), pick(_COMPANIES), pick(_TITLES)
    host = company.split()[0].lower() + ".example"
    facts: dict[str, str | None] = {
        "contact_id": contact_id(place),
        "phone_no": f"91{9_200_000_000 + place}",
        "first_name": first,
        "last_name": last,
        "email_id": f"{first}.{last}{place % 100}@{host}".lower(),
        "company": company,
        "job_title": title,
    }
    unknown = ("", "email_id", "company", "job_title")[place % 4]
    return {name: None if name == unknown else value for name, value in facts.items()}


def contact_id(place: int) -> str:
    """Return the id of the contact at a place."""
    return str(UUID(bytes=blake2b(b"id" + place.to_bytes(_MOST_BYTES), digest_size=16).digest(), version=4))


def cursor(size: int, limit: int, place: int) -> str:
    """Return the 64 characters that lead to the page which begins at a place."""
    return blake2b(f"{size} {limit} {place}".encode(), digest_size=32).hexdigest()


class Book:
    """The answers about a number of contacts; a smaller book is the beginning of a larger one.

    Args:
        contacts: The contacts.
    """

    def __init__(self, contacts: Iterable[Mapping[str, str | None]]) -> None:
        known = list(contacts)
        self._entries = [_compact(each) for each in known]
        self._places = {each["contact_id"]: place for place, each in enumerate(known)}
        self._cursors: dict[str, int] = {}
        self._pages: dict[tuple[int, int, int], bytes] = {}

    def answer(self, asked: dict[str, Any]) -> bytes:
        """Return the body of an answer. The token names the number of contacts."""
        size = int(asked["token"].removeprefix(_SIZE))
        if "contact_id" in asked:
            place = self._places.get(asked["contact_id"], size)
            return _REFUSED if place >= size else self._body(size, place, place + 1, "")
        state, limit = asked.get("page_state"), asked.get("limit", 10)
        place = self._cursors.get(state, -1) if state else 0
        return _REFUSED if place < 0 else self._page(size, limit, place)

    def _page(self, size: int, limit: int, place: int) -> bytes:
        key = (size, limit, place)
        if key not in self._pages:
            end = min(size, place + limit)
            state = cursor(size, limit, end) if end < size else ""
            self._cursors[state] = end
            self._pages[key] = self._body(size, place, end, state)
        return self._pages[key]

    def _body(self, size: int, start: int, end: int, state: str) -> bytes:
        entries = b",".join(self._entries[start:end])
        more = b',"page_state":"%s"' % state.encode() if state else b""
        return b'{"code":200,"contacts":[%s],"count":%d%s}' % (entries, size, more)


_REFUSED = b'{"code":404,"error":true,"msg":"Authenticated user record not found"}'


def _compact(value: Mapping[str, str | None]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
