"""Tests that nothing that TeleCMI or the caller wrote is in a report of the contract check."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx2
import pytest

from conftest import SIGNED_IN
from telecmi_mcp import open_app
from telecmi_mcp._doctor.contract import ContractReport, check_contract
from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import Callable

Fields: TypeAlias = dict[str, Any]
Headers: TypeAlias = dict[str, str]

MARKER = "Zq7Xsecret"
DIGITS = 918273645
"""A number that is a secret, such as a telephone number."""
HOSTILE = f"{MARKER}|\n| `x` | y |\x1b[31m<script>{DIGITS}"
LATIN = f"{MARKER}; {DIGITS}"


async def _sleep(_: float) -> None: ...


async def _check(tamper: Callable[[Fields, Headers], object], quirks: Quirks | None = None) -> ContractReport:
    """Check a sandbox whose answers are changed on their way."""
    sandbox = httpx2.ASGITransport(app=create_sandbox(quirks or Quirks(), contacts=make_contacts(250)))

    async def respond(request: httpx2.Request) -> httpx2.Response:
        response = await sandbox.handle_async_request(request)
        fields, headers = json.loads(await response.aread()), {"content-type": "application/json"}
        tamper(fields, headers)
        return httpx2.Response(response.status_code, content=json.dumps(fields).encode(), headers=headers)

    async with open_app(SIGNED_IN, transport=httpx2.MockTransport(respond)) as app:
        return await check_contract(app, service="the sandbox", sleep=_sleep)


def _contacts(fields: Fields) -> list[Fields]:
    contacts = fields.get("contacts")
    return contacts if isinstance(contacts, list) else []


def _in_values(fields: Fields, _: Headers) -> None:
    for contact in _contacts(fields):
        contact.update({name: HOSTILE for name in contact if name != "contact_id"})


def _in_numbers(fields: Fields, _: Headers) -> None:
    for contact in _contacts(fields):
        contact.update({name: DIGITS for name in contact if name != "contact_id"})


def _in_ids(fields: Fields, _: Headers) -> None:
    for contact in _contacts(fields):
        contact["contact_id"] = HOSTILE


def _in_nested_values(fields: Fields, _: Headers) -> None:
    for contact in _contacts(fields):
        contact["first_name"] = {HOSTILE: [HOSTILE, DIGITS]}


def _in_keys_of_contacts(fields: Fields, _: Headers) -> None:
    for contact in _contacts(fields):
        contact[HOSTILE] = HOSTILE


def _in_keys_of_answers(fields: Fields, _: Headers) -> None:
    fields[HOSTILE] = {HOSTILE: HOSTILE}


def _in_entries(fields: Fields, _: Headers) -> None:
    _contacts(fields).append({HOSTILE: HOSTILE})
    fields.setdefault("contacts", []).append(HOSTILE)


def _in_messages(fields: Fields, _: Headers) -> None:
    if "error" in fields:
        fields["msg"] = HOSTILE


def _in_nested_messages(fields: Fields, _: Headers) -> None:
    if "error" in fields:
        fields["msg"] = {HOSTILE: [{"message": HOSTILE}]}


def _in_cursors(fields: Fields, _: Headers) -> None:
    if "page_state" in fields:
        fields["page_state"] = f"{MARKER}{DIGITS}"


def _in_digits_of_cursors(fields: Fields, _: Headers) -> None:
    if "page_state" in fields:
        fields["page_state"] = DIGITS


def _in_counts(fields: Fields, _: Headers) -> None:
    fields["count"] = DIGITS


def _in_texts_of_counts(fields: Fields, _: Headers) -> None:
    fields["count"] = HOSTILE


def _in_codes(fields: Fields, _: Headers) -> None:
    fields["code"] = DIGITS


def _in_texts_of_codes(fields: Fields, _: Headers) -> None:
    fields["code"] = HOSTILE


def _in_content_types(_: Fields, headers: Headers) -> None:
    headers["content-type"] = f"application/json; {LATIN}"


def _in_media_types(_: Fields, headers: Headers) -> None:
    headers["content-type"] = f"application/{MARKER}"


def _in_headers(_: Fields, headers: Headers) -> None:
    names = ("etag", "server", "set-cookie", "x-powered-by", "ratelimit", "ratelimit-limit", "x-ratelimit-remaining")
    headers.update({"retry-after": LATIN, "date": LATIN, **dict.fromkeys(names, LATIN)})


def _in_digits_of_headers(_: Fields, headers: Headers) -> None:
    headers.update(dict.fromkeys(("ratelimit-limit", "x-ratelimit-limit", "ratelimit-reset"), str(DIGITS)))


def _in_names_of_headers(_: Fields, headers: Headers) -> None:
    headers[f"X-{MARKER}-{DIGITS}"] = "x"


PLACES = [value for name, value in globals().items() if name.startswith("_in_")]


@pytest.mark.parametrize("tamper", PLACES, ids=[place.__name__.strip("_") for place in PLACES])
async def test_no_text_and_no_number_of_an_answer_is_in_the_report(
    tamper: Callable[[Fields, Headers], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    received: list[str] = []

    def note(fields: Fields, headers: Headers) -> None:
        tamper(fields, headers)
        received.append(f"{json.dumps(fields)} {headers}")

    report = await _check(note)
    shown = f"{report.as_markdown()}{report.as_json()}{caplog.text}"
    assert any(MARKER in each or str(DIGITS) in each for each in received)
    for secret in (MARKER, MARKER.lower(), str(DIGITS), f"{DIGITS:,}", "script", "\x1b"):
        assert secret not in shown


async def test_a_throttled_answer_shows_no_text_either() -> None:
    def tamper(fields: Fields, headers: Headers) -> None:
        fields["msg"] = HOSTILE
        headers["retry-after"] = LATIN

    report = await _check(tamper, Quirks(rate_limit="http", rate_limit_after=0))
    assert report.points["throttling"] == "http 429, retry-after of another form"
    assert MARKER not in report.as_markdown() + report.as_json()


@pytest.mark.parametrize("echo", ["none", "contact", "answer", "error_text"])
async def test_no_contact_no_token_and_no_exact_count_is_in_the_report(echo: Any) -> None:
    cursors: list[str] = []

    def note(fields: Fields, _: Headers) -> None:
        cursors.extend(filter(None, [fields.get("page_state")]))

    report = await _check(note, Quirks(token_echo=echo))
    shown = report.as_markdown() + report.as_json()
    values = {value for contact in make_contacts(250) for value in contact.values() if len(str(value)) > 3}
    secrets = {*values, *cursors, SANDBOX_TOKEN, "250"}
    assert len(values) > 250
    assert cursors
    assert not [secret for secret in secrets if str(secret) in shown]


async def test_what_was_observed_hides_its_content_in_a_traceback() -> None:
    from telecmi_mcp._doctor.contract.exchange import Exchange
    from telecmi_mcp._doctor.contract.plan import Observations

    exchange = Exchange("x", 200, "json", 0, 0, sent={"page_state": MARKER}, headers={}, answer={"msg": MARKER})
    assert MARKER not in repr(Observations(token=MARKER, exchanges=[exchange]))


async def test_the_markdown_is_tables_and_the_json_has_the_same() -> None:
    report = await _check(lambda *_: None)
    lines = report.as_markdown().splitlines()
    assert lines[0] == "### TeleCMI contract report, version 1"
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    data = json.loads(report.as_json())
    assert {name.strip("`"): seen for name, seen in rows} == data["points"] == report.points
    calls = [
        line.strip("| ").split(" | ") for line in lines[lines.index("| request | HTTP status | code | ms |") + 2 :]
    ]
    assert calls == [[str(value) for value in call.values()] for call in data["calls"]]
    assert len(calls) == data["requests"]
    assert (data["report_version"], data["stopped"]) == (1, "")
