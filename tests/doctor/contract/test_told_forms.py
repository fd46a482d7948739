"""Tests that the contract check tells each form of the sandbox from the documented one."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from contract_run import AS_DOCUMENTED, Run, assert_gentle

from telecmi_mcp.sandbox import DOCUMENTED, Quirks

GAPS = ("last_name", "email_id", "company", "job_title")
TOLD: list[tuple[str, object, dict[str, str]]] = [
    ("unknown_contact", "null", {"unknown_id": "null"}),
    ("unknown_contact", "missing", {"unknown_id": "missing"}),
    ("unknown_contact", "object", {"unknown_id": "empty_object"}),
    ("unknown_contact", "other_contact", {"unknown_id": "other_contact"}),
    (
        "unknown_contact",
        "code_404",
        {"unknown_id": "code_404", "error_text": "msg (17 characters), msg (25 characters), msg (30 characters)"},
    ),
    ("unknown_contact", "code_400", {"unknown_id": "code_400"}),
    ("known_contact", "object", {"known_id": "object"}),
    ("known_contact", "twice", {"known_id": "list_with_contact_twice"}),
    (
        "malformed_id",
        "code_404",
        {"malformed_id": "code_404", "error_text": "msg (17 characters), msg (25 characters), msg (30 characters)"},
    ),
    ("malformed_id", "like_unknown", {"malformed_id": "empty_list"}),
    ("last_page", "null", {"last_page": "null", "page_state_of_known_id": "null"}),
    ("last_page", "empty_string", {"last_page": "empty_string", "page_state_of_known_id": "empty_string"}),
    ("last_page", "then_empty_page", {"last_page": "then_empty_page", "cursor_age": "at least 22 s"}),
    ("last_page", "same_cursor", {"last_page": "same_cursor"}),
    ("page_size", "short", {"page_size": "short", "last_page": "not_seen", "cursor_age": "at least 22 s"}),
    (
        "page_size",
        "empty_between",
        {
            "page_size": "empty, full",
            "last_page": "not_seen",
            "order": "not_seen",
            "cursor_limit": "not_seen",
            "cursor_again": "not_seen",
            "cursor_age": "not_seen",
        },
    ),
    (
        "page_size",
        "oversized",
        {"page_size": "oversized", "limit_1": "more_contacts", "cursor_age": "at least 18 s"},
    ),
    (
        "repeating_cursor",
        "same",
        {"repeated_cursor": "same", "last_page": "not_seen", "cursor_age": "at least 18 s"},
    ),
    ("repeating_cursor", "cycle", {"repeated_cursor": "earlier", "last_page": "earlier_cursor"}),
    ("cursor_form", "base64", {"cursor": "base64 of 48 characters"}),
    ("cursor_form", "long", {"cursor": "hex of 3,000 characters"}),
    ("cursor_limit", "any", {"cursor_limit": "same_page", "cursor_age": "at least 18 s"}),
    (
        "cursor_use",
        "once",
        {"cursor_again": "code_400", "cursor_limit": "not_seen", "cursor_age": "not_seen", "order": "not_seen"},
    ),
    ("order", "changing", {"order": "changing"}),
    ("large_limit", "capped", {"large_limit": "capped_at_100", "error_text": "msg (30 characters)"}),
    ("large_limit", "honoured", {"large_limit": "honoured", "error_text": "msg (30 characters)"}),
    ("large_limit", "default", {"large_limit": "default_of_10", "error_text": "msg (30 characters)"}),
    (
        "stale_cursor",
        "code_500",
        {
            "invalid_cursor": "code_500",
            "cursor_limit": "code_500",
            "error_text": 'msg "Something went wrong!", msg (25 characters), msg (30 characters)',
        },
    ),
    ("stale_cursor", "first_page", {"invalid_cursor": "first_page", "cursor_limit": "first_page"}),
    ("stale_cursor", "empty_page", {"invalid_cursor": "empty_page", "cursor_limit": "empty_page"}),
    ("count", "string", {"count": "string"}),
    ("count", "missing", {"count": "missing", "count_between_pages": "not_seen", "contacts": "not_seen"}),
    ("count", "drifting", {"count_between_pages": "differs"}),
    ("phone_no", "number", {"phone_no": "empty_string, number", "type.phone_no": "empty_string, number"}),
    ("phone_no", "plus", {"phone_no": "empty_string, plus_and_digits"}),
    ("id_case", "upper", {"contact_id": "uuid_in_upper_or_mixed_case"}),
    ("id_case", "upper_only", {"contact_id": "uuid_in_upper_or_mixed_case", "known_id": "empty_list"}),
    (
        "gaps",
        "null",
        {"phone_no": "digits, null", **{f"type.{name}": "null, string" for name in ("phone_no", *GAPS)}},
    ),
    (
        "gaps",
        "missing",
        {"phone_no": "digits, missing", **{f"type.{name}": "missing, string" for name in ("phone_no", *GAPS)}},
    ),
    ("extra_fields", "some", {"other_fields": "4 in contacts, 2 in answers"}),
    (
        "malformed_contact",
        "no_id",
        {
            "malformed_contacts": "contact_id_is_missing",
            "contact_id": "missing, uuid_in_lower_case",
            "type.contact_id": "missing, string",
        },
    ),
    (
        "malformed_contact",
        "id_not_uuid",
        {"malformed_contacts": "contact_id_is_not_uuid", "contact_id": "not_uuid, uuid_in_lower_case"},
    ),
    ("malformed_contact", "null", {"malformed_contacts": "entry_is_null"}),
    ("malformed_contact", "text", {"malformed_contacts": "entry_is_string"}),
    (
        "malformed_contact",
        "nested_name",
        {"malformed_contacts": "field_is_nested", "type.first_name": "object, string"},
    ),
    ("duplicates", "across_pages", {"duplicates": "across_pages"}),
    ("content_type", "html", {"content_type": "text/html in utf-8"}),
    ("content_type", "none", {"content_type": "missing", "headers": "content-length; 0 others"}),
    ("byte_order_mark", "present", {"body": "json_after_byte_order_mark"}),
    ("first_name", "lone_surrogate", {"lone_surrogates": "some"}),
    ("token_echo", "contact", {"token_echo": "in_contacts", "type.job_title": "string"}),
    ("token_echo", "answer", {"token_echo": "in_answers"}),
    (
        "token_echo",
        "error_text",
        {"token_echo": "in_errors", "error_text": "msg (47 characters), msg (52 characters)"},
    ),
    (
        "rate_headers",
        "ratelimit",
        {
            "rate_headers": "ratelimit-limit (about 60), ratelimit-remaining, ratelimit-reset",
            "headers": "content-length, content-type, ratelimit-limit, ratelimit-remaining, ratelimit-reset; 0 others",
        },
    ),
    (
        "rate_headers",
        "x_ratelimit",
        {
            "rate_headers": "x-ratelimit-limit (about 60), x-ratelimit-remaining",
            "headers": "content-length, content-type, x-ratelimit-limit, x-ratelimit-remaining; 0 others",
        },
    ),
    ("success_code", "string", {"success_code": "string"}),
    ("success_code", "missing", {"success_code": "missing"}),
    ("error_style", "http", {"error_style": "http"}),
    ("error_text", "message", {"error_text": "message (25 characters), message (30 characters)"}),
    ("error_text", "error", {"error_text": "error (25 characters), error (30 characters)"}),
    ("error_text", "status", {"error_text": "status (25 characters), status (30 characters)"}),
    ("error_text", "nested", {"error_text": "nested below msg"}),
]
ELSEWHERE = {"rate_limit", "rate_limit_code", "bad_token_text", "bad_token_code", "fresh_token", "login_answer"}
"""Quirks that end the check, or are about the login; other tests have them."""


async def test_the_documented_forms() -> None:
    run = Run()
    report = await run.report()
    assert report.points == AS_DOCUMENTED
    assert (report.requests, report.stopped) == (run.sandbox.state.request_count, "")


@pytest.mark.parametrize(("quirk", "form", "differences"), TOLD, ids=[f"{quirk}={form}" for quirk, form, _ in TOLD])
async def test_each_form_is_told_from_the_documented_one(quirk: str, form: str, differences: dict[str, str]) -> None:
    quirks: Any = {quirk: form}
    run = Run(Quirks(**quirks))
    report = await run.report()
    seen = {name: seen for name, seen in report.points.items() if seen != AS_DOCUMENTED[name]}
    assert seen == differences
    assert report.stopped == ""
    assert_gentle(run, report)


def test_every_form_of_the_sandbox_has_a_case() -> None:
    told = {(quirk, form) for quirk, form, _ in TOLD}
    hints = {name: hint for name, hint in get_type_hints(Quirks).items() if get_origin(hint) is Literal}
    forms = {(name, form) for name, hint in hints.items() for form in get_args(hint) if name not in ELSEWHERE}
    assert forms - told == {(name, getattr(DOCUMENTED, name)) for name, _ in forms}
    assert hints.keys() >= ELSEWHERE
