"""Tests that a form is named by words and rounded numbers, never by the value itself."""

from __future__ import annotations

import pytest

from telecmi_mcp._doctor.contract import forms
from telecmi_mcp._doctor.contract.exchange import read_body


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (forms.MISSING, "missing"),
        (None, "null"),
        ("", "empty_string"),
        ("0", "string"),
        (False, "boolean"),
        (0, "number"),
        (1.5, "number"),
        ([], "array"),
        ({}, "object"),
    ],
)
def test_the_type_of_a_value(value: object, form: str) -> None:
    assert forms.value_form(value) == form


@pytest.mark.parametrize(
    ("cursor", "form"),
    [
        ("001b00f0", "hex of 8 characters"),
        ("AbC=", "base64 of 4 characters"),
        ("12345678", "digits of 8 characters"),
        ("page:2", "text of 6 characters"),
        ("é" * 1_500, "text of 1,500 characters"),
        (7, "number"),
        ({}, "object"),
    ],
)
def test_the_coding_of_a_cursor(cursor: object, form: str) -> None:
    assert forms.cursor_form(cursor) == form


@pytest.mark.parametrize(
    ("number", "form"),
    [
        ("919200000000", "digits"),
        ("+919200000000", "plus_and_digits"),
        ("+91 92000", "other_text"),
        ("++91", "other_text"),
        ("٩١", "other_text"),
        ("", "empty_string"),
        (919200000000, "number"),
    ],
)
def test_the_form_of_a_telephone_number(number: object, form: str) -> None:
    assert forms.phone_form(number) == form


@pytest.mark.parametrize(
    ("number", "rounded"), [(0, 0), (9, 9), (10, 10), (14, 10), (151, 200), (249, 200), (12_345, 10_000)]
)
def test_a_count_has_one_digit_that_counts(number: int, rounded: int) -> None:
    assert forms.round_off(number) == rounded


@pytest.mark.parametrize(
    ("text", "shown"),
    [("60", "about 60"), ("1234", "about 1,000"), ("1234567", "other_text"), ("-1", "other_text"), ("x", "other_text")],
)
def test_a_number_of_a_header_is_short_or_not_shown(text: str, shown: str) -> None:
    assert forms.header_number(text) == shown


@pytest.mark.parametrize(
    ("code", "read"),
    [(200, 200), ("404", 404), (919, 919), (10**9, 999), (99, None), (True, None), ("٢٠٠", None), ("2e2", None)],
)
def test_a_code_has_three_digits(code: object, read: int | None) -> None:
    assert forms.status_code(code) == read


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("ab12-cd34-ef56-7890", "groups_of_four"),
        ("eyJh.eyJz.c2ln", "three_parts_like_a_jwt"),
        ("0123456789", "other_text"),
    ],
)
def test_the_form_of_a_token(token: str, form: str) -> None:
    assert forms.token_form(token) == form


@pytest.mark.parametrize(
    ("value", "has_one"),
    [
        ("\ud83d", True),
        ({"a": [{"\ude00": 1}]}, True),
        ({"a": ["\U0001f600", None, 1]}, False),
    ],
)
def test_half_of_a_pair_is_found_anywhere(value: object, has_one: bool) -> None:
    assert forms.has_lone_surrogate(value) is has_one


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b'{"a": 1}', "json"),
        (b'\xef\xbb\xbf{"a": 1}', "json_after_byte_order_mark"),
        (b" \n", "empty"),
        (b"<html>", "web_page"),
        (b"\xff\xfe", "other_text"),
        (b"null", "json_null"),
        (b"[1]", "json_array"),
        (b"[" * 100_000, "other_text"),
    ],
)
def test_what_a_body_is(body: bytes, form: str) -> None:
    assert read_body(body)[0] == form
