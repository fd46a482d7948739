"""Computes what is true of a book, by code that shares nothing with the search of the server."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from telecmi_mcp.sandbox import Contact

FIELDS: Final = ("phone_no", "first_name", "last_name", "email_id", "company", "job_title")
_FILLERS: Final = frozenset({"na", "n/a", "-", "--", "nil", "none", "xyz", "null"})
_LEGAL_FORMS: Final = frozenset({"pvt", "private", "ltd", "limited", "inc", "gmbh", "llp"})
_CODES: Final = {"91": "IN", "44": "GB", "1": "US/CA", "61": "AU", "49": "DE", "33": "FR", "353": "IE"}
_WORD: Final = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Return a text in lower case, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def value_of(contact: Contact, field: str) -> str:
    """Return the value of a field; "" if it is empty or holds a filler such as "NA"."""
    value: str = contact[field]  # type: ignore[literal-required] # the field is one of the seven
    return "" if fold(value) in _FILLERS else value


def same_form(field: str, value: str) -> str:
    """Return a value in the form in which values of the field are compared.

    This is the digits of a number, the name of a company without its legal form, and folded text of other fields.
    """
    if field == "company":
        return company_name(value)
    if field == "phone_no" and any(char.isdigit() for char in value):
        return "".join(char for char in value if char.isdigit()).removeprefix("00")
    return fold(value)


def full_name(contact: Contact) -> str:
    """Return first and last name."""
    return f"{value_of(contact, 'first_name')} {value_of(contact, 'last_name')}".strip()


def company_name(text: str) -> str:
    """Return a company's name in lower case, without dots and without the legal form at its end."""
    words = _WORD.findall(text.casefold().replace(".", ""))
    while words and words[-1] in _LEGAL_FORMS:
        words.pop()
    return " ".join(words)


def short_company(contact: Contact) -> str:
    """Return the contact's company as it is written, without the legal form at its end."""
    words = value_of(contact, "company").split()
    while words and company_name(words[-1]) == "":
        words.pop()
    return " ".join(words)


def company_of(contact: Contact) -> str:
    """Return the name of the contact's company as `company_name` writes it; "" if there is none."""
    return company_name(value_of(contact, "company"))


def country_of(contact: Contact) -> str:
    """Return the country of the contact's number; "" if there is no number."""
    number = value_of(contact, "phone_no")
    return next((country for code, country in _CODES.items() if number.startswith(code)), "")


def domain_of(contact: Contact) -> str:
    """Return the domain of the contact's address; "" if there is none."""
    return fold(value_of(contact, "email_id")).partition("@")[2]


def has_title(contact: Contact, title: str) -> bool:
    """Return True if the contact's job title has every word of `title`."""
    return {*_WORD.findall(title.casefold())} <= {*_WORD.findall(value_of(contact, "job_title").casefold())}


def chosen(
    book: Iterable[Contact], *, company: str = "", title: str = "", missing: Collection[str] = ()
) -> list[Contact]:
    """Return the contacts of a company, with a job title, that lack every one of some fields."""
    return [
        contact
        for contact in book
        if (not company or company_of(contact) == company_name(company))
        and (not title or has_title(contact, title))
        and not any(value_of(contact, field) for field in missing)
    ]


def groups_by(book: Iterable[Contact], key: Callable[[Contact], str], *, least: int = 1) -> list[tuple[str, int]]:
    """Return the groups of at least `least` contacts, the largest first; contacts whose key is "" are in none."""
    counts = Counter(filter(None, map(key, book)))
    return [(value, count) for value, count in counts.most_common() if count >= least]
