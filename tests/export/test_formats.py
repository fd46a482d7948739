"""The three formats of an export: any contact that is written is read back unchanged."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telecmi_mcp import Contact
from telecmi_mcp._export import FILE_FORMATS, open_format, open_vcard_3
from telecmi_mcp._sanitize import clean
from vcards import read_cards

FIELDS = list(Contact._fields)
JOHN = Contact(
    contact_id="d3b07384-d113-4ec5-a5ae-be81d6e3c239",
    phone_no="919200000000",
    first_name="John",
    last_name="Doe",
    email_id="john.doe@example.com",
    company="Acme Corp",
    job_title="Software Engineer",
)
SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    " =1",
    "\u3000=1",
    '="a",b;c',
]

SPITEFUL = st.sampled_from(
    [",", ";", ":", "\\", "\\n", '"', "'", "=", "+", "@", "|", " ", "\n", "\r\n", "வணக்கம்", "🙂", "é"]
)
HOSTILE = st.lists(SPITEFUL | st.text(max_size=30), max_size=12).map("".join)
CLEAN = HOSTILE.map(lambda text: clean(text, limit=200)).map(lambda text: None if not text.strip() else text)
"""Texts that the client returns."""


def contacts(texts: st.SearchStrategy[str | None]) -> st.SearchStrategy[Contact]:
    return st.builds(Contact, contact_id=st.uuids().map(str), **dict.fromkeys(FIELDS[1:], texts))


def rows(*written: Contact) -> list[list[str]]:
    form = open_format("csv")
    content = form.head + b"".join(map(form.render, written))
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_has_telecmis_columns_and_a_mark_for_excel() -> None:
    assert open_format("csv").head.startswith(b"\xef\xbb\xbf")
    assert rows(JOHN) == [FIELDS, list(JOHN)]


@given(contacts(HOSTILE))
def test_every_cell_of_csv_comes_back_and_none_is_a_formula(contact: Contact) -> None:
    _, cells = rows(contact)
    for cell, text in zip(cells, contact, strict=True):
        assert cell in {text or "", f"'{text}"}
        assert not cell.lstrip().startswith(SIGNS)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_text_after_an_apostrophe(text: str) -> None:
    _, cells = rows(Contact(contact_id="a", first_name=text))
    assert cells[2] == f"'{text}"


@pytest.mark.parametrize("text", ["919200000000", "O'Brien", "a=b", "1-2", "'quoted", "priya@acme.example"])
def test_a_text_that_is_not_a_formula_stays_as_it_is(text: str) -> None:
    assert rows(Contact(contact_id="a", phone_no=text))[1][1] == text


def test_every_cell_is_in_quotation_marks() -> None:
    line = open_format("csv").render(Contact(contact_id="a", first_name='x;=1;"y"'))
    assert line == b'"a","","x;=1;""y""","","","",""\r\n'


@given(st.lists(contacts(HOSTILE | st.none()), max_size=3))
@example([Contact(contact_id="a")])
def test_json_lines_give_every_field_back_exactly(written: list[Contact]) -> None:
    form = open_format("jsonl")
    content = form.head + b"".join(map(form.render, written))
    lines = content.decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [contact._asdict() for contact in written]


def test_a_vcard_is_as_the_rfc_has_it() -> None:
    form = open_format("vcf")
    assert form.render(JOHN).decode().split("\r\n") == [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "UID:urn:uuid:d3b07384-d113-4ec5-a5ae-be81d6e3c239",
        "EMAIL:john.doe@example.com",
        "FN:John Doe",
        "N:Doe;John;;;",
        "ORG:Acme Corp",
        "TEL;TYPE=cell;VALUE=uri:tel:+919200000000",
        "TITLE:Software Engineer",
        "END:VCARD",
        "",
    ]


def test_a_vcard_of_version_3_is_as_its_rfc_has_it() -> None:
    assert open_vcard_3().render(JOHN).decode().split("\r\n") == [
        "BEGIN:VCARD",
        "VERSION:3.0",
        "UID:urn:uuid:d3b07384-d113-4ec5-a5ae-be81d6e3c239",
        "EMAIL;TYPE=INTERNET:john.doe@example.com",
        "FN:John Doe",
        "N:Doe;John;;;",
        "ORG:Acme Corp",
        "TEL;TYPE=CELL:+919200000000",
        "TITLE:Software Engineer",
        "END:VCARD",
        "",
    ]


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"phone_no": "9876503456"}, "TEL:9876503456"),
        ({"phone_no": "918028411234"}, "TEL:+918028411234"),
        ({"phone_no": "1;2,3"}, "TEL:1\\;2\\,3"),
        ({"email_id": "none"}, "EMAIL:none"),
        ({}, "UID:some\\;id"),
    ],
)
def test_a_type_in_version_3_is_written_only_where_it_is_known(facts: dict[str, str], line: str) -> None:
    assert line in open_vcard_3().render(Contact(contact_id="some;id", **facts)).decode().split("\r\n")


@given(st.lists(contacts(CLEAN), max_size=3))
def test_every_vcard_of_version_3_is_read_back_by_a_strict_reader(written: list[Contact]) -> None:
    cards = read_cards(b"".join(map(open_vcard_3().render, written)), version="3.0")
    for found, contact in zip(cards, written, strict=True):
        assert found["UID"].params == ""
        assert found["N"].parts == [contact.last_name or "", contact.first_name or "", "", "", ""]
        for name, text in {"EMAIL": contact.email_id, "ORG": contact.company, "TITLE": contact.job_title}.items():
            assert (found[name].text if name in found else None) == text


@given(st.lists(contacts(CLEAN), max_size=3))
@example([Contact(contact_id="d3b07384-d113-4ec5-a5ae-be81d6e3c239", first_name="ஃ" * 24 + "x")])
@example([Contact(contact_id="d3b07384-d113-4ec5-a5ae-be81d6e3c239", first_name="x" * 147)])
def test_every_vcard_is_read_back_by_a_strict_reader(written: list[Contact]) -> None:
    form = open_format("vcf")
    cards = read_cards(form.head + b"".join(map(form.render, written)))
    for found, contact in zip(cards, written, strict=True):
        assert found["UID"].value == f"urn:uuid:{contact.contact_id}"
        assert found["N"].parts == [contact.last_name or "", contact.first_name or "", "", "", ""]
        for name, text in {"EMAIL": contact.email_id, "ORG": contact.company, "TITLE": contact.job_title}.items():
            assert (found[name].text if name in found else None) == text


def test_a_long_line_is_folded_as_late_as_the_rfc_allows_and_never_inside_a_character() -> None:
    card = open_format("vcf").render(Contact(contact_id="a", company="x" * 70 + "ஃ" * 30, job_title="x" * 69))
    lines = card.split(b"\r\n")
    first = next(number for number, line in enumerate(lines) if line.startswith(b"ORG:"))
    assert [len(line) for line in lines[first : first + 3]] == [74, 73, 19]
    assert b"TITLE:" + b"x" * 69 in lines  # 75 octets: whole


def test_a_line_break_in_a_name_is_escaped() -> None:
    assert open_format("vcf").render(Contact(contact_id="a", company="x\ny\r\nz")).count(b"ORG:x\\ny\\nz\r\n") == 1


@pytest.mark.parametrize(
    ("phone_no", "line"),
    [
        ("919200000000", b"TEL;TYPE=cell;VALUE=uri:tel:+919200000000\r\n"),
        ("+919200000000", b"TEL;TYPE=cell;VALUE=uri:tel:+919200000000\r\n"),
        ("918028411234", b"TEL;VALUE=uri:tel:+918028411234\r\n"),  # of Bengaluru or a mobile telephone
        ("447700900123", b"TEL;VALUE=uri:tel:+447700900123\r\n"),
        ("12125550123", b"TEL;VALUE=uri:tel:+12125550123\r\n"),
        ("5511987654321", b"TEL;VALUE=uri:tel:+5511987654321\r\n"),
        ("+98765", b"TEL;VALUE=uri:tel:+98765\r\n"),  # the plus was written
        ("9876503456", b"TEL:9876503456\r\n"),  # of India without its code, not of Iran
        ("6581234567", b"TEL:6581234567\r\n"),  # of Singapore, or of India without its code
        ("98765", b"TEL:98765\r\n"),
        ("9109200000000", b"TEL:9109200000000\r\n"),  # with the 0 of a national number
        ("440207946095", b"TEL:440207946095\r\n"),
        ("390612345678", b"TEL;VALUE=uri:tel:+390612345678\r\n"),  # where it stays
        ("044 2255017", b"TEL:044 2255017\r\n"),
        ("1;2,3", b"TEL:1\\;2\\,3\r\n"),
        ("٩١٩٢٠", "TEL:٩١٩٢٠\r\n".encode()),
        ("1234567890123456", b"TEL:1234567890123456\r\n"),
    ],
)
def test_a_number_is_a_uri_where_its_country_code_is_credible(phone_no: str, line: bytes) -> None:
    assert line in open_format("vcf").render(Contact(contact_id="a", phone_no=phone_no))


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"first_name": "Priya", "last_name": "Raman", "company": "Acme"}, "Priya Raman"),
        ({"last_name": "Raman"}, "Raman"),
        ({"company": "Acme", "phone_no": "919200000000"}, "Acme"),
        ({"phone_no": "919200000000", "email_id": "a@b.example"}, "919200000000"),
        ({"email_id": "a@b.example"}, "a@b.example"),
        ({}, "some;id"),
    ],
)
def test_a_card_always_has_a_name(facts: dict[str, str], name: str) -> None:
    (found,) = read_cards(open_format("vcf").render(Contact(contact_id="some;id", **facts)))
    assert found["FN"].parts == [name]
    assert (found["UID"].params, found["UID"].text) == (";VALUE=text", "some;id")


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_contacts_follow_one_another_completely(name: str) -> None:
    form = open_format(name)
    assert form.render(JOHN).endswith(b"\n")
    assert form.render(JOHN) == form.render(JOHN)
