"""The streams below the pool: which bytes they pass on, their number, and how long idle ones stay open."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import anyio
import h11
import httpcore2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faults.server import rest
from hostile import TRICKS, HostileTelecmi
from telecmi_mcp._api import http_guard
from telecmi_mcp._api.http import Channel
from telecmi_mcp._api.http_guard import Connections, GuardedBackend

if TYPE_CHECKING:
    from typing import Any

_KEEPALIVE_S = 0.2
_BODY = b"one answer, with \r\n\r\n HTTP/1.1 200 OK in it"
_LENGTH = b"Content-Length: %d\r\n" % len(_BODY)


def chunks(body: bytes, size: int, *, extension: bytes, trailer: bytes) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    parts = [b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces]
    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"


def head(status: bytes, headers: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nServer: x\r\n" + headers + b"\r\n"


in_length = st.just(head(b"200 OK", _LENGTH) + _BODY)
in_chunks = st.builds(
    lambda size, extension, trailer, coding: (
        head(b"200 OK", coding) + chunks(_BODY, size, extension=extension, trailer=trailer)
    ),
    st.integers(1, 60),
    st.sampled_from([b"", b";a=b", b';a="x y"']),
    st.sampled_from([b"", b"X-After: 1\r\n", b"Content-Length: 3\r\n"]),
    st.sampled_from([b"Transfer-Encoding: chunked\r\n", b"transfer-encoding:  Chunked \r\n" + _LENGTH]),
)
bodiless = st.sampled_from(
    [head(b"204 No Content", b""), head(b"304 Not Modified", _LENGTH), head(b"200", b"Content-Length: 0\r\n")]
)
odd = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\n" + b"Content-Length: 2\n\n{}",
        head(b"200 OK", b"X: a\r\n Content-Length: 9\r\nContent-Length: 2\r\n") + b"{}",
        head(b"200 OK", b"Content-Length: 2\r\nContent-Length: 2\r\n") + b"{}",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
    ]
)
informed = st.builds(
    bytes.__add__,
    st.sampled_from([b"", head(b"103 Early Hints", b""), head(b"100 Continue", b"") * 3]),
    st.one_of(in_length, in_chunks, bodiless, odd),
)


def read_by_h11(data: bytes) -> tuple[list[bytes], bool]:
    """The bodies that h11 finds in the bytes of one answer, and whether it wants more or has some left."""
    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method="POST", target="/", headers=[("Host", "x")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(data)
    bodies = []
    while (event := reader.next_event()) is not h11.NEED_DATA and event is not h11.PAUSED:
        if isinstance(event, h11.Data):
            bodies.append(bytes(event.data))
        if isinstance(event, h11.EndOfMessage):
            return bodies, reader.trailing_data == (b"", False)
    return bodies, False


class _Socket:
    """A socket that delivers the given pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.unread = b""
        self.is_closed = False

    async def write(self, _: bytes, __: float | None = None) -> None: ...

    async def read(self, _: int, __: float | None = None) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def abort(self) -> None:
        self.is_closed = True

    def get_extra_info(self, _: str) -> bool:
        return False


@pytest.mark.parametrize("examples", [50, pytest.param(5000, marks=pytest.mark.slow)])
def test_exactly_the_bytes_of_one_answer_are_passed_on(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None)
    @given(
        answer=informed,
        surplus=st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]), informed),
        cuts=st.lists(st.integers(0, 600), max_size=8),
    )
    def check(answer: bytes, surplus: bytes, cuts: list[int]) -> None:
        everything = answer + surplus
        places = sorted({0, len(everything), *(cut for cut in cuts if cut < len(everything))})
        pieces = [everything[start:end] for start, end in pairwise(places)]
        taken, wire = asyncio.run(_read(list(pieces), len(answer)))
        assert taken == answer
        assert read_by_h11(taken)[1], "h11 has an answer, and nothing is left in its buffer"
        at_end = len(answer) in places  # then the surplus comes later, or never
        assert wire.is_closed is (bool(surplus) and not at_end)

    check()


@pytest.mark.parametrize("late", [[b"\r\n"], [b"\n", b"\r", b"\n\r\n"], [b"\r\n\r\n"], []])
async def test_line_ends_that_come_late_after_an_answer_do_not_spoil_the_next_one(late: list[bytes]) -> None:
    answer = head(b"200 OK", _LENGTH) + _BODY
    *before, last = late or [b""]
    stream = await _opened(_Socket([answer, *before, last + answer]))
    for _ in range(2):
        assert await _taken(stream, len(answer)) == answer
    stream.abort()


async def test_line_ends_before_the_first_answer_are_no_http() -> None:
    stream = await _opened(_Socket([b"\r\n", head(b"200 OK", _LENGTH) + _BODY]))
    await stream.write(b"POST / HTTP/1.1\r\n\r\n")
    with pytest.raises(httpcore2.RemoteProtocolError):
        await stream.read(65536)
    stream.abort()


async def _opened(wire: _Socket) -> Any:
    connections = Connections(1)
    await connections.acquire(is_hedge=False)
    return http_guard._GuardedStream(wire, GuardedBackend(connections), connections, is_counted=True)  # type: ignore[arg-type]


async def _taken(stream: Any, length: int) -> bytes:
    await stream.write(b"POST / HTTP/1.1\r\n\r\n")
    taken = b""
    while len(taken) < length:
        data = await stream.read(65536)
        assert data
        taken += data
    return taken


async def _read(pieces: list[bytes], length: int) -> tuple[bytes, _Socket]:
    wire = _Socket(pieces)
    stream = await _opened(wire)
    taken = await _taken(stream, length)
    with pytest.raises(httpcore2.RemoteProtocolError):
        await stream.read(65536)
    is_closed = wire.is_closed
    stream.abort()
    wire.is_closed = is_closed
    return taken, wire


@pytest.mark.own_time
async def test_an_idle_connection_is_closed_in_time_although_its_pool_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_guard, "KEEPALIVE_S", _KEEPALIVE_S)
    async with HostileTelecmi(TRICKS["nothing"]).listening() as telecmi:
        channel = Channel(telecmi.url)
        await _ask(channel)
        before = anyio.current_time()
        with anyio.fail_after(30):
            await telecmi.left.wait()
        assert anyio.current_time() - before == pytest.approx(_KEEPALIVE_S, abs=_KEEPALIVE_S / 5)
        await channel.aclose()


async def test_an_idle_connection_of_one_pool_is_closed_for_another_pool() -> None:
    async with HostileTelecmi(TRICKS["nothing"]).listening() as telecmi:
        one = Channel(telecmi.url, connections=2)
        others = [one.separate() for _ in range(5)]
        with anyio.fail_after(30):
            for channel in [one, *others, one]:
                await _ask(channel)
                await at_most(telecmi, 2)
            assert len(telecmi.tokens_of) == 7, "the one that was idle for longest was closed"
            async with anyio.create_task_group() as asking:
                for channel in [one, *others] * 4:
                    asking.start_soon(_ask, channel)
            assert telecmi.requests == 31
            await at_most(telecmi, 2)
            for channel in [one, *others]:
                await channel.aclose()
            await at_most(telecmi, 0)


async def test_a_call_waits_for_a_connection_only_if_none_is_idle() -> None:
    connections = Connections(1)
    backend = GuardedBackend(connections)
    async with HostileTelecmi(TRICKS["nothing"]).listening() as telecmi:
        stream = await backend.connect_tcp("127.0.0.1", telecmi.port)
        with pytest.raises(httpcore2.PoolTimeout):
            await backend.connect_tcp("127.0.0.1", telecmi.port, timeout=0)
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(_close_soon, stream)
            with anyio.fail_after(30), pytest.raises(httpcore2.ConnectError):
                await backend.connect_tcp("127.0.0.1", 1)
        assert await connections.acquire(is_hedge=True), "a connection that could not be opened frees its slot"


async def test_a_hedge_opens_one_connection_more_which_is_closed_after_its_answer() -> None:
    async with HostileTelecmi(TRICKS["nothing"]).listening() as telecmi:
        channel = Channel(telecmi.url, connections=1)
        other = channel.separate()
        with anyio.fail_after(30):
            await _ask(channel)
            stream = await other._backend.connect_tcp("127.0.0.1", telecmi.port)
            await at_most(telecmi, 1)
            await channel.post("/v3/contact/get", {"token": "ann"}, timeout_s=20, is_hedge=True)
            await at_most(telecmi, 1)
            async with anyio.create_task_group() as asking:
                asking.start_soon(_ask, channel)
                await rest()
                assert telecmi.requests == 2, "it does not count into the limit, so the next request waits"
                await stream.aclose()
            await at_most(telecmi, 1)
        await channel.aclose()


async def at_most(telecmi: HostileTelecmi, most: int) -> None:
    """Wait until the server has seen that no more connections are open."""
    while len(telecmi.open) > most:
        telecmi.left.clear()
        await telecmi.left.wait()


async def _close_soon(stream: httpcore2.AsyncNetworkStream) -> None:
    await rest()
    await stream.aclose()


async def _ask(channel: Channel) -> Any:
    return await channel.post("/v3/contact/get", {"token": "ann"}, timeout_s=20)


async def test_a_closed_channel_leaves_nothing_open() -> None:
    async with HostileTelecmi(TRICKS["nothing"]).listening() as telecmi:
        channel = Channel(telecmi.url)
        with anyio.fail_after(30):
            await _ask(channel)
            assert len(telecmi.open) == 1
            await channel.aclose()
            await at_most(telecmi, 0)
