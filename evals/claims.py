"""The claims of an answer: what a model says, in a form that a program can judge.

An answer is a JSON list. Each claim is one of:

    {"who": ID}                                     this contact is one of those asked for
    {"who": ID, "field": FIELD, "value": TEXT}      the contact has this value
    {"who": ID, "field": FIELD, "value": null}      the contact has no value there
    {"none": true} or {"none": true, "asked": TEXT} nobody is who was asked for
    {"count": N} or {"count": N, "of": TEXT}        so many there are; of a group, with its value
    {"file": TEXT}                                  the contacts are in this file, or this command writes it
    {"cannot": true}                                the server cannot do or know this

`ID` is the `contact_id`. `asked` repeats the query where a task has several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from evals.facts import FIELDS, company_name, fold, same_form

_FORMS: Final = (
    frozenset({"who"}),
    frozenset({"who", "field", "value"}),
    frozenset({"none"}),
    frozenset({"count"}),
    frozenset({"count", "of"}),
    frozenset({"file"}),
    frozenset({"cannot"}),
)


class InvalidClaim(ValueError):
    """A claim that has none of the forms."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim.

    Attributes:
        kind: ``is``, ``fact``, ``lacks``, ``none``, ``count``, ``file`` or ``cannot``.
        subject: The id of a contact, the query of ``none``, or the group of ``count``.
        field: The field of ``fact`` and ``lacks``.
        value: The value of ``fact``, the number of ``count``, or the name of a file.
    """

    kind: str
    subject: str = ""
    field: str = ""
    value: str = ""


CANNOT: Final = Claim("cannot")
NONE: Final = Claim("none")


def person(contact_id: str) -> Claim:
    """Claim that this is one of the contacts asked for."""
    return Claim("is", contact_id.casefold())


def fact(contact_id: str, field: str, value: str | None) -> Claim:
    """Claim that a contact has a value, or none."""
    if not value:
        return Claim("lacks", contact_id.casefold(), field)
    return Claim("fact", contact_id.casefold(), field, same_form(field, value))


def nobody(asked: str = "") -> Claim:
    """Claim that nobody is who was asked for."""
    return Claim("none", query_form(asked))


def number(count: int, of: str = "") -> Claim:
    """Claim a number of contacts, or of those in a group."""
    return Claim("count", group_form(of), value=str(count))


def group_form(value: str) -> str:
    """Return the value of a group in the form in which groups are compared: of a company, a number or a word."""
    if "@" in value:
        return fold(value)
    return company_name(value) if any(char.isalpha() for char in value) else same_form("phone_no", value)


def query_form(asked: str) -> str:
    """Return a query in the form in which queries are compared."""
    return fold(asked) if any(char.isalpha() for char in asked) else same_form("phone_no", asked)


def read_claims(answer: object) -> list[Claim]:
    """Read an answer.

    Raises:
        InvalidClaim: It is no list, or one of its claims has none of the forms.
    """
    if not isinstance(answer, list):
        raise InvalidClaim("an answer is a JSON list of claims")
    return [_read_claim(claim) for claim in answer]


def _read_claim(claim: object) -> Claim:
    if not isinstance(claim, dict) or claim.keys() - {"asked"} not in _FORMS:
        raise InvalidClaim(f"no form of a claim: {claim}")
    given: dict[str, Any] = claim
    if given.get("field", FIELDS[0]) not in FIELDS:
        raise InvalidClaim(f"no field of a contact: {given['field']}")
    if type(given.get("count", 0)) is not int:
        raise InvalidClaim(f"a count is a whole number: {given['count']}")
    return _claim_of(given)


def _claim_of(given: dict[str, Any]) -> Claim:
    match given:
        case {"who": who, "field": field, "value": value}:
            return fact(str(who), field, None if value is None else str(value))
        case {"who": who}:
            return person(str(who))
        case {"count": count}:
            return number(count, str(given.get("of", "")))
        case {"file": name}:
            return Claim("file", value=str(name))
        case {"none": _}:
            return nobody(str(given.get("asked", "")))
    return CANNOT
