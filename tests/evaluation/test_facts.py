"""What is true of a book, compared with a book of eight that is counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from evals.facts import (
    chosen,
    company_name,
    company_of,
    country_of,
    domain_of,
    fold,
    full_name,
    groups_by,
    has_title,
    same_form,
    short_company,
    value_of,
)
from evaluation.small_book import contacts


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, "a1 a2 a3 a4 b1 b2 c1 c2"),
        ({"company": "Acme"}, "a1 a2 a3 a4"),
        ({"company": "acme limited"}, "a1 a2 a3 a4"),
        ({"company": "Borel"}, "b1"),
        ({"title": "Accountant"}, "a1 a2"),
        ({"title": "senior accountant"}, "a1"),
        ({"missing": ["email_id"]}, "a2 b2 c2"),
        ({"missing": ["phone_no"]}, "b2 c1"),
        ({"missing": ["phone_no", "email_id"]}, "b2"),
        ({"missing": ["company"]}, "c1 c2"),
        ({"missing": ["job_title"]}, "a3 b2 c2"),
        ({"company": "Acme", "missing": ["last_name"]}, "a3"),
        ({"company": "Acme", "title": "Driver"}, "a4"),
    ],
)
def test_the_filters_choose_whom_a_person_chooses(filters: dict[str, Any], ids: str) -> None:
    assert [contact["contact_id"] for contact in chosen(contacts(), **filters)] == ids.split()


def test_companies_that_differ_in_legal_form_are_one_group_and_none_is_no_group() -> None:
    assert groups_by(contacts(), company_of) == [("acme", 4), ("borel", 1), ("borel tea", 1)]


def test_countries_follow_from_the_codes() -> None:
    assert groups_by(contacts(), country_of) == [("IN", 4), ("GB", 1), ("US/CA", 1)]


def test_domains_are_those_of_the_addresses_that_are_no_fillers() -> None:
    assert groups_by(contacts(), domain_of) == [("acme.example", 3), ("borel.example", 1), ("example.com", 1)]


def test_duplicates_are_numbers_addresses_and_names_of_two_contacts() -> None:
    def duplicates(field: str) -> list[tuple[str, int]]:
        return groups_by(contacts(), lambda contact: fold(value_of(contact, field)), least=2)

    assert duplicates("phone_no") == [("919200000002", 2)]
    assert duplicates("email_id") == [("office@acme.example", 2)]
    assert groups_by(contacts(), lambda contact: fold(full_name(contact)), least=2) == [("asha rao", 2)]


def test_a_title_is_compared_by_whole_words() -> None:
    accountant = contacts()[1]
    assert has_title(accountant, "ACCOUNTANT")
    assert not has_title(accountant, "Account")
    assert not has_title(accountant, "Senior Accountant")


def test_a_company_is_shown_without_its_legal_form() -> None:
    assert [short_company(contact) for contact in contacts()[:5]] == ["Acme", "ACME", "Acme", "Acme", "Borel"]
    assert company_name("Kaveranta Logistics L.L.P.") == "kaveranta logistics"


def test_numbers_are_compared_by_their_digits() -> None:
    assert same_form("phone_no", "+91 92000-00001") == same_form("phone_no", "00919200000001") == "919200000001"
    assert same_form("phone_no", "NA") == "na"
