"""The requests of one account to TeleCMI, in turn: calls before the mirror, within a call's deadline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import pytest
from httpx2 import ASGITransport

from conftest import SIGNED_IN
from telecmi_mcp._api.client import RequestHooks, TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._team.policy.quotas import Quotas
from telecmi_mcp._team.policy.request_queue import RequestQueue
from telecmi_mcp.errors import CallLimitReached, Unavailable
from telecmi_mcp.sandbox import Quirks, create_sandbox

if TYPE_CHECKING:
    from telecmi_mcp._team.db.database import Database


CALL, MIRROR = False, True  # whether a request is one of the background


class Time:
    """A clock that goes on whenever somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.slept.append(seconds)
        self.now += seconds


def turns(time: Time, per_minute: int, *, late: list[str] | None = None) -> RequestQueue:
    return RequestQueue(
        Quotas(None, clock=time),
        "acme",
        per_minute=per_minute,
        on_late=lambda: None if late is None else late.append("late"),
        sleep=time.sleep,
    )


async def is_refused(turns: RequestQueue, *, seconds: float) -> bool:
    with anyio.move_on_after(seconds):
        try:
            await turns.admit(CALL)
        except CallLimitReached:
            return True
    return False


async def test_the_index_leaves_a_fifth_to_calls() -> None:
    time = Time()
    acme = turns(time, 60)
    for _ in range(48):
        await acme.admit(MIRROR)
    assert not time.slept
    await acme.admit(MIRROR)
    assert time.slept == [pytest.approx(1)]
    for _ in range(12):
        await acme.admit(CALL)
    assert time.slept == [pytest.approx(1)]
    await acme.admit(CALL)
    assert time.slept == [pytest.approx(1), pytest.approx(1)]


async def test_a_call_whose_turn_would_come_after_its_deadline_is_refused_at_once() -> None:
    time, late = Time(), list[str]()
    acme = turns(time, 1, late=late)
    await acme.admit(CALL)
    with anyio.move_on_after(30), pytest.raises(CallLimitReached) as caught:
        await acme.admit(CALL)
    assert caught.value.retry_after == pytest.approx(60)
    assert not time.slept
    assert late == ["late"]


async def test_the_end_of_a_long_queue_is_refused_at_once() -> None:
    time = Time()
    asleep, awake = anyio.Event(), anyio.Event()

    async def sleep(_: float) -> None:
        asleep.set()
        await awake.wait()
        time.now += 60

    acme = RequestQueue(Quotas(None, clock=time), "acme", per_minute=6, sleep=sleep)
    for _ in range(6):
        await acme.admit(CALL)
    passed: list[int] = []

    async def wait_for_turn(number: int) -> None:
        await acme.admit(CALL)
        passed.append(number)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(wait_for_turn, number)
                await asleep.wait()
                await anyio.wait_all_tasks_blocked()
            assert await is_refused(acme, seconds=25)  # the three before it take half a minute
            awake.set()
    assert passed == [0, 1, 2]


async def test_calls_at_once_within_the_limit_do_not_wait_for_each_other() -> None:
    time = Time()
    acme = turns(time, 6)
    with anyio.move_on_after(10) as deadline:  # less than two turns of the limit
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(acme.admit, CALL)
    assert not deadline.cancelled_caught
    assert not time.slept


async def test_who_leaves_the_queue_gives_the_turn_on() -> None:
    time = Time()
    acme = turns(time, 60)
    for _ in range(60):
        await acme.admit(CALL)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await acme.admit(CALL)
    with anyio.fail_after(30):
        await acme.admit(CALL)
    assert time.slept == [pytest.approx(1)]


async def test_two_replicas_share_the_requests_of_an_account(database: Database) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    replicas = [RequestQueue(Quotas(database, now=lambda: noon), "acme", per_minute=30) for _ in range(2)]
    for turn in range(30):
        await replicas[turn % 2].admit(CALL)
    for replica in replicas:
        assert await is_refused(replica, seconds=1.5)  # the next one is due in two seconds


async def test_every_request_of_the_client_waits_for_its_turn_the_repeated_and_the_indexes_too() -> None:
    asked: list[bool] = []
    retries: list[int] = []

    async def admit(in_background: bool) -> None:
        asked.append(in_background)

    class Watch:
        def __init__(self, retry: int) -> None:
            retries.append(retry)

        def __enter__(self) -> object:
            return statuses.append

        def __exit__(self, *_: object) -> None:
            pass

    async def no_rest(_: float) -> None:
        pass

    statuses: list[int] = []
    channel = Channel(
        "http://localhost", transport=ASGITransport(app=create_sandbox(Quirks(rate_limit="http", rate_limit_code=503)))
    )
    terms = RequestHooks(admit, Watch)  # type: ignore[arg-type]  # its __enter__ gives what is called with a status
    client = TelecmiClient(channel, FixedToken(SIGNED_IN.token), hooks=terms, sleep=no_rest)
    with pytest.raises(Unavailable):
        await client.list_contacts()
    with pytest.raises(Unavailable):
        await client.in_background().list_contacts()
    assert asked == [False, False, False, True]
    assert retries == [0, 1, 2, 0]
    assert statuses == [503] * 4


async def test_a_refused_turn_sends_nothing_and_is_not_repeated() -> None:
    asked = 0

    async def admit(_: bool) -> None:
        nonlocal asked
        asked += 1
        raise CallLimitReached(60)

    sandbox = create_sandbox()
    channel = Channel("http://localhost", transport=ASGITransport(app=sandbox))
    client = TelecmiClient(channel, FixedToken(SIGNED_IN.token), hooks=RequestHooks(admit))
    with pytest.raises(CallLimitReached):
        await client.list_contacts()
    assert asked == 1
    assert not sandbox.state.requests
