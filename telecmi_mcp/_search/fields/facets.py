"""The values by which contacts are filtered, counted and grouped: one normalised text for all spellings."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from telecmi_mcp._models import Contact
from telecmi_mcp._search.data.country_names import COUNTRIES
from telecmi_mcp._search.data.honorifics import IN_NAMES, LEADING_HONORIFICS, TRAILING_HONORIFICS
from telecmi_mcp._search.data.legal_forms import ABBREVIATED, LEADING, LEGAL_FORMS
from telecmi_mcp._search.fields.companies import company_words, expand_symbols
from telecmi_mcp._search.fields.phones import Number, is_same, number_with_code, parse_number
from telecmi_mcp._search.fields.placeholders import dialable_numbers, is_missing, mailboxes
from telecmi_mcp._search.text.normalize import fold, tokenize

VALUE_CAP = 300
"""Characters of a value that are kept."""
_AND = frozenset(("and", "n"))


def company_value(text: str | None) -> str:
    """Give a company's name as words, without its legal form, "and" and dots; "" where there is none.

    T.V.Q. Industries Pvt. Ltd., TVQ Industries and T V Q INDUSTRIES (P) LTD are one.
    """
    return "" if is_missing("company", text) else _joined(without_legal_forms(_plain_words(text or "")))


def title_value(text: str | None) -> str:
    """Give a job title as words, without "and" and dots; "" where there is none."""
    return "" if is_missing("job_title", text) else _joined(_plain_words(text or ""))


def name_value(contact: Contact) -> str:
    """Give the words of a contact's first and last name in alphabetical order, without words of respect."""
    fields = (("first_name", contact.first_name), ("last_name", contact.last_name))
    said = [word for name, text in fields if not is_missing(name, text) for word in company_words(text or "")]
    return _joined(sorted(_glued(_without_honorifics(said))))


def email_values(field: str | None) -> frozenset[str]:
    """Give the addresses of a field."""
    return frozenset(address[:VALUE_CAP] for address in mailboxes(field or ""))


def domain_values(field: str | None) -> frozenset[str]:
    """Give the whole domains of the addresses of a field."""
    return frozenset(address.rpartition("@")[2] for address in email_values(field))


def phone_values(field: str | None) -> frozenset[str]:
    """Give the numbers of a field: the national number and, behind a blank, the country's code where it is known.

    Two values with different codes are different numbers. A store joins a value without a code with the only value that
    may be the same number.
    """
    kept: list[Number] = []
    for number in sorted(map(_canonical, dialable_numbers(field or "")), key=lambda number: not number.code):
        if not any(is_same(number, other) for other in kept):
            kept.append(number)
    return frozenset(f"{number.national} {number.code}".rstrip() for number in kept)


def country_values(field: str | None) -> frozenset[str]:
    """Give the countries, as ISO codes, whose calling codes the numbers of a field have."""
    found = (number_with_code(written) for written in dialable_numbers(field or ""))
    return frozenset(COUNTRIES[number.code] for number in found if number and number.code in COUNTRIES)


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


def _canonical(written: str) -> Number:
    """Give the reading of a number that its country's code tells, or else the national one."""
    known = number_with_code(written)
    return known or max(parse_number(written), key=lambda number: (not number.code, number))


def _joined(some: Sequence[str]) -> str:
    return " ".join(some)[:VALUE_CAP]
