"""The values by which contacts are filtered, counted and grouped: one normalised text for all spellings."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum
from functools import lru_cache
from itertools import groupby, zip_longest
from typing import Final, NamedTuple

from telecmi_mcp._models import Contact
from telecmi_mcp._search.data.country_names import COUNTRIES
from telecmi_mcp._search.data.honorifics import IN_NAMES, LEADING_HONORIFICS, TRAILING_HONORIFICS
from telecmi_mcp._search.data.legal_forms import ABBREVIATED, LEADING, LEGAL_FORMS
from telecmi_mcp._search.fields.companies import company_words, expand_symbols
from telecmi_mcp._search.fields.phones import Number, is_same
from telecmi_mcp._search.fields.placeholders import dialable_numbers, is_placeholder, mailboxes, missing_from
from telecmi_mcp._search.text.normalize import fold, tokenize

VALUE_CAP = 300
"""Characters of a value that are kept."""
_AND = frozenset(("and", "n"))


class Facet(Enum):
    """What contacts are filtered or grouped by."""

    COMPANY = "company"
    JOB_TITLE = "job_title"
    EMAIL_DOMAIN = "email_domain"
    COUNTRY = "country"
    PHONE = "phone_no"
    EMAIL = "email_id"
    NAME = "name"
    MISSING = "missing"


class FacetRow(NamedTuple):
    """Values of one contact, as a store holds them.

    A contact with several numbers or addresses has several rows, and only the row at place 0 has what a contact has
    once. No two rows of a contact have the same country or domain: where a domain would be repeated, `mailbox` holds
    the whole address. `missing` has a bit for each field without a value.
    """

    place: int
    company: str | None
    job_title: str | None
    name: str | None
    phone: str | None
    country: str | None
    mailbox: str | None
    domain: str | None
    missing: int


FACET_COLUMNS: Final = {
    Facet.COMPANY: "company",
    Facet.JOB_TITLE: "job_title",
    Facet.EMAIL_DOMAIN: "domain",
    Facet.COUNTRY: "country",
    Facet.PHONE: "phone",
    Facet.EMAIL: "mailbox || coalesce('@' || domain, '')",
    Facet.NAME: "name",
}
"""The value of a facet, as SQL over the columns of `FacetRow`; MISSING is none of a single value."""
ONCE: Final = (Facet.COMPANY, Facet.JOB_TITLE, Facet.NAME)
"""Facets of which a contact has one value at most."""
SPELLINGS: Final = {
    Facet.COMPANY: "contact.company",
    Facet.JOB_TITLE: "contact.job_title",
    Facet.PHONE: "contact.phone_no",
    Facet.NAME: "trim(coalesce(contact.first_name, '') || ' ' || coalesce(contact.last_name, ''))",
}
"""The text of a contact that a value is made from, as SQL; other values are shown as they are."""


def facet_rows(contact: Contact) -> list[FacetRow]:
    """Give the rows of a contact, one at least."""
    numbers, mails = dialable_numbers(contact.phone_no), mailboxes(contact.email_id)
    several = zip_longest(map(phone_value, distinct_numbers(numbers)), countries_of(numbers), _mail_pairs(mails))
    rows = []
    for place, (phone, country, mail) in enumerate(list(several) or [(None, None, None)]):
        mailbox, domain = mail or (None, None)
        rows.append(FacetRow(place, None, None, None, phone, country, mailbox, domain, 0))
    company, title = company_value(contact.company), title_value(contact.job_title)
    rows[0] = rows[0]._replace(
        company=company or None,
        job_title=title or None,
        name=name_value(contact) or None,
        missing=missing_bits(missing_from(contact, numbers, mails)),
    )
    return rows


def missing_bits(fields: Collection[str]) -> int:
    """Give the names of fields as bits."""
    return sum(1 << place for place, name in enumerate(Contact._fields) if name in fields)


def _mail_pairs(mails: Sequence[str]) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for address in sorted({address[:VALUE_CAP] for address in mails}):
        mailbox, _, domain = address.rpartition("@")
        pairs.append((mailbox, domain) if all(domain != other for _, other in pairs) else (address, None))
    return pairs


def company_value(text: str | None) -> str:
    """Give a company's name as words, without its legal form, "and" and dots; "" where there is none.

    T.V.Q. Industries Pvt. Ltd., TVQ Industries and T V Q INDUSTRIES (P) LTD are one.
    """
    return remembered_company(text) if text else ""


def title_value(text: str | None) -> str:
    """Give a job title as words, without "and" and dots; "" where there is none."""
    return remembered_title(text) if text else ""


def name_value(contact: Contact) -> str:
    """Give the words of a contact's first and last name in alphabetical order, without words of respect."""
    fields = (("first_name", contact.first_name), ("last_name", contact.last_name))
    said = [word for name, text in fields if text and not is_placeholder(name, text) for word in company_words(text)]
    return _joined(sorted(_glued(_without_honorifics(said))))


def phone_value(number: Number) -> str:
    """Give a number as text: the national number and, behind a blank, the country's code where it is known.

    Two values with different codes are different numbers. A store joins a value without a code with the only value that
    may be the same number.
    """
    return f"{number.national} {number.code}".rstrip()


def distinct_numbers(numbers: Iterable[Number]) -> list[Number]:
    """Leave out the numbers that may be the same as another one, those without a country's code first."""
    kept: list[Number] = []
    for number in sorted(numbers, key=lambda number: not number.code):
        if not any(is_same(number, other) for other in kept):
            kept.append(number)
    return sorted(kept)


def countries_of(numbers: Iterable[Number]) -> list[str]:
    """Give the countries, as ISO codes, whose calling codes the numbers have."""
    return sorted({COUNTRIES[number.code] for number in numbers if number.code in COUNTRIES})


def without_legal_forms(some: Sequence[str]) -> tuple[str, ...]:
    """Leave out the legal form of a company's name, but never its first word, which may be initials (AS Traders).

    A form within the name counts where it is an abbreviation (Ltd) or stands beside another one (Private Limited).
    """
    if some[:1] and some[0] in LEADING:
        some = some[1:] or some
    kept = list(some[:1])
    runs = [(is_form, list(run)) for is_form, run in groupby(some[1:], key=LEGAL_FORMS.__contains__)]
    for place, (is_form, run) in enumerate(runs):
        is_last = place == len(runs) - 1
        if not is_form or not (is_last or len(run) > 1 or run[0] in ABBREVIATED):
            kept += run
    return tuple(kept)


def _plain_words(text: str) -> tuple[str, ...]:
    """Give words with an "and" between two of them left out, and with single letters that stand together as one."""
    said = tokenize(expand_symbols(fold(text)))
    return _glued([word for place, word in enumerate(said) if not _is_and(said, place)])


def _is_and(said: Sequence[str], place: int) -> bool:
    """Tell an "and" within a name; an N between two letters is an initial."""
    if said[place] not in _AND or place in (0, len(said) - 1):
        return False
    return said[place] == "and" or len(said[place - 1]) > 1 or len(said[place + 1]) > 1


def _glued(said: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for is_single, run in groupby(said, key=_is_letter) for word in _of_run(run, is_single=is_single))


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isascii()


def _of_run(run: Iterator[str], *, is_single: bool) -> Iterator[str]:
    return iter(("".join(run),)) if is_single else run


def _without_honorifics(said: Sequence[str]) -> list[str]:
    """Leave out words of respect before and behind a name, but no word that may be a name, such as Anna."""
    start, end = 0, len(said)
    while start < end - 1 and said[start] in LEADING_HONORIFICS and said[start] not in IN_NAMES:
        start += 1
    while end > start + 1 and said[end - 1] in TRAILING_HONORIFICS and said[end - 1] not in IN_NAMES:
        end -= 1
    return list(said[start:end])


@lru_cache(maxsize=4096)
def remembered_company(text: str) -> str:
    return "" if is_placeholder("company", text) else _joined(without_legal_forms(_plain_words(text)))


@lru_cache(maxsize=4096)
def remembered_title(text: str) -> str:
    return "" if is_placeholder("job_title", text) else _joined(_plain_words(text))


def _joined(some: Sequence[str]) -> str:
    return " ".join(some)[:VALUE_CAP]
