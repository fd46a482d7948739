"""Tests that the contract check stays within its limits, and stops where it must."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from contract_run import Clock, Run, assert_gentle
from pydantic import SecretStr

from conftest import SIGNED_IN
from sign_in import KEPT, WITH_PASSWORD, SignInSetup
from telecmi_mcp import Settings, errors, open_app
from telecmi_mcp._doctor.contract import MAX_REQUESTS, ContractReport, check_contract
from telecmi_mcp.sandbox import (
    SANDBOX_TOKEN,
    Quirks,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize("contacts", [0, 1, 2, 99, 100, 101, 150, 200, 300, 400, 401, 1_000])
@pytest.mark.parametrize("end", ["absent", "then_empty_page", "same_cursor"])
async def test_the_budget_holds_for_organisations_of_any_size(contacts: int, end: Any) -> None:
    run = Run(Quirks(last_page=end), contacts=contacts)
    assert_gentle(run, await run.report())


@pytest.mark.parametrize(
    ("contacts", "last", "full"),
    [
        (0, "null", "not_seen"),
        (1, "null", "null"),
        (75, "null", "null"),
        (100, "not_seen", "null"),
        (150, "null", "null"),
        (199, "null", "not_seen"),
        (400, "not_seen", "null"),
        (401, "not_seen", "not_seen"),
    ],
)
async def test_the_last_page_is_reached_where_it_is_near(contacts: int, last: str, full: str) -> None:
    points = (await Run(Quirks(last_page="null"), contacts=contacts).report()).points
    assert (points["last_page"], points["full_last_page"]) == (last, full)
    assert points["page_state_of_known_id"] == ("null" if contacts else "not_seen")


@pytest.mark.parametrize(
    ("contacts", "full"), [(100, "then_empty_page"), (300, "then_empty_page"), (400, "another_cursor")]
)
async def test_a_cursor_of_a_full_last_page_is_followed_if_requests_are_left(contacts: int, full: str) -> None:
    points = (await Run(Quirks(last_page="then_empty_page"), contacts=contacts).report()).points
    assert (points["full_last_page"], points["repeated_cursor"]) == (full, "never")


async def test_a_cursor_of_a_small_organisation_is_that_of_a_limit_of_1() -> None:
    points = (await Run(Quirks(cursor_use="once"), contacts=7).report()).points
    assert (points["cursor_again"], points["cursor_limit"]) == ("code_400", "not_seen")
    points = (await Run(Quirks(cursor_limit="any"), contacts=7).report()).points
    assert (points["cursor_again"], points["cursor_limit"]) == ("same_page", "same_page")


async def test_a_large_limit_is_told_only_where_there_are_more_contacts() -> None:
    points = (await Run(Quirks(large_limit="capped"), contacts=100).report()).points
    assert points["large_limit"] == "accepted"


@pytest.mark.parametrize("after", range(MAX_REQUESTS))
@pytest.mark.parametrize(("place", "code"), [("body", 429), ("http", 503)])
async def test_throttling_ends_the_check_at_once(place: Any, code: Any, after: int) -> None:
    quirks = Quirks(
        rate_limit=place, rate_limit_code=code, rate_limit_after=after, retry_after="7", last_page="then_empty_page"
    )
    run = Run(quirks)
    report = await run.report()
    assert run.sandbox.state.request_count == after + 1
    assert report.stopped == "throttled"
    assert report.points["throttling"] == f"{place} {code}, retry-after in seconds"
    assert_gentle(run, report)


@pytest.mark.parametrize("code", [404, 401, 403, 407, 420])
async def test_a_rejected_token_ends_the_check_at_once_and_no_login_follows(code: Any) -> None:
    run = Run(Quirks(bad_token_code=code, bad_token_text="failed_to_authenticate"))
    run.sandbox.revoke(SANDBOX_TOKEN)
    report = await run.report()
    assert (run.sandbox.state.request_count, report.stopped) == (1, "token_rejected")
    assert report.points["rejected_token"] == f"code_{code}"
    assert report.points["error_text"] == 'msg "Failed to authenticate token."'


async def test_a_404_after_which_nothing_is_accepted_is_not_taken_for_an_unknown_id() -> None:
    run = Run()

    def end_token(pauses: int) -> None:
        if pauses == 1:
            run.sandbox.revoke(SANDBOX_TOKEN)

    run.during_pause = end_token
    report = await run.report()
    assert report.stopped == "token_rejected"
    refused = ("known_id", "unknown_id", "limit_1")
    assert {report.points[name] for name in refused} == {"not_seen"}
    assert report.points["rejected_token"] == "code_404"


async def test_the_walk_to_the_last_page_leaves_requests_for_the_cursor() -> None:
    points = (await Run(Quirks(last_page="then_empty_page")).report(WITH_PASSWORD)).points
    assert (points["cursor_again"], points["cursor_limit"]) == ("same_page", "code_400")
    assert points["last_page"] == "another_cursor"  # the login took the request that would follow it


@pytest.mark.parametrize(("fresh", "requests"), [("accepted", 12), ("refused_at_first", 2), ("not_provisioned", 2)])
async def test_a_login_counts_and_happens_once(fresh: Any, requests: int) -> None:
    run = Run(Quirks(fresh_token=fresh, last_page="then_empty_page"))
    report = await run.report(WITH_PASSWORD)
    assert (run.sandbox.state.login_count, run.sandbox.state.request_count) == (1, requests)
    assert report.stopped == ("" if fresh == "accepted" else "token_rejected")
    assert_gentle(run, report)


async def test_a_token_that_is_due_is_not_renewed_beside_the_check(tmp_path: Path) -> None:
    setup = SignInSetup(tmp_path)
    await setup.keep(SecretStr(SANDBOX_TOKEN), age_days=26)

    async def sleep(_: float) -> None:
        await anyio.lowlevel.checkpoint()

    async with setup.app(KEPT) as app:
        report = await check_contract(app, service="the sandbox", sleep=sleep)
    assert (setup.logins, report.requests, report.stopped) == (0, setup.sandbox.state.request_count, "")


async def test_a_wrong_password_is_sent_once_and_nothing_follows() -> None:
    run = Run()
    run.sandbox.change_password("another")
    with pytest.raises(errors.PasswordRejected):
        await run.report(WITH_PASSWORD)
    assert run.sandbox.state.request_count == 1


async def test_without_a_sign_in_nothing_is_sent() -> None:
    run = Run()
    with pytest.raises(errors.NotSignedIn):
        await run.report(Settings(base_url="http://localhost"))
    assert run.sandbox.state.request_count == 0


async def _report_of(respond: Callable[[httpx2.Request], httpx2.Response]) -> tuple[ContractReport, int]:
    requests: list[httpx2.Request] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return respond(request)

    async def sleep(_: float) -> None: ...

    async with open_app(SIGNED_IN, transport=httpx2.MockTransport(note)) as app:
        return await check_contract(app, service="a mock", sleep=sleep, clock=Clock()), len(requests)


CONTACT = {"contact_id": "00000000-0000-4000-8000-000000000000", "first_name": "Ann"}


def _fail(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("secret", request=request)


def _with_a_broken_body(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, stream=httpx2.ByteStream(b"x"), headers={"content-encoding": "gzip"})


@pytest.mark.parametrize(
    ("respond", "stopped", "body"),
    [
        (_fail, "no_usable_answer (unreachable)", "not_seen"),
        (_with_a_broken_body, "no_usable_answer (unreadable_answer)", "not_seen"),
        (lambda _: httpx2.Response(403, html="<p>"), "http_403_without_data", "web_page"),
        (lambda _: httpx2.Response(502, html="<p>"), "unavailable", "web_page"),
        (lambda _: httpx2.Response(200, html="<p>"), "first_page_unreadable", "web_page"),
        (lambda _: httpx2.Response(404, html="<p>"), "first_page_unreadable", "web_page"),
        (lambda _: httpx2.Response(200), "first_page_unreadable", "empty"),
        (lambda _: httpx2.Response(302, headers={"location": "http://localhost/"}), "first_page_unreadable", "empty"),
        (lambda _: httpx2.Response(200, content=b"[" * 100_000), "first_page_unreadable", "other_text"),
        (lambda _: httpx2.Response(200, json=[]), "first_page_unreadable", "json_array"),
        (lambda _: httpx2.Response(200, json={"code": 500}), "first_page_unreadable", "json"),
        (lambda _: httpx2.Response(200, json={"code": 919, "contacts": [CONTACT]}), "first_page_unreadable", "json"),
        (lambda _: httpx2.Response(200, json={"code": 10**9, "contacts": [CONTACT]}), "first_page_unreadable", "json"),
        (lambda _: httpx2.Response(200, content=b'{"count": NaN}'), "first_page_unreadable", "json_with_nan"),
        (lambda _: httpx2.Response(200, json={"code": 200, "contacts": {}}), "first_page_unreadable", "json"),
    ],
)
async def test_a_first_page_that_cannot_be_read_ends_the_check(
    respond: Callable[[httpx2.Request], httpx2.Response], stopped: str, body: str
) -> None:
    report, requests = await _report_of(respond)
    assert (report.stopped, report.points["body"], requests) == (stopped, body, 1)


async def test_a_list_that_ends_before_all_contacts_is_told_from_one_that_is_complete() -> None:
    page = {"code": 200, "contacts": [{"contact_id": "7"}], "count": 150, "page_state": ""}
    report, _ = await _report_of(lambda _: httpx2.Response(200, json=page))
    assert report.points["last_page"] == "empty_string_before_all_contacts"


async def test_a_failure_after_the_first_page_is_not_repeated() -> None:
    page = {"code": 200, "contacts": [], "count": 0}
    answers = iter([httpx2.Response(200, json=page)])
    report, requests = await _report_of(lambda _: next(answers, httpx2.Response(500, json={"code": 500})))
    assert report.stopped == ""
    assert requests == report.requests == len(report.calls)
    assert [report.points[name] for name in ("unknown_id", "limit_1", "invalid_cursor")] == ["code_500"] * 3


@pytest.mark.parametrize("count", [-1, -250, 10**30, True, "nine", [], 1.5])
async def test_an_impossible_count_is_never_turned_into_a_limit(count: object) -> None:
    page = {"code": 200, "contacts": [{"contact_id": "7"}], "count": count}
    limits: list[int] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        limits.append(json.loads(request.content).get("limit", 1))
        return httpx2.Response(200, json=page)

    report, _ = await _report_of(respond)
    assert report.points["contacts"] == "not_seen"
    assert set(limits) <= {1, 10, 100, 101}
