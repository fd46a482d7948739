"""Retries: their delays and budget, the rate limit, and the limit of requests at the same time."""

from __future__ import annotations

import asyncio
import math

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from faults.fault import PAGE
from faults.plays import CONTACT_ID, GOOD, answer, answers, dawdles, page, says_and_waits, verdict
from faults.server import FaultServer, Play, Visit
from faults.stage import client_of
from telecmi_mcp import Settings, open_app
from telecmi_mcp._api.limiters import RateLimit
from telecmi_mcp._api.retry import RetryBudget, retry_delay_s
from telecmi_mcp.errors import DeadlineExceeded, MalformedResponse, ServiceFailed, Unavailable

pytestmark = pytest.mark.own_time

_ENDLESS_S = 60
_DEAD = verdict(503, status=503)


@given(retry=st.integers(1, 60), drawn=st.floats(0, 1, exclude_max=True))
def test_a_delay_is_drawn_from_nothing_to_a_ceiling_that_doubles_up_to_8_seconds(retry: int, drawn: float) -> None:
    pause = retry_delay_s(retry, retry_after=None, rng=lambda: drawn)
    assert 0 <= pause <= min(8.0, 0.5 * 2 ** (retry - 1))
    assert math.isclose(pause, drawn * min(8.0, 0.5 * 2 ** (retry - 1)))


@given(asked=st.floats(0, 1e9), retry=st.integers(1, 5))
def test_a_delay_that_telecmi_asks_for_is_never_shortened(asked: float, retry: int) -> None:
    assert retry_delay_s(retry, retry_after=asked, rng=lambda: 0.0) >= asked


def test_the_budget_is_spent_one_by_one_and_refilled_by_tenths() -> None:
    budget = RetryBudget(capacity=3.0, refund=0.125)
    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]
    for _ in range(8):
        assert not budget.take()
        budget.succeed()
    assert [budget.take() for _ in range(2)] == [True, False]


def test_the_budget_is_never_more_than_full() -> None:
    budget = RetryBudget(capacity=2.0, refund=1.0)
    for _ in range(100):
        budget.succeed()
    assert [budget.take() for _ in range(3)] == [True, True, False]


async def test_a_dead_telecmi_costs_one_try_a_call_once_the_budget_is_empty_and_answers_refill_it() -> None:
    server = FaultServer((_DEAD,))
    await server.listen()
    client = client_of(server.url, [], timeout=20)
    try:
        with anyio.fail_after(_ENDLESS_S):
            tries = [await _tries_of_a_failure(server, client.list_contacts) for _ in range(8)]
            assert tries == [3, 3, 3, 3, 3, 1, 1, 1]
            server.play(GOOD)
            for _ in range(21):
                assert await client.list_contacts() == PAGE
            server.play(_DEAD)
            assert [await _tries_of_a_failure(server, client.list_contacts) for _ in range(2)] == [3, 1]
    finally:
        await client.aclose()
        await server.close()


async def _tries_of_a_failure(server: FaultServer, call: object) -> int:
    before = server.tries
    with pytest.raises(Unavailable):
        await call()  # type: ignore[operator]  # the client's method
    return server.tries - before


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_limit_lets_a_minutes_worth_through_and_says_when_to_come_back() -> None:
    clock = _Clock()
    limit = RateLimit(6, clock=clock)
    assert [limit.try_acquire() for _ in range(6)] == [0.0] * 6
    assert limit.try_acquire() == pytest.approx(10)
    clock.now += 4
    assert limit.try_acquire() == pytest.approx(6)
    clock.now += 6.001
    assert limit.try_acquire() == 0.0
    assert limit.try_acquire() > 0


def test_a_caller_that_leaves_calls_to_others_waits_while_these_still_pass() -> None:
    clock = _Clock()
    limit = RateLimit(6, clock=clock)
    assert [limit.try_acquire(spare=2) for _ in range(4)] == [0.0] * 4
    assert limit.try_acquire(spare=2) == pytest.approx(10)
    assert [limit.try_acquire() for _ in range(2)] == [0.0] * 2
    assert limit.try_acquire(spare=2) == pytest.approx(30)


@given(
    per_minute=st.integers(1, 10_000),
    steps=st.lists(st.floats(0, 30), min_size=1, max_size=200),
)
def test_no_more_calls_pass_than_the_limit_says_and_a_call_after_the_wait_passes(
    per_minute: int, steps: list[float]
) -> None:
    clock = _Clock()
    limit = RateLimit(per_minute, clock=clock)
    passed = 0
    for step in steps:
        clock.now += step
        wait = limit.try_acquire()
        passed += not wait
        if wait:
            clock.now += wait + 1e-6
            assert limit.try_acquire() == 0.0
            passed += 1
    assert passed <= per_minute + (clock.now - 1000.0) * per_minute / 60 + 1e-3


def test_an_idle_hour_saves_up_no_more_than_a_minutes_worth() -> None:
    clock = _Clock()
    limit = RateLimit(3, clock=clock)
    clock.now += 3600
    assert [limit.try_acquire() == 0 for _ in range(4)] == [True, True, True, False]


def test_a_limit_of_0_lets_every_call_through() -> None:
    limit = RateLimit(0, clock=_Clock())
    assert {limit.try_acquire() for _ in range(10_000)} == {0.0}


async def test_at_most_eight_requests_are_sent_at_once() -> None:
    most = now = 0
    enough, go = asyncio.Event(), asyncio.Event()

    async def crowd(visit: Visit) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        if now == 8:
            enough.set()
        await go.wait()
        await visit.send(answer(page()))
        now -= 1

    server = FaultServer((Play(crowd, stays=True),))
    await server.listen()
    client = client_of(server.url, [], timeout=30)
    try:
        with anyio.fail_after(_ENDLESS_S):
            calls = [asyncio.create_task(client.list_contacts()) for _ in range(40)]
            await enough.wait()
            assert (most, server.connections) == (8, 8)
            go.set()
            assert await asyncio.gather(*calls) == [PAGE] * 40
    finally:
        await client.aclose()
        await server.close()
    assert most == 8
    assert server.connections == 8


async def test_waiting_for_a_free_connection_counts_into_the_deadline() -> None:
    server = FaultServer((says_and_waits(b""),))
    await server.listen()
    client = client_of(server.url, [], timeout=0.5)
    try:
        with anyio.fail_after(_ENDLESS_S):
            met = await asyncio.gather(*[client.list_contacts() for _ in range(40)], return_exceptions=True)
    finally:
        await client.aclose()
        await server.close()
    assert {str(error) for error in met} == {str(DeadlineExceeded(0.5))}
    assert server.tries <= 24, "those who waited did not all get their turn"


async def test_waiting_for_a_free_connection_is_not_taken_for_silence() -> None:
    slow, drops = 8, 65
    server = FaultServer((*[dawdles(page(), drops)] * slow, GOOD))
    await server.listen()
    pauses: list[float] = []
    client = client_of(server.url, pauses, timeout=drops / 50 * 1.6)
    try:
        with anyio.fail_after(_ENDLESS_S):
            assert await asyncio.gather(*[client.list_contacts() for _ in range(slow + 2)]) == [PAGE] * (slow + 2)
    finally:
        await client.aclose()
        await server.close()
    assert pauses == []


async def test_a_cancelled_call_that_waited_leaves_its_slot_to_others() -> None:
    server = FaultServer((says_and_waits(b""),))
    await server.listen()
    client = client_of(server.url, [], timeout=5)
    try:
        with anyio.fail_after(_ENDLESS_S):
            calls = [asyncio.create_task(client.list_contacts()) for _ in range(16)]
            await server.read.wait()
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            server.play(GOOD)
            assert await asyncio.gather(*[client.list_contacts() for _ in range(8)]) == [PAGE] * 8
    finally:
        await client.aclose()
        await server.close()


async def test_a_retry_that_does_not_fit_the_deadline_is_not_sent() -> None:
    server = FaultServer((answers(b"", "Retry-After: 3", status=503),))
    await server.listen()
    pauses: list[float] = []
    client = client_of(server.url, pauses, timeout=2)
    try:
        with anyio.fail_after(_ENDLESS_S), pytest.raises(Unavailable, match="in 3 s"):
            await client.get_contact(CONTACT_ID)
    finally:
        await client.aclose()
        await server.close()
    assert (server.tries, pauses) == (1, [])


async def test_kept_connections_that_die_at_each_second_request_cost_nothing_of_the_budget() -> None:
    async def reset(visit: Visit) -> None:
        visit.reset()

    server = FaultServer((GOOD, Play(reset)) * 40)
    await server.listen()
    pauses: list[float] = []
    client = client_of(server.url, pauses, timeout=20)
    try:
        with anyio.fail_after(_ENDLESS_S):
            assert [await client.list_contacts() for _ in range(40)] == [PAGE] * 40
    finally:
        await client.aclose()
        await server.close()
    assert set(pauses) == {0.0}


async def test_what_fails_twice_in_a_row_says_what_to_look_at_until_an_answer_is_good() -> None:
    words = answers(b"plain words")
    server = FaultServer((words,))
    await server.listen()
    client = client_of(server.url, [], timeout=20)
    try:
        with anyio.fail_after(_ENDLESS_S):
            for advice in ("Try again later", "Check TELECMI_BASE_URL", "Check TELECMI_BASE_URL"):
                with pytest.raises(MalformedResponse, match=f"^{advice}"):
                    await client.list_contacts()
            server.play(GOOD)
            assert await client.list_contacts() == PAGE
            server.play(words)
            with pytest.raises(MalformedResponse, match="Try again later"):
                await client.list_contacts()
            server.play(verdict(500, status=500))
            with pytest.raises(ServiceFailed, match="Try again later"):
                await client.list_contacts()
    finally:
        await client.aclose()
        await server.close()


async def test_a_login_inside_of_a_call_that_fails_twice_in_a_row_says_what_to_look_at() -> None:
    server = FaultServer((answers(b"plain words"),))
    await server.listen()
    settings = Settings(base_url=server.url, user_id="ann", password=SecretStr("secret"), index="memory")
    now = 1000.0
    try:
        with anyio.fail_after(_ENDLESS_S):
            async with open_app(settings, clock=lambda: now) as app:
                for advice in ("Try again later", "Check TELECMI_BASE_URL"):
                    with pytest.raises(MalformedResponse, match=f"^{advice}"):
                        await app.client.list_contacts()
                    now += 120
    finally:
        await server.close()
    assert server.tries == 2, "each call has signed in"
