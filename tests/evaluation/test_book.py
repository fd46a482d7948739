"""The book of the evaluation holds what its tasks need, and nobody's real number or address."""

from __future__ import annotations

import re
from collections import Counter

from evals.book import SIZE, book_hash, make_book, make_entries, order_holder
from evals.facts import FIELDS, chosen, country_of, groups_by, value_of
from evals.people import FILLERS, LARGE, ORDERS

FICTION = re.compile(
    r"91(?:11|22|33|44|80|40)0\d{7}|44(?:7700900|2079460|1214960|1314960|1614960)\d{3}|1(?:212|415|312|206|512|416)55501\d\d"
    r"|61[237]5550\d{4}|49(?:3023125|6990009|4066969|8999998|2214710)\d{3}|33(?:19900|63998)\d{4}|3532091\d{5}"
)
BOOK = make_book()


def test_the_book_is_the_same_everywhere() -> None:
    assert book_hash() == "8b01b05b1d9d6da5"
    assert len(BOOK) == len({contact["contact_id"] for contact in BOOK}) == SIZE


def test_every_number_is_of_a_range_for_fiction_and_every_address_of_a_domain_for_examples() -> None:
    for contact in BOOK:
        phone, email = value_of(contact, "phone_no"), value_of(contact, "email_id")
        assert not phone or FICTION.fullmatch(phone), phone
        assert not email or email.endswith((".example", "@example.com", "@example.org", "@example.net")), email


def test_only_switchboards_and_mailboxes_are_shared() -> None:
    phones = groups_by(BOOK, lambda contact: value_of(contact, "phone_no"), least=2)
    assert sorted(count for _, count in phones) == [2, 2, 2, 3, 3, 4, 5, 6]
    emails = groups_by(BOOK, lambda contact: value_of(contact, "email_id"), least=2)
    assert sorted(count for _, count in emails) == [2, 2, 3, 4]


def test_the_largest_companies_are_written_in_several_ways() -> None:
    for name, (count, forms) in LARGE.items():
        people = chosen(BOOK, company=name)
        assert count - 8 < len(people) <= count  # the rest have a filler, or hold an order
        assert len({contact["company"] for contact in people}) == len(forms)


def test_fields_are_missing_or_hold_fillers() -> None:
    for field in ("phone_no", "email_id", "company", "job_title"):
        raw = [str(contact[field]) for contact in BOOK]
        assert raw.count("") > 80
        assert len({*FILLERS} & {*raw}) > 5


def test_the_book_has_several_countries_scripts_and_people_of_one_name() -> None:
    countries = dict(groups_by(BOOK, country_of))
    assert countries.keys() == {"IN", "GB", "US/CA", "AU", "DE", "FR", "IE"}
    indian = [contact for contact in BOOK if 0x0900 <= ord(contact["first_name"][0]) < 0x0D80]
    assert len(indian) > 100
    names = Counter(entry.latin for entry in make_entries())
    assert {2, 3, 4} <= {*names.values()}


def test_each_order_is_held_by_one_contact_whose_other_fields_are_whole() -> None:
    for order in ORDERS:
        holder = order_holder(order)
        assert [contact for contact in BOOK if order.text in contact.values()] == [holder]
        assert all(value_of(holder, field) for field in FIELDS)
        assert not any(mark in str(contact) for mark in order.marks for contact in BOOK if contact != holder)
