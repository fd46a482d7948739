import hashlib
import json
import re
import unicodedata
from collections import Counter
from uuid import UUID

import pytest

from telecmi_mcp.sandbox import Contact, make_contacts

FIELDS = ("contact_id", "phone_no", "first_name", "last_name", "email_id", "company", "job_title")
# Regulators' ranges for fiction; in India, a subscriber's number that begins with 0.
FICTION = re.compile(
    r"91(11|22|33|44|80|40)0\d{7}|447700900\d{3}|442079460\d{3}|44(121|131|161)4960\d{3}|1\d{3}55501\d\d"
    r"|61[2-8]5550\d{4}|49(3023125|6990009|4066969|8999998|2214710)\d{3}|3319900\d{4}|3363998\d{4}|3532091\d{5}"
)


def _digest(contacts: list[Contact]) -> str:
    return hashlib.sha256(json.dumps(contacts).encode()).hexdigest()


def _scripts(contacts: list[Contact]) -> set[str]:
    letters = {letter for contact in contacts for letter in contact["first_name"] + contact["last_name"]}
    return {unicodedata.name(letter).split()[0] for letter in letters if letter.isalpha()}


def _person(contact: Contact) -> tuple[str, ...]:
    return tuple(str(value) for name, value in contact.items() if name != "contact_id")


def test_the_150_are_the_same_on_every_machine_and_python() -> None:
    assert _digest(make_contacts()) == "d279815eb6a6d2832eb68060fa47e94808235f5475f8b1f32f5d14759fac2988"


def test_fewer_are_the_beginning_of_more() -> None:
    assert make_contacts(1_000)[:150] == make_contacts()


def test_another_seed_brings_others_after_the_documents_john_doe() -> None:
    one, other = make_contacts(seed=1), make_contacts(seed=2)
    assert one[0] == other[0]
    assert not {contact["contact_id"] for contact in one[1:]} & {contact["contact_id"] for contact in other[1:]}


def test_every_field_is_a_clean_string_in_the_documented_order() -> None:
    for contact in make_contacts(2_000):
        assert tuple(contact) == FIELDS
        for value in _person(contact):
            assert value == value.strip() == unicodedata.normalize("NFC", value)


@pytest.mark.slow
def test_100_000_have_as_many_version_4_uuids() -> None:
    found = {contact["contact_id"] for contact in make_contacts(100_000)}
    assert len(found) == 100_000
    assert {UUID(each).version for each in list(found)[:1_000]} == {4}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_many_scripts_come_within_the_150(seed: int) -> None:
    assert _scripts(make_contacts(seed=seed)) >= {
        "LATIN", "DEVANAGARI", "TAMIL", "TELUGU", "BENGALI", "MALAYALAM", "GUJARATI", "KANNADA", "GURMUKHI",
        "ARABIC", "HEBREW", "CJK", "HANGUL", "CYRILLIC", "GREEK", "THAI",
    }  # fmt: skip


def test_joiners_that_names_need_come_within_the_150() -> None:
    names = " ".join(f"{contact['first_name']} {contact['last_name']}" for contact in make_contacts())
    assert re.search("[\u0d7a-\u0d7f]", names)  # a Malayalam chillu letter
    assert re.search("[\u0d00-\u0d7f]\u0d4d\u200d", names)  # the older spelling of one
    assert re.search("[\u0600-\u06ff]\u200c[\u0600-\u06ff]", names)  # two halves of a Persian name
    assert re.search("\u0930\u094d\u200d", names)  # an eyelash ra
    assert re.search("[\u00c0-\u024f\u1e00-\u1eff]", names)  # accents
    assert re.search("['-]", names)


def test_gaps_are_some_but_not_most() -> None:
    gaps = Counter(name for contact in make_contacts() for name, value in contact.items() if not value)
    assert gaps == {"last_name": 10, "phone_no": 9, "email_id": 24, "company": 25, "job_title": 32}


def test_a_few_people_are_there_twice_under_two_ids() -> None:
    people = Counter(_person(contact) for contact in make_contacts())
    assert sorted(people.values())[-5:] == [1, 2, 2, 2, 2]


def test_telephone_numbers_are_digits_of_ranges_for_fiction() -> None:
    numbers = [contact["phone_no"] for contact in make_contacts(3_000)[1:] if contact["phone_no"]]
    assert [number for number in numbers if not FICTION.fullmatch(number)] == []
    assert {number[:2] for number in numbers} >= {"91", "44", "61", "49", "33", "35", "12"}


def test_people_of_the_150_share_a_telephone_only_with_themselves() -> None:
    numbers = {(contact["phone_no"], _person(contact)) for contact in make_contacts() if contact["phone_no"]}
    assert max(Counter(number for number, _ in numbers).values()) == 1


def test_mail_goes_to_hosts_that_cannot_exist() -> None:
    addresses = {contact["email_id"] for contact in make_contacts(3_000) if contact["email_id"]}
    pattern = r"[a-z]+(\.[a-z]+)?@(example\.com|[a-z.-]+\.(example|invalid))"
    assert [address for address in addresses if not re.fullmatch(pattern, address)] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_priya_is_at_acme_and_others_elsewhere(seed: int) -> None:
    priyas = [contact for contact in make_contacts(seed=seed) if contact["first_name"] == "Priya"]
    at_acme = [contact for contact in priyas if "acme" in str(contact).lower()]
    assert [(each["last_name"], each["phone_no"], each["company"]) for each in at_acme] == [
        ("Raman", "918004417263", "Acme Corp")
    ]
    assert len(priyas) > 1
    assert [contact["company"] for contact in make_contacts(2_000, seed=seed)].count("Acme Corp") == 4
