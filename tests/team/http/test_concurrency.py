"""Whose places are whose: one caller's slow requests, and requests of unknown callers, leave room to the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest
from mcp.server.auth.provider import AccessToken

from team.http.test_http_bounds import FINE, Caller
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.http.asgi import _bounded
from telecmi_mcp._team.http.concurrency import (
    MAX_REQUESTS,
    RecentCallers,
    RequestBounds,
    Slots,
    bearer_hash,
    max_requests_for,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PLACES = 8
SHARE = 2
_HANGING = 20


class Verifier:
    """Knows callers by a bearer that is their name, once it may find them."""

    def __init__(self) -> None:
        self.may_find = anyio.Event()
        self.may_find.set()

    async def verify_token(self, token: str) -> AccessToken | None:
        await self.may_find.wait()
        if token.startswith("invented"):
            return None
        return AccessToken(token="", client_id=token, scopes=["contacts:read"], subject=token)


class Server:
    """The endpoint, with a few places."""

    def __init__(self) -> None:
        self.verifier = Verifier()
        self.app: ASGIApp = _bounded(answer, self.verifier, TeamSettings(), PLACES)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await FINE(scope, receive, send)


def request(bearer: str | None, *pieces: bytes, more: bool = False) -> Caller:
    headers = [] if bearer is None else [(b"authorization", f"Bearer {bearer}".encode())]
    return Caller(*(pieces or (b"{}",)), headers=headers, more=more)


def told(caller: Caller) -> str:
    body = next(message["body"] for message in caller.told if message["type"] == "http.response.body")
    return str(json.loads(body)["error"]["message"])


async def test_slow_bodies_of_one_caller_take_a_quarter_of_the_places_and_others_are_answered() -> None:
    server = Server()
    assert await request("amal").call(server.app) == 200
    slow = [request("amal", b"{", more=True) for _ in range(PLACES)]
    with anyio.fail_after(_HANGING):
        async with anyio.create_task_group() as tasks:
            for each in slow:
                tasks.start_soon(each.call, server.app)
            await anyio.wait_all_tasks_blocked()
            assert [each.status for each in slow] == [0] * SHARE + [429] * (PLACES - SHARE)
            assert told(slow[-1]) == "Try again in a second: a caller has at most 2 active requests."
            assert slow[-1].header(b"retry-after") == b"1"
            assert await request("priya").call(server.app) == 200
            assert await request("amal").call(server.app) == 429
            assert await request(None).call(server.app) == 401
            tasks.cancel_scope.cancel()
    assert await request("amal").call(server.app) == 200  # the places are free again


@pytest.mark.parametrize("bearer", ["invented", None])
async def test_who_is_not_known_is_answered_before_a_body_is_read(bearer: str | None) -> None:
    server = Server()
    with anyio.fail_after(_HANGING):
        assert await request(bearer, b"{", more=True).call(server.app) == 401


async def test_unknown_callers_who_wait_for_the_verifier_leave_room_to_known_ones() -> None:
    server = Server()
    for name in ("amal", "priya"):
        assert await request(name).call(server.app) == 200
    server.verifier.may_find = anyio.Event()
    unknown = [request(f"invented {number}") for number in range(PLACES)]
    known = [request("amal"), request("priya")]
    with anyio.fail_after(_HANGING):
        async with anyio.create_task_group() as tasks:
            for each in unknown:
                tasks.start_soon(each.call, server.app)
            await anyio.wait_all_tasks_blocked()
            assert [each.status for each in unknown] == [0] * SHARE + [503] * (PLACES - SHARE)
            assert told(unknown[-1]) == "Try again in a second: too many callers are being verified."
            for each in known:
                tasks.start_soon(each.call, server.app)
            await anyio.wait_all_tasks_blocked()
            server.verifier.may_find.set()
    assert [each.status for each in known] == [200, 200]
    assert [each.status for each in unknown[:SHARE]] == [401] * SHARE


async def test_slots_that_are_all_taken_are_free_for_no_one() -> None:
    server = Server()
    slow = [request(name, b"{", more=True) for name in "abcd" for _ in range(SHARE)]
    with anyio.fail_after(_HANGING):
        async with anyio.create_task_group() as tasks:
            for each in slow:
                tasks.start_soon(each.call, server.app)
                await anyio.wait_all_tasks_blocked()
            last = request("e")
            assert await last.call(server.app) == 503
            assert told(last) == "Try again in a second: too many requests are active."
            tasks.cancel_scope.cancel()


async def test_where_anyone_may_call_all_places_are_theirs() -> None:
    app = _bounded(answer, None, TeamSettings(), PLACES)
    slow = [request(None, b"{", more=True) for _ in range(PLACES)]
    with anyio.fail_after(_HANGING):
        async with anyio.create_task_group() as tasks:
            for each in slow:
                tasks.start_soon(each.call, app)
            await anyio.wait_all_tasks_blocked()
            assert {each.status for each in slow} == {0}
            assert await request(None).call(app) == 503
            tasks.cancel_scope.cancel()


async def test_a_header_that_is_refused_is_not_recognised_any_longer() -> None:
    recent = RecentCallers()
    revoked = request("amal")
    recent.remember(bearer_hash(revoked.scope), "amal")
    await revoked.call(RequestBounds(FINE, Slots(4), seconds=_HANGING, recent=recent))  # nothing verifies it
    assert recent.find(bearer_hash(revoked.scope)) == ""


def test_the_oldest_header_is_forgotten_first() -> None:
    recent = RecentCallers(most=2)
    for name in ("amal", "priya", "amal", "kiran"):
        recent.remember(bearer_hash(request(name).scope), name)
    assert [recent.find(bearer_hash(request(name).scope)) for name in ("amal", "priya", "kiran")] == [
        "amal",
        "",
        "kiran",
    ]


@pytest.mark.parametrize(("connections", "requests"), [(2048, MAX_REQUESTS), (768, MAX_REQUESTS), (64, 42), (32, 21)])
def test_fewer_requests_than_connections_are_under_way(connections: int, requests: int) -> None:
    assert max_requests_for(connections) == requests
