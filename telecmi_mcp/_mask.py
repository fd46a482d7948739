"""Masks phone numbers and e-mail addresses in contacts, for readers who may not see them.

The client applies the mask to every contact that it reads, so that the index, the tools, the resources and the exports
of a masked server hold nothing that could be shown, found or grouped by. The last two digits of a number and the domain
of an address stay, so that a person can tell two of them apart.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from telecmi_mcp._config.variables import MASKABLE
from telecmi_mcp._models import Contact, JsonContacts
from telecmi_mcp.errors import MaskedField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from telecmi_mcp._models import ContactPage

_STARS = "********"  # always the same number, so that it tells no length
_SHOWN_DIGITS = 2
_SHORTEST_NUMBER = 5  # digits; a shorter run is a house number or a year
_SHORTEST_WHOLE = 8  # digits of a number that may be looked up as a whole
_LONGEST_PLACEHOLDER = 4  # characters, such as "null"
_MOST_SIGNS = 6  # signs and spaces between two digits of one number
_OTHER_DIGITS = (  # for which str.isdigit is true, and which \\d does not match
    "\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff"
    "\u2776-\u277e\u2780-\u2788\u278a-\u2792"
)
_WORD = r"(?:(?!%40)[^\s@\uff20\ufe6b<>\"',;:()\[\]{}])+"
_LOCAL = r"(?<![^\s@\uff20\ufe6b<>\",;:()\[\]{}])(?:(?!%40)[^\s@\uff20\ufe6b<>\",;:()\[\]{}])+"
"""The part of an address before the sign, from its first character on: unlike a domain, it may hold an apostrophe."""
_ONLY_FROM = {"phone_no": {"country"}}
"""The groups that are made from a field alone."""


class Mask:
    """The fields that a reader may not see.

    Args:
        fields: Names of fields, of `MASKABLE`.
    """

    __slots__ = ("fields",)

    def __init__(self, fields: Iterable[str] = ()) -> None:
        self.fields = frozenset(fields)

    def __bool__(self) -> bool:
        return bool(self.fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mask) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __or__(self, other: Mask) -> Mask:
        """Return the stricter of both: what either hides is hidden."""
        return Mask(self.fields | other.fields)

    @property
    def name(self) -> str:
        """The fields in a fixed order, for the name of an index; "" if nothing is masked."""
        return ",".join(field for field in MASKABLE if field in self.fields)

    def contact(self, contact: Contact) -> Contact:
        """Return a contact without what the reader may not see."""
        return Contact._make(map(self._value, Contact._fields, contact)) if self.fields else contact

    def page(self, page: ContactPage) -> ContactPage:
        """Return a page of such contacts."""
        if not self.fields:
            return page
        if isinstance(page.contacts, JsonContacts):
            return replace(page, contacts=JsonContacts([self._facts(each) for each in page.contacts.facts]))
        return replace(page, contacts=[self.contact(each) for each in page.contacts])

    def require_visible(self, *fields: str) -> None:
        """Check the fields by which contacts are filtered or grouped.

        Raises:
            MaskedField: One of them is masked.
        """
        for field in MASKABLE:
            if field in self.fields and {field, *_ONLY_FROM.get(field, ())} & set(fields):
                raise MaskedField(field)

    def require_visible_in(self, query: str) -> None:
        """Check the text of a search.

        Raises:
            MaskedField: It holds a number or an address that the reader may not see.
        """
        without_ids = _uuid().sub(" ", query)
        for field, patterns in {"phone_no": [_number()], "email_id": _addresses()}.items():
            if field in self.fields and any(pattern.search(without_ids) for pattern in patterns):
                raise MaskedField(field)

    def hides(self, query: str) -> bool:
        """Whether the text of a search holds a number or an address that the reader may not see."""
        try:
            self.require_visible_in(query)
        except MaskedField:
            return True
        return False

    def require_whole(self, query: str) -> None:
        """Check that a text is one whole number or address, and nothing else.

        Raises:
            MaskedField: It is less, or more.
        """
        text = query.strip()
        if sum(char.isdigit() for char in text) >= _SHORTEST_WHOLE and _number().fullmatch(text.lstrip("+( ")):
            return
        if not any(pattern.fullmatch(text) for pattern in _addresses()):
            raise MaskedField("phone_no" if _number().search(text) else "email_id")

    def _facts(self, facts: Mapping[str, str]) -> dict[str, str]:
        return {name: self._value(name, value) or "" for name, value in facts.items()}

    def _value(self, field: str, value: str | None) -> str | None:
        if not value or field == "contact_id":
            return value
        return self._text(_WHOLE[field](value) if field in self.fields else value)

    def _text(self, text: str) -> str:
        """Mask what looks like a number or an address, in any field."""
        if "email_id" in self.fields:
            for pattern in (*_addresses(), _at_a_domain()):
                text = pattern.sub(lambda found: f"***@{found[1]}", text)
        return _number().sub(lambda found: _mask_number(found[0]), text) if "phone_no" in self.fields else text


NO_MASK = Mask()
ALL_MASKS = (NO_MASK, *map(Mask, (("phone_no",), ("email_id",), MASKABLE)))
"""Every mask that there can be."""


def _mask_number(text: str) -> str:
    digits = [char for char in text if char.isdigit()]
    return _STARS + ("".join(digits[-_SHOWN_DIGITS:]) if len(digits) >= _SHORTEST_NUMBER else "") if digits else text


def _mask_address(text: str) -> str:
    """Keep the domain; a text without an address stays hidden, unless it is too short to be one."""
    domain = text.rpartition("@")[2].strip() if "@" in text else ""
    return f"***@{domain}" if domain else "***" if len(text) > _LONGEST_PLACEHOLDER else text


def _mask_phone_no(text: str) -> str:
    """Mask a number; a text without a digit stays hidden too, unless it is too short to be one in words."""
    masked = _mask_number(text)
    return _STARS if masked == text and len(text) > _LONGEST_PLACEHOLDER else masked


_WHOLE: Mapping[str, Callable[[str], str]] = {"phone_no": _mask_phone_no, "email_id": _mask_address}


@cache
def _number() -> re.Pattern[str]:
    """Match digits of any script, also raised and circled ones, with a few signs or spaces between them."""
    digit = rf"[\d{_OTHER_DIGITS}]"
    signs = rf"(?:(?![{_OTHER_DIGITS}])[\W_]){{0,{_MOST_SIGNS}}}"
    return re.compile(rf"{digit}(?:{signs}{digit}){{{_SHORTEST_NUMBER - 1},}}")


@cache
def _addresses() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Match addresses, and addresses in words; the group is the domain."""
    at = r"\s?(?:[@\uff20\ufe6b]|%40|[(\[{]\s?at\s?[)\]}])\s?"
    spoken = rf"{_LOCAL}(?:\s+dot\s+{_LOCAL})*\s+at\s+({_WORD}(?:\s+dot\s+{_WORD})+)"
    return re.compile(rf"{_LOCAL}{at}({_WORD})", re.IGNORECASE), re.compile(spoken, re.IGNORECASE)


@cache
def _at_a_domain() -> re.Pattern[str]:
    """Match a word at a domain name: only in texts, because a question may be "Priya's number at acme.com"."""
    return re.compile(rf"{_LOCAL}\s+at\s+({_WORD}\.[^\W\d_]{{2,}})", re.IGNORECASE)


@cache
def _uuid() -> re.Pattern[str]:
    return re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
