"""Runs the contract check over a sandbox, and records what it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx2

from conftest import SIGNED_IN
from telecmi_mcp import open_app
from telecmi_mcp._doctor.contract import MAX_REQUESTS, PAUSE_S, check_contract
from telecmi_mcp.sandbox import DOCUMENTED, Quirks, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp import Settings
    from telecmi_mcp._doctor.contract import ContractReport

CONTACTS = 250
"""Three pages; the last one is not full, and no size of four pages or fewer divides the number."""


class Clock:
    """Tells a second more each time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Run:
    """A check of a sandbox, with what it sent and how long it paused."""

    def __init__(self, quirks: Quirks = DOCUMENTED, *, contacts: int = CONTACTS) -> None:
        self.sandbox = create_sandbox(quirks, contacts=make_contacts(contacts))
        self.pauses: list[float] = []
        self.most_at_once = 0
        self._at_once = 0
        self.during_pause: Callable[[int], object] = lambda _: None

    async def report(self, settings: Settings = SIGNED_IN) -> ContractReport:
        transport = httpx2.ASGITransport(app=self._serve)
        with anyio.fail_after(30):
            async with open_app(settings, transport=transport) as app:
                return await check_contract(app, service="the sandbox", sleep=self._sleep, clock=Clock())

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await anyio.lowlevel.checkpoint()
        await self.sandbox(scope, receive, send)
        self._at_once -= 1

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await anyio.lowlevel.checkpoint()
        self.during_pause(len(self.pauses))


AS_DOCUMENTED = {
    "unknown_id": "empty_list",
    "malformed_id": "code_400",
    "known_id": "list",
    "last_page": "missing",
    "full_last_page": "not_seen",
    "page_state_of_known_id": "missing",
    "page_size": "full",
    "limit_1": "one_contact",
    "large_limit": "code_400",
    "order": "stable",
    "sorted_by": "no_field",
    "cursor": "hex of 72 characters",
    "repeated_cursor": "never",
    "cursor_limit": "code_400",
    "cursor_again": "same_page",
    "cursor_age": "at least 20 s",
    "invalid_cursor": "code_400",
    "count": "number",
    "count_between_pages": "same",
    "contacts": "about 200",
    "contact_id": "uuid_in_lower_case",
    "phone_no": "digits, empty_string",
    "type.contact_id": "string",
    "type.phone_no": "empty_string, string",
    "type.first_name": "string",
    "type.last_name": "empty_string, string",
    "type.email_id": "empty_string, string",
    "type.company": "empty_string, string",
    "type.job_title": "empty_string, string",
    "other_fields": "0 in contacts, 0 in answers",
    "malformed_contacts": "none",
    "duplicates": "none",
    "body": "json",
    "content_type": "application/json in utf-8",
    "headers": "content-length, content-type; 0 others",
    "lone_surrogates": "none",
    "success_code": "number",
    "error_style": "body",
    "error_text": "msg (25 characters), msg (30 characters)",
    "token_echo": "none",
    "throttling": "not_seen",
    "rate_headers": "none",
    "durations": "1,000 to 1,000 ms, median 1,000 ms",
    "token": "groups_of_four",
    "rejected_token": "not_seen",
}


def assert_gentle(run: Run, report: ContractReport) -> None:
    """Assert that the budget holds for what TeleCMI received, retries included."""
    requests = run.sandbox.state.request_count
    assert report.requests == requests <= MAX_REQUESTS
    assert run.most_at_once == 1
    assert run.pauses == [PAUSE_S] * (requests - 1)
