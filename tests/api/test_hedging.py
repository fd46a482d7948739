"""Requests on dead connections: the hedge beside a silent one and its limits, and the retry on a stale one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from pydantic import SecretStr

from faults.fault import PAGE
from faults.plays import GOOD, TOKEN, answer, page, says_and_resets, says_and_waits
from faults.server import FaultServer, Play, Visit
from faults.stage import client_of
from telecmi_mcp._api.client import RequestHooks, TelecmiClient
from telecmi_mcp._api.http import MAX_HEDGES, Channel
from telecmi_mcp._api.transport import MAX_CONNECTIONS
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp.errors import CallLimitReached, DeadlineExceeded, TelecmiError, Unresponsive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

pytestmark = pytest.mark.own_time

_ENDLESS_S = 60
_TIMEOUT_S = 0.25
_SILENT = says_and_waits(b"")


@asynccontextmanager
async def served(
    *script: Play, hooks: RequestHooks | None = None, timeout_s: float = _TIMEOUT_S
) -> AsyncIterator[tuple[FaultServer, TelecmiClient]]:
    server = FaultServer(script)
    await server.listen()
    if hooks is None:
        client = client_of(server.url, [], timeout=timeout_s)
    else:
        client = TelecmiClient(Channel(server.url), FixedToken(SecretStr(TOKEN)), timeout=timeout_s, hooks=hooks)
    try:
        with anyio.fail_after(_ENDLESS_S):
            yield server, client
    finally:
        await client.aclose()
        await server.close()


def after(fraction: float) -> Play:
    """Answer after that fraction of the deadline, and keep the connection."""

    async def run(visit: Visit) -> None:
        await anyio.sleep(fraction * _TIMEOUT_S)
        await visit.send(answer(page()))

    return Play(run, stays=True)


def together(number: int) -> tuple[Play, ...]:
    """Answer that many requests when all of them have come, so that each has a connection, and keep these."""
    waiting = asyncio.Event()
    count = 0

    async def run(visit: Visit) -> None:
        nonlocal count
        count += 1
        if count == number:
            waiting.set()
        await waiting.wait()
        await visit.send(answer(page()))

    return (Play(run, stays=True),) * number


def empty_budget(client: TelecmiClient) -> None:
    while client._budget.take():
        pass


async def test_a_second_request_is_sent_after_half_of_the_deadline() -> None:
    sent: list[float] = []
    given_up: list[float] = []

    async def silent(visit: Visit) -> None:
        sent.append(anyio.current_time())
        await visit.until_gone()
        given_up.append(anyio.current_time())

    async with served(Play(silent), GOOD) as (server, client):
        assert await client.list_contacts() == PAGE
        await server.left.wait()
    assert [end - start for start, end in zip(sent, given_up, strict=True)] == [pytest.approx(_TIMEOUT_S / 2, rel=0.05)]


async def test_an_answer_that_comes_after_half_of_the_deadline_is_not_thrown_away() -> None:
    async with served(after(0.6)) as (_, client):
        started_at = anyio.current_time()
        assert [await client.list_contacts() for _ in range(12)] == [PAGE] * 12, "whatever the budget"
        assert anyio.current_time() - started_at < 12 * 0.8 * _TIMEOUT_S, "each by its first request"


async def test_slow_answers_to_eight_calls_on_kept_connections_are_not_thrown_away() -> None:
    async with served(*together(MAX_CONNECTIONS), after(0.6)) as (server, client):
        for _ in range(2):
            calls = [client.list_contacts() for _ in range(MAX_CONNECTIONS)]
            assert await asyncio.gather(*calls) == [PAGE] * MAX_CONNECTIONS
    assert server.connections == MAX_CONNECTIONS + MAX_HEDGES


async def test_eight_calls_on_connections_that_died_silently_are_all_answered() -> None:
    script = (*together(MAX_CONNECTIONS), *[_SILENT] * MAX_CONNECTIONS, GOOD)
    async with served(*script) as (server, client):
        for _ in range(2):
            calls = [client.list_contacts() for _ in range(MAX_CONNECTIONS)]
            assert await asyncio.gather(*calls) == [PAGE] * MAX_CONNECTIONS
    assert server.tries == 3 * MAX_CONNECTIONS


async def test_a_second_request_does_not_use_another_idle_connection() -> None:
    async def answer_on_a_new_connection(visit: Visit) -> None:
        if server.connections > 2:
            await visit.send(answer(page()))
        await visit.until_gone()

    async with served(*together(2), _SILENT, Play(answer_on_a_new_connection)) as (server, client):
        await asyncio.gather(client.list_contacts(), client.list_contacts())
        assert await client.list_contacts() == PAGE


async def test_no_more_than_two_second_requests_are_sent_at_the_same_time() -> None:
    async with served(_SILENT) as (server, client):
        calls = [client.list_contacts() for _ in range(MAX_CONNECTIONS)]
        met = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in met} == {DeadlineExceeded}
    assert server.connections == MAX_CONNECTIONS + MAX_HEDGES


async def test_an_error_of_the_first_request_ends_a_second_one_that_still_waits_for_its_turn() -> None:
    async def reset_late(visit: Visit) -> None:
        await anyio.sleep(0.6)
        visit.reset()

    async with served(Play(reset_late), GOOD, timeout_s=1) as (server, client):  # the retry needs a pause of 0.25 s
        for _ in range(MAX_HEDGES):
            await client.channel.hedges.acquire()  # as calls of other clients do
        assert await client.list_contacts() == PAGE
    assert server.tries == 2


class _Hooks:
    """Admits a number of requests, and notes how each of them ended."""

    def __init__(self, admitted: int) -> None:
        self.left = admitted
        self.ended: list[type[BaseException] | None] = []

    async def admit(self, _: bool) -> None:
        if not self.left:
            raise CallLimitReached(60)
        self.left -= 1

    @contextmanager
    def watch(self, _: int) -> Iterator[Callable[[int], None]]:
        try:
            yield lambda _: None
        except BaseException as error:
            self.ended.append(type(error))
            raise
        self.ended.append(None)


async def test_a_second_request_that_the_hooks_do_not_admit_leaves_the_first_one_alone() -> None:
    hooks = _Hooks(admitted=1)
    async with served(after(0.6), hooks=RequestHooks(hooks.admit, hooks.watch)) as (server, client):
        assert await client.list_contacts() == PAGE
    assert (server.tries, hooks.ended) == (1, [None])


async def test_a_second_request_that_the_hooks_do_not_admit_is_not_sent_to_a_silent_telecmi() -> None:
    hooks = _Hooks(admitted=1)
    async with served(_SILENT, hooks=RequestHooks(hooks.admit, hooks.watch)) as (server, client):
        with pytest.raises(TelecmiError) as met:
            await client.list_contacts()
    assert isinstance(met.value, DeadlineExceeded | CallLimitReached)
    assert server.tries == 1


async def test_none_is_sent_when_the_retry_budget_is_empty() -> None:
    async with served(after(0.6)) as (server, client):
        empty_budget(client)
        assert await client.list_contacts() == PAGE
    assert server.tries == 1


async def test_silence_with_an_empty_budget_ends_by_the_timeout_of_the_attempt_and_is_recorded() -> None:
    hooks = _Hooks(admitted=9)
    async with served(_SILENT, hooks=RequestHooks(hooks.admit, hooks.watch)) as (_, client):
        empty_budget(client)
        with pytest.raises(DeadlineExceeded, match=f"within {_TIMEOUT_S} s"):
            await client.list_contacts()
        assert hooks.ended == [Unresponsive]
        assert client.upstream_health.failed_at > client.upstream_health.answered_at


async def test_background_work_sends_no_second_request() -> None:
    async with served(after(0.6)) as (server, client):
        assert await client.in_background().list_contacts() == PAGE
    assert server.tries == 1


async def test_a_failed_first_request_waits_for_the_second_one() -> None:
    async def reset_late(visit: Visit) -> None:
        await anyio.sleep(0.6 * _TIMEOUT_S)
        visit.reset()

    async with served(Play(reset_late), after(0.3)) as (server, client):
        assert await client.list_contacts() == PAGE
    assert server.tries == 2


async def test_a_failed_second_request_leaves_the_first_one_alone() -> None:
    async with served(after(0.8), says_and_resets(b"")) as (server, client):
        assert await client.list_contacts() == PAGE
    assert server.tries == 2


async def test_the_retry_of_a_request_on_a_stale_connection_uses_a_new_one() -> None:
    async def reset(visit: Visit) -> None:
        visit.reset()

    async with served(*together(2), Play(reset), GOOD) as (server, client):
        await asyncio.gather(client.list_contacts(), client.list_contacts())
        assert await client.list_contacts() == PAGE
    assert server.connections == 3, "the other idle connection is closed, because it is probably stale too"
