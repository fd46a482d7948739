"""The protocol as pure functions: every known and unknown form of TeleCMI's answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import SAMPLES
from telecmi_mcp import errors
from telecmi_mcp._api import protocol

JOHN = json.loads((SAMPLES / "page.json").read_text())["contacts"][0]
ID = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"


def read(status: int, answer: object) -> dict[str, Any]:
    return protocol.read_answer(status, json.dumps(answer).encode())


def page(answer: dict[str, Any], limit: int = 10) -> Any:
    return protocol.read_page(answer, limit)


def test_the_documented_page_is_read_whole() -> None:
    sample = (SAMPLES / "page.json").read_bytes()
    result = page(protocol.read_answer(200, sample))
    assert result.count == 150
    assert result.page_state == "0023001000"
    assert [contact._asdict() for contact in result.contacts] == [JOHN]


def test_the_requests_are_the_documented_bodies() -> None:
    assert protocol.contact_request("t", ID) == {"token": "t", "contact_id": ID}
    assert protocol.page_request("t", limit=10, page_state=None) == {"token": "t", "limit": 10}
    assert protocol.page_request("t", limit=10, page_state="x") == {"token": "t", "limit": 10, "page_state": "x"}


@pytest.mark.parametrize("code", [200, "200", " 200 ", 200.0, None])
def test_success_is_a_code_of_200_in_any_type_or_none(code: object) -> None:
    assert read(200, {"code": code, "contacts": []}) == {"code": code, "contacts": []}


VERDICTS: dict[int, type[errors.TelecmiError]] = {
    400: errors.RequestRejected,
    401: errors.TokenRejected,
    403: errors.TokenRejected,
    404: errors.TokenRejected,
    407: errors.TokenRejected,
    408: errors.RateLimited,
    409: errors.RequestRejected,
    420: errors.RequestRejected,
    429: errors.RateLimited,
    500: errors.ServiceFailed,
    501: errors.ServiceFailed,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.Unavailable,
}


@pytest.mark.parametrize("code", VERDICTS)
def test_an_error_is_the_same_in_the_body_of_a_200_and_as_the_status(code: int) -> None:
    for status, body in [
        (200, {"code": code}),
        (200, {"code": str(code)}),
        (code, {}),
        (code, {"code": 200}),
    ]:
        with pytest.raises(VERDICTS[code]) as caught:
            read(status, body)
        assert type(caught.value) is VERDICTS[code]


def test_the_code_in_the_body_has_priority() -> None:
    with pytest.raises(errors.TokenRejected):
        read(500, {"code": 404})


def test_an_error_flag_without_a_code_is_a_failure() -> None:
    with pytest.raises(errors.ServiceFailed):
        read(200, {"error": True, "contacts": []})


@pytest.mark.parametrize(
    "answer",
    [
        {"msg": "why"},
        {"message": "why"},
        {"error": "why"},
        {"status": "why"},
        {"error": True, "msg": {"body": [{"message": "why"}]}},
    ],
)
def test_telecmis_message_is_in_the_detail_and_never_in_the_sentence(answer: dict[str, Any]) -> None:
    with pytest.raises(errors.ServiceFailed) as caught:
        read(200, {"code": 500, **answer})
    assert "why" in caught.value.detail
    assert "why" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"  \n", b"<html>", b"\xef\xbb\xbf<!DOCTYPE html>"])
def test_a_web_page_or_an_empty_body_is_reported_as_one(body: bytes) -> None:
    with pytest.raises(errors.UnexpectedContent):
        protocol.read_answer(200, body)


@pytest.mark.parametrize("status", [403, 404])
def test_an_unknown_route_or_a_firewall_is_not_about_the_token(status: int) -> None:
    with pytest.raises(errors.UnexpectedContent):
        protocol.read_answer(status, b"<pre>Cannot POST /v3/contact/get</pre>")


@pytest.mark.parametrize(
    ("status", "error"), [(401, errors.TokenRejected), (429, errors.RateLimited), (502, errors.Unavailable)]
)
def test_a_status_counts_where_the_body_says_nothing(status: int, error: type[errors.TelecmiError]) -> None:
    with pytest.raises(error):
        protocol.read_answer(status, b"<html>")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b'{"contacts":',
        b'{"count": NaN}',
        b'{"name": "\xe9"}',
        b'{"count": ' + b"9" * 5000 + b"}",
        b"[" * 200_000 + b"]" * 200_000,
    ],
)
def test_what_is_not_a_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(errors.MalformedResponse):
        protocol.read_answer(200, body)


def test_a_byte_order_mark_is_skipped() -> None:
    assert protocol.read_answer(200, b'\xef\xbb\xbf{"code":200}') == {"code": 200}


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 399])
def test_a_redirect_is_an_error(status: int) -> None:
    with pytest.raises(errors.UnexpectedRedirect):
        protocol.read_answer(status, b"")


@pytest.mark.parametrize("forms", [{"contacts": []}, {"contacts": None}, {}, {"contacts": {}}])
def test_an_unknown_contact_comes_in_many_forms_and_is_one_error(forms: dict[str, Any]) -> None:
    with pytest.raises(errors.ContactNotFound, match=ID):
        protocol.read_contact(forms, ID)


@pytest.mark.parametrize("entries", [[JOHN], JOHN, [JOHN, JOHN]])
def test_a_contact_may_come_as_a_list_an_object_or_twice_the_same(entries: object) -> None:
    assert protocol.read_contact({"contacts": entries}, ID.upper()).first_name == "John"


@pytest.mark.parametrize(
    "entries",
    [
        [{**JOHN, "contact_id": "00000000-0000-4000-8000-000000000000"}],
        [JOHN, {**JOHN, "first_name": "Jane"}],
        [JOHN, None],
        ["text"],
        [[]],
    ],
)
def test_anything_but_the_requested_contact_is_refused(entries: list[Any]) -> None:
    with pytest.raises(errors.MalformedResponse):
        protocol.read_contact({"contacts": entries}, ID)


@pytest.mark.parametrize("answer", [{}, {"contacts": None}, {"contacts": 3}, {"contacts": "x"}])
def test_a_page_without_contacts_is_never_an_empty_address_book(answer: dict[str, Any]) -> None:
    with pytest.raises(errors.MalformedResponse):
        page(answer)


def test_a_page_of_nothing_but_malformed_entries_is_unreadable() -> None:
    with pytest.raises(errors.MalformedResponse):
        page({"contacts": [None, 1]})


def test_a_page_may_be_empty_and_have_a_successor() -> None:
    result = page({"contacts": [], "page_state": "next"})
    assert result.contacts == ()
    assert result.page_state == "next"


@pytest.mark.parametrize("end", [{}, {"page_state": None}, {"page_state": ""}])
def test_the_last_page_has_no_cursor_in_any_form(end: dict[str, Any]) -> None:
    assert page({"contacts": [JOHN], **end}).page_state is None


def test_a_cursor_that_is_no_string_is_unreadable() -> None:
    with pytest.raises(errors.MalformedResponse):
        page({"contacts": [JOHN], "page_state": {"a": 1}})


@pytest.mark.parametrize(("given", "count"), [(150, 150), ("150", 150), (None, None), (-1, None), ("x", None)])
def test_the_count_is_read_in_any_form_and_otherwise_not_known(given: object, count: int | None) -> None:
    assert page({"contacts": [], "count": given}).count == count


@pytest.mark.parametrize(
    ("phone_no", "text"), [(919200000000, "919200000000"), (919200000000.0, "919200000000"), ("0091", "0091")]
)
def test_a_number_becomes_text(phone_no: object, text: str) -> None:
    (contact,) = page({"contacts": [{**JOHN, "phone_no": phone_no}]}).contacts
    assert contact.phone_no == text


@pytest.mark.parametrize("gap", [None, "", "  "])
def test_a_field_without_a_value_is_none(gap: str | None) -> None:
    (contact,) = page({"contacts": [{**JOHN, "company": gap}]}).contacts
    assert contact.company is None


def test_unknown_fields_are_dropped() -> None:
    (contact,) = page({"contacts": [{**JOHN, "secret_score": 7}]}).contacts
    assert "secret_score" not in contact._asdict()


@pytest.mark.parametrize(
    "entry",
    [None, "text", 1, [], {"first_name": "No Id"}, {**JOHN, "company": {}}, {**JOHN, "phone_no": True}],
)
def test_a_malformed_entry_is_left_out_and_counted(entry: object) -> None:
    result = page({"contacts": [entry, JOHN]})
    assert len(result.contacts) == 1
    assert result.notice == "1 malformed entry of this page left out."


def test_more_than_the_limit_is_cut_and_counted() -> None:
    result = page({"contacts": [JOHN] * 10_000})
    assert len(result.contacts) == 10
    assert result.notice == "9990 surplus entries of this page left out."


def test_the_token_is_scrubbed_even_when_it_hides_between_invisible_characters() -> None:
    entry = {**JOHN, "company": "tok-123", "job_title": "to\u200bk-123"}
    (contact,) = protocol.read_page({"contacts": [entry]}, 10, secret="tok-123").contacts
    assert contact.company == contact.job_title == "[removed]"


def test_a_cursor_that_holds_the_token_or_has_no_end_is_withheld() -> None:
    for cursor in ["xtok-123", "x" * 20_000]:
        result = protocol.read_page({"contacts": [JOHN], "page_state": cursor}, 10, secret="tok-123")
        assert result.page_state is None
        assert result.notice.startswith("The list ends early")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_json_at_all_is_a_page_or_an_error_of_ours(value: object) -> None:
    for answer in [{"contacts": value}, {"contacts": [value], "page_state": value, "count": value}]:
        try:
            assert len(page(answer).contacts) <= 10
        except errors.MalformedResponse as error:
            assert len(str(error)) <= 200


@pytest.mark.parametrize("name", ["\u2800", "\u2800" * 300, "\u3164", "\u0301", "\u180e", " \u2800\ufffc", "\u200b"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_a_field_in_which_nothing_is_seen_is_missing(name: str, number: int, *, is_ascii: bool) -> None:
    entry = {"contact_id": ID, "first_name": name, "last_name": "\u2803\u2800\u2807"}
    body = json.dumps({"contacts": [entry] * number}, ensure_ascii=is_ascii).encode()
    contacts = page(protocol.read_answer(200, body)).contacts
    assert {(contact.first_name, contact.last_name) for contact in contacts} == {(None, "\u2803\u2800\u2807")}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("-3", None),
        ("9" * 400, 1e9),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_otherwise_nothing(header: str | None, seconds: float | None) -> None:
    assert protocol.retry_after_seconds(header, now=10.0) == seconds
