"""A contact is found by each of its own fields in each written form, and never by what is another's."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact
from telecmi_mcp._search import search

FIRST = ["Aarti", "Zubin", "Mohan", "Kavya", "Rukmini", "Oswald", "Bhupinder", "Lakshmi", "Yusuf", "Tejaswini"]
LAST = ["Deshmukh", "Quackenbush", "Banerjee", "Fernandes", "Iyengar", "Wodeyar", "Chattopadhyay", "Gill", "Okonkwo"]
COMPANY = ["Coral Freight", "Vrandel Steels", "Tarvani Byte Services", "Hathikar", "Norvexia", "Make My Tripster"]
FORMS = ["", " Pvt Ltd", " Private Limited", " & Co", " LLP", " Inc."]

NAME_FORMS: list[Callable[[str, str], str]] = [
    lambda first, last: f"{first} {last}",
    lambda first, last: f"{last}, {first}",
    lambda first, last: f"{first} {last}".upper(),
    lambda first, last: f"Dr. {first} {last}",
    lambda first, last: f"{first} {last} ji",
    lambda first, last: f"{first[0]}. {last}",
    lambda first, last: f"{first} {last[0]}",
    lambda first, last: f"{first}{last}",
    lambda first, last: f"what is {first} {last}'s number?",
    lambda first, last: f"{first} {last} ka number do",
]
NUMBER_FORMS: list[Callable[[str], str]] = [
    lambda digits: digits,
    lambda digits: f"+91 {digits[:5]} {digits[5:]}",
    lambda digits: f"0{digits}",
    lambda digits: f"0091-{digits}",
    lambda digits: f"({digits[:3]}) {digits[3:6]}-{digits[6:]}",
    lambda digits: f"tel:+91{digits}",
    lambda digits: f"missed call from {digits[:5]}.{digits[5:]}",
    lambda digits: f"{digits} ext 45",
]
MAIL_FORMS: list[Callable[[str], str]] = [
    lambda address: address,
    lambda address: address.upper(),
    lambda address: f"<{address}>",
    lambda address: f"who is {address}?",
    lambda address: address.replace(".", " dot ").replace("@", " at "),
]


@st.composite
def books(draw: st.DrawFn) -> list[Contact]:
    """Two to five people who share no name, company, number or address."""
    count = draw(st.integers(2, 5))
    firsts, lasts, companies = (draw(st.permutations(some))[:count] for some in (FIRST, LAST, COMPANY))
    numbers = draw(st.lists(st.integers(6_000_000_000, 9_999_999_999), min_size=count, max_size=count, unique=True))
    forms = draw(st.lists(st.sampled_from(FORMS), min_size=count, max_size=count))
    people = zip(firsts, lasts, companies, numbers, forms, strict=True)
    return [
        Contact(
            f"c{place}",
            phone_no=draw(st.sampled_from([f"91{number}", str(number), f"+91 {number}", f"0{number}"])),
            first_name=first,
            last_name=last,
            email_id=f"{first}.{last}@{company.split()[0]}.example".lower(),
            company=company + form,
        )
        for place, (first, last, company, number, form) in enumerate(people)
    ]


def queries_of(contact: Contact) -> Iterator[str]:
    first, last, digits = contact.first_name or "", contact.last_name or "", (contact.phone_no or "")[-10:]
    yield from (form(first, last) for form in NAME_FORMS)
    yield from (form(digits) for form in NUMBER_FORMS)
    yield from (form(contact.email_id or "") for form in MAIL_FORMS)
    name = next(name for name in COMPANY if (contact.company or "").startswith(name))
    yield from (contact.company or "", name, f"{first} at {name}", f"{name} Limited", name.replace(" ", ""))


def everybody_is_found_by_what_is_theirs(people: list[Contact]) -> None:
    index = Index()
    index.upsert(people, generation=1, state={})
    for contact in people:
        for query in queries_of(contact):
            found = search(index, query, limit=5).hits
            assert [hit.contact.contact_id for hit in found if hit.match != "partial"] == [contact.contact_id], query


@settings(max_examples=8)
@given(books())
def test_everybody_is_found_by_what_is_theirs_and_nobody_else(people: list[Contact]) -> None:
    everybody_is_found_by_what_is_theirs(people)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(books())
def test_everybody_is_found_by_what_is_theirs_in_many_books(people: list[Contact]) -> None:
    everybody_is_found_by_what_is_theirs(people)
