"""All readers of a page have the same result, for any values; plain pages need few steps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from contact_entries import ENTRIES, HOSTILE, ODD, PLAIN, SECRET, SOUND, STRANGE, TEXTS
from counted_calls import counting
from hypothesis import example, given
from hypothesis import strategies as st

from telecmi_mcp import Contact, ContactPage, _sanitize, errors
from telecmi_mcp._api import protocol
from telecmi_mcp._mcp.tools.list_contacts import page_data
from telecmi_mcp._models import FIELD_LIMITS, JsonContacts
from telecmi_mcp._sanitize import clean, is_clean, shows_nothing


def read_value(value: Any, limit: int) -> str | None:
    """One field on its own: the slow way, written down once more."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    raw = str(value).replace(SECRET, "[removed]")
    text = clean(raw, limit=limit).replace(SECRET, "[removed]")
    return None if shows_nothing(text.removesuffix("…") if len(str(value)) > limit else text) else text


def read_entry(entry: Any) -> list[Contact]:
    try:
        fields = {name: read_value(entry.get(name), limit) for name, limit in FIELD_LIMITS.items()}
    except (TypeError, AttributeError):
        return []
    return [Contact(**fields)] if fields["contact_id"] else []  # type: ignore[arg-type]  # it has one


@given(
    st.lists(SOUND | ENTRIES, max_size=12)
    | st.lists(SOUND, min_size=2, max_size=12)
    | st.lists(SOUND | ENTRIES | STRANGE, max_size=6)
)
@example([{"contact_id": "a", "phone_no": False}, {"contact_id": "b", "phone_no": 0}])
@example([{"contact_id": "a", "company": "\u00a0"}, {"contact_id": "b", "company": "  "}])
@example([{"contact_id": "a", "company": "\u2800"}, {"contact_id": "b", "company": "\u0301"}])
@example([{"contact_id": "a", "company": "\u2800" * 301}, {"contact_id": "b", "company": " " * 301}])
@example([{"contact_id": "a", "company": "knows tok-123"}, {"contact_id": "b", "company": "y"}])
@example([{"contact_id": "a", "company": "tok-"}, {"contact_id": "b", "company": "123"}])
@example([{"contact_id": "a", "company": "\u200dक"}, {"contact_id": "b", "company": "\U000e0041"}])
@example([{"contact_id": "a", "company": "e" + "\u0301" * 9}, {"contact_id": "b", "company": "\u0301" * 8}])
@example([{"contact_id": "a" * 65, "company": "b" * 301}, {"contact_id": "b", "company": "c" * 300}])
def test_a_page_read_in_columns_is_the_page_read_field_by_field(entries: list[Any]) -> None:
    expected = [contact for entry in entries for contact in read_entry(entry)]
    try:
        page = protocol.read_page({"contacts": entries}, 100, secret=SECRET)
    except errors.MalformedResponse:
        assert entries
        assert not expected
        return
    assert list(page.contacts) == expected
    assert page.malformed == len(entries) - len(expected)


ASCII_TEXTS = PLAIN | st.sampled_from(["", " ", " a", "a ", "x" * 300, "x" * 301, SECRET, "\x7f", '"', "\\", "a\tb"])
FINITE = st.integers() | st.floats(allow_nan=False, allow_infinity=False)  # others are not JSON
ASCII_VALUES = ASCII_TEXTS | st.none() | FINITE | ODD
ASCII_ENTRIES = st.fixed_dictionaries(
    {"contact_id": ASCII_TEXTS}, optional=dict.fromkeys([*FIELD_LIMITS, "unknown"][1:], ASCII_VALUES)
) | st.permutations([*FIELD_LIMITS]).flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, ASCII_VALUES)))


ASCII_STRANGE = ODD | st.none() | PLAIN | st.dictionaries(st.sampled_from([*FIELD_LIMITS]), ASCII_VALUES)


@given(st.lists(SOUND | ASCII_ENTRIES | ASCII_STRANGE, max_size=8), st.sampled_from([None, (",", ":"), (" , ", " : ")]))
@example([{"contact_id": "a", "company": None, "unknown": None}, {"unknown": "x", "contact_id": "b"}], (",", ":"))
@example([{"contact_id": "a", "phone_no": 0}, {"contact_id": "b", "phone_no": False}], (",", ":"))
@example([{"contact_id": "a", "phone_no": 919200000000}], (",", ":"))
@example([{"contact_id": "a" * 65, "email_id": "x" * 321}], (",", ":"))
@example([{"contact_id": "a", "company": ""}, {"contact_id": "", "company": "x"}], None)
@example([{"contact_id": "a", "company": " "}, {"contact_id": "b", "company": "x"}], (",", ":"))
@example([{"contact_id": "a", "company": "\x7f"}, {"contact_id": "b", "company": SECRET}], (",", ":"))
@example([{"contact_id": "a", "company": "x\x1b[31m"}], (",", ":"))
@example([{"contact_id": "a", "first_name": "x" * 201}], (",", ":"))
def test_a_plain_page_is_the_page_read_field_by_field(entries: list[Any], separators: tuple[str, str] | None) -> None:
    body = json.dumps({"contacts": entries}, ensure_ascii=False, separators=separators).encode()
    expected = [contact for entry in entries for contact in read_entry(entry)]
    answer = protocol.read_answer(200, body, secret=SECRET)
    try:
        page = protocol.read_page(answer, 100, secret=SECRET)
    except errors.MalformedResponse:
        assert not expected
    else:
        assert list(page.contacts) == expected
        assert all(type(contact) is Contact for contact in page.contacts)
        assert page == protocol.read_page({**answer}, 100, secret=SECRET)
        assert facts_of(page) == facts_of(replace(page, contacts=tuple(expected)))


def facts_of(page: ContactPage) -> dict[str, Any]:
    """What the tool answers, in which a key has its place."""
    facts = page_data(page)
    return facts | {"contacts": [list(contact.items()) for contact in facts["contacts"]]}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_plain_page_is_cut_at_the_limit(limit: int) -> None:
    body = json.dumps({"contacts": [{"contact_id": name} for name in "abc"]}).encode()
    page = protocol.read_page(protocol.read_answer(200, body, secret=SECRET), limit, secret=SECRET)
    assert isinstance(page.contacts, JsonContacts)
    assert page.contacts == tuple(Contact(contact_id=name) for name in "abc"[:limit])
    assert page.surplus == 3 - limit


def test_the_last_of_doubled_names_counts() -> None:
    answer = protocol.read_answer(
        200, b'{"contacts":[{"contact_id":"a","company":"x","contact_id":"b","company":null}]}'
    )
    assert protocol.read_page(answer, 10).contacts == (Contact(contact_id="b"),)


def test_contacts_that_are_still_json_are_a_sequence_like_others() -> None:
    contacts = JsonContacts([{"contact_id": name} for name in "abc"])
    assert contacts[1] == Contact(contact_id="b")
    assert contacts[1:] == (Contact(contact_id="b"), Contact(contact_id="c"))
    assert (len(contacts), hash(contacts)) == (3, hash(tuple(contacts)))
    assert contacts != contacts[1:]
    assert contacts != "abc"


def test_a_plain_answer_to_an_id_is_read_as_another_one_is() -> None:
    body = json.dumps({"contacts": [{"contact_id": "a", "phone_no": "1", "company": ""}]}).encode()
    answer = protocol.read_answer(200, body, secret=SECRET)
    assert protocol.read_contact(answer, "A") == protocol.read_contact({**answer}, "A") == Contact("a", "1")


@pytest.mark.parametrize("text", ["é", "\x7f", " x", SECRET, "a\\b", 'a"b', "a\tb"])
def test_an_answer_with_a_text_that_might_need_cleaning_is_not_plain(text: str) -> None:
    for name in ("company", "unknown"):
        body = json.dumps({"contacts": [{name: text}]}, ensure_ascii=False).encode()
        assert not isinstance(protocol.read_answer(200, body, secret=SECRET), protocol.PlainAnswer)
    plain = protocol.read_answer(200, b'{"contacts": [{"company": "x, y"}]}', secret=SECRET)
    assert isinstance(plain, protocol.PlainAnswer)


@given(st.lists(SOUND | ENTRIES | STRANGE, min_size=1, max_size=3))
def test_one_contact_read_in_columns_is_the_contact_read_field_by_field(entries: list[Any]) -> None:
    met = [contact for entry in entries for contact in read_entry(entry)]
    asked = met[0].contact_id if met else "c1"
    try:
        contact = protocol.read_contact({"contacts": entries}, asked, secret=SECRET)
    except errors.MalformedResponse:
        assert len(met) < len(entries) or len(set(met)) > 1
    else:
        assert {contact} == set(met)


@given(st.lists(TEXTS))
@example(["e" + "\u0301" * 9, "\u00a0"])
@example(["\u034f", "\u00a0"])
def test_texts_that_are_clean_when_joined_are_clean_alone(texts: list[str]) -> None:
    if is_clean(" ".join(texts)):
        for text in texts:
            assert clean(text, limit=len(text)) is text


@pytest.mark.parametrize("texts", [["John", "O'Brien & Sons"], ["लक्ष्मी", "कृष्णमूर्ति"], ["முருகன்", "Zoë", "张伟"]])
def test_ordinary_names_are_clean_when_joined(texts: list[str]) -> None:
    assert is_clean(" ".join(texts))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
MARKS = st.sampled_from(
    [b"\xef\xbb\xbf", b"\xc2\xa0", b"\n", b"[" * 300, b"\x00", b"\\ud800", b"1" * 5000, b"NaN", b""]
)


def refuse(name: str) -> None:
    raise ValueError(name)


def decoded(body: bytes) -> Any:
    """The verdict on a body by Python's own decoder."""
    try:
        answer = json.loads(body.decode("utf-8-sig").strip(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


@given(JSON, st.sampled_from([0, 1]), st.integers(0, 200), MARKS)
@example({}, 0, 9, b"1e400")
@example({}, 0, 9, b'"\\ud83d\\ude00"')
@example({}, 0, 9, b"-0")
@example({}, 0, 9, b'1, "value": 2')
@example({}, 0, 9, b"[" * 300 + b"]" * 300)
def test_every_body_is_decoded_as_python_decodes_it(value: Any, escape: int, place: int, mark: bytes) -> None:
    whole = json.dumps({"value": value, "code": 200}, ensure_ascii=bool(escape)).encode("utf-8", "surrogatepass")
    filled = b'{"value":' + mark + b"}"
    for body in (whole, whole[:place] + mark + whole[place:], filled):
        expected = decoded(body)
        try:
            answer = protocol.read_answer(200, body)
        except (errors.TelecmiError, RecursionError):
            assert expected is None or expected.get("code", 200) != 200
        else:
            assert repr(answer) == repr(expected)  # not ==: NaN is none, 0 is False


@pytest.mark.parametrize("names", [("John", "Doe"), ("लक्ष्मी", "कृष्णमूर्ति")])
def test_a_page_without_anything_to_clean_is_decoded_once_and_never_cleaned(
    names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [{"contact_id": f"c{place}", "first_name": names[0], "last_name": names[1]} for place in range(100)]
    body = json.dumps({"code": 200, "msg": "fine", "contacts": entries}, ensure_ascii=False).encode()
    cleaned = counting(monkeypatch, protocol, "clean")
    suspected = counting(monkeypatch, _sanitize, "_is_suspect")
    read = counting(monkeypatch, protocol, "from_json")
    again = counting(monkeypatch, protocol, "_decode_leniently")
    columns = counting(monkeypatch, protocol, "_read_column")
    page = protocol.read_page(protocol.read_answer(200, body, secret=SECRET), 100, secret=SECRET)
    assert len(page.contacts) == 100
    assert (len(cleaned), len(read), len(again)) == (0, 1, 0)
    assert (len(suspected), len(columns)) == ((0, 0) if names[0].isascii() else (2, len(FIELD_LIMITS)))
