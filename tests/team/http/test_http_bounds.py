"""How many requests, how long, how slow: what is beyond the bounds ends, and takes nothing with it."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from starlette.responses import PlainTextResponse
from uvicorn import Config
from uvicorn.server import ServerState

from telecmi_mcp._team.http.concurrency import RequestBounds, Slots
from telecmi_mcp._team.http.connections import ConnectionLimit
from telecmi_mcp._team.http.limits import BodyBounds
from telecmi_mcp._team.http.serve import HeadBound, _Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from anyio.abc import SocketStream
    from starlette.types import ASGIApp, Receive, Scope, Send

PATIENCE = 0.1
_HANGING = 20
FINE = PlainTextResponse("fine")
SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}


class Impatient(HeadBound):
    """With a tenth of a second for a head."""

    head_timeout = PATIENCE


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last words are not waited for long."""
    monkeypatch.setattr("telecmi_mcp._team.http.limits._REFUSAL_TIMEOUT_S", PATIENCE)
    monkeypatch.setattr("telecmi_mcp._team.http.concurrency.REFUSAL_TIMEOUT_S", PATIENCE)


class Caller:
    """One request: what it sends, and what it is told."""

    def __init__(self, *pieces: bytes | None, headers: Sequence[tuple[bytes, bytes]] = (), more: bool = False) -> None:
        self.scope = {**SCOPE, "headers": list(headers)}
        self.told: list[Any] = []
        self._pieces = list(pieces)
        self._more = more

    async def receive(self) -> dict[str, Any]:
        """The next piece; ``None`` is the end of the connection, and after the last one nothing comes."""
        if not self._pieces:
            await anyio.sleep_forever()
        piece = self._pieces.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces) or self._more}

    async def send(self, message: Any) -> None:
        self.told.append(message)

    async def call(self, app: ASGIApp) -> int:
        """Make the request; the status, and 0 for none."""
        await app(self.scope, self.receive, self.send)
        return self.status

    @property
    def status(self) -> int:
        return next((message["status"] for message in self.told if message["type"] == "http.response.start"), 0)

    def header(self, name: bytes) -> bytes | None:
        return dict(self.told[0]["headers"]).get(name)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers with the body, which comes as one piece."""
    message = await receive()
    assert not message["more_body"]
    await PlainTextResponse(message["body"])(scope, receive, send)


async def test_a_body_in_pieces_comes_as_one() -> None:
    caller = Caller(b"a", b"", b"bc")
    assert await caller.call(BodyBounds(echo)) == 200
    assert caller.told[1]["body"] == b"abc"


@pytest.mark.parametrize(("length", "status"), [(10, 200), (11, 413)])
async def test_a_body_is_bounded_to_the_byte(length: int, status: int) -> None:
    assert await Caller(b"x" * (length - 1), b"x").call(BodyBounds(echo, most=10)) == status


@pytest.mark.own_time
@pytest.mark.usefixtures("impatient")
async def test_a_declared_length_is_believed_before_a_byte_is_read() -> None:
    caller = Caller(headers=[(b"content-length", b"11")])
    assert await caller.call(BodyBounds(echo, most=10)) == 413
    assert caller.header(b"connection") == b"close"


@pytest.mark.own_time
async def test_a_body_that_does_not_come_is_given_up() -> None:
    caller = Caller(b"{", more=True)
    before = anyio.current_time()
    assert await caller.call(BodyBounds(echo, seconds=PATIENCE)) == 408
    assert anyio.current_time() - before == pytest.approx(PATIENCE, abs=0.05)


@pytest.mark.own_time
@pytest.mark.parametrize(("speed", "seconds"), [(1000, 5), (2000, 10)])
async def test_a_body_slower_than_a_kibibyte_a_second_is_given_up_after_the_first_seconds(
    speed: int, seconds: int
) -> None:
    async def trickle() -> dict[str, Any]:
        await anyio.sleep(1)
        return {"type": "http.request", "body": b"x" * speed, "more_body": True}

    caller = Caller()
    before = anyio.current_time()
    await BodyBounds(echo)(caller.scope, trickle, caller.send)
    assert anyio.current_time() - before == pytest.approx(seconds, abs=0.05)
    assert caller.status == 408
    sentence = json.loads(caller.told[1]["body"])["error"]["message"]
    assert sentence.startswith("The body arrived too slowly: send 1024 bytes a second after")


async def test_a_length_of_five_thousand_digits_is_too_long() -> None:
    caller = Caller(b"", headers=[(b"content-length", b"9" * 5000)])
    assert await caller.call(BodyBounds(echo)) == 413


async def test_a_caller_who_leaves_in_the_middle_of_a_body_gets_no_answer() -> None:
    assert await Caller(b"{", None).call(BodyBounds(echo)) == 0


async def test_above_the_most_requests_at_once_callers_are_refused_for_a_second() -> None:
    may_end = anyio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await may_end.wait()
        await FINE(scope, receive, send)

    app = RequestBounds(slow, Slots(2, most_each=2), seconds=60)
    first, second, third = Caller(), Caller(), Caller()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first.call, app)
        tasks.start_soon(second.call, app)
        await anyio.wait_all_tasks_blocked()
        assert await third.call(app) == 503
        assert third.header(b"retry-after") == b"1"
        may_end.set()
    assert (first.status, second.status, await Caller().call(app)) == (200, 200, 200)


@pytest.mark.own_time
async def test_a_request_that_takes_too_long_is_answered_and_makes_room() -> None:
    async def never(*_: object) -> None:
        await anyio.sleep_forever()

    app = RequestBounds(never, Slots(1), seconds=PATIENCE)
    assert [await Caller().call(app) for _ in range(3)] == [504, 504, 504]


@pytest.mark.own_time
async def test_a_stream_that_takes_too_long_is_ended_properly() -> None:
    async def begin(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await anyio.sleep_forever()

    caller = Caller()
    assert await caller.call(RequestBounds(begin, Slots(1), seconds=PATIENCE)) == 200
    assert caller.told[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.own_time
@pytest.mark.usefixtures("impatient")
async def test_a_caller_who_reads_nothing_makes_room_too() -> None:
    async def begin(_: Scope, __: Receive, send: Send) -> None:
        await send({})

    async def stuck(_: Any) -> None:
        await anyio.sleep_forever()

    app = RequestBounds(begin, Slots(1), seconds=PATIENCE)
    caller = Caller()
    with anyio.fail_after(_HANGING):
        await app(caller.scope, caller.receive, stuck)
        await app(caller.scope, caller.receive, stuck)


@asynccontextmanager
async def connected(
    app: ASGIApp, limit: ConnectionLimit | None = None, protocol: type[HeadBound] = HeadBound
) -> AsyncIterator[Callable[[], Awaitable[SocketStream]]]:
    """Serve an app by the protocol on a real socket; give what connects to it."""
    state = ServerState()
    config = Config(app, ws="none", lifespan="off", log_config=None, timeout_keep_alive=1)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config, state, {}, limit=limit or ConnectionLimit()), "127.0.0.1", 0
    )
    async with server:
        host, port = server.sockets[0].getsockname()

        async def connect() -> SocketStream:
            return await anyio.connect_tcp(host, port)

        yield connect
    await asyncio.sleep(0)


async def spoken(*pieces: bytes, app: ASGIApp = FINE) -> tuple[bytes, float]:
    """Say some bytes to the protocol and nothing more; what it answers, and after how many seconds."""
    answer = b""
    async with connected(app, protocol=Impatient) as connect, await connect() as stream:
        before = anyio.current_time()
        for piece in pieces:
            await stream.send(piece)
        with anyio.fail_after(_HANGING), suppress(anyio.EndOfStream):
            while True:
                answer += await stream.receive()
        return answer, anyio.current_time() - before


async def test_the_garbage_collector_skips_what_the_start_created() -> None:
    config = Config(FINE, ws="none", lifespan="off", log_config=None)
    config.load()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(config, ConnectionLimit())
        server.lifespan = config.lifespan_class(config)
        try:
            await server.startup([listener])
            assert gc.get_freeze_count() > 10_000
        finally:
            gc.unfreeze()
            await server.shutdown([listener])


class Written(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.pieces: list[bytes] = []
        self.is_closed = False
        self.wrote = anyio.Event()

    def write(self, data: Any) -> None:
        assert not self.is_closed
        self.pieces.append(data)
        self.wrote.set()

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@pytest.mark.parametrize(("head", "closes"), [(b"", False), (b"Connection: close\r\n", True)])
async def test_the_head_and_the_body_of_an_answer_leave_together(head: bytes, *, closes: bool) -> None:
    config = Config(FINE, ws="none", lifespan="off", log_config=None)
    config.load()
    transport, protocol = Written(), HeadBound(config, ServerState(), {}, limit=ConnectionLimit())
    protocol.connection_made(transport)
    for number in (1, 2)[: 1 if closes else 2]:
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % head)
        with anyio.fail_after(_HANGING):
            await transport.wrote.wait()
        transport.wrote = anyio.Event()
        await anyio.wait_all_tasks_blocked()
        assert len(transport.pieces) == number
        assert transport.pieces[-1].startswith(b"HTTP/1.1 200 OK\r\n")
        assert transport.pieces[-1].endswith(b"\r\n\r\nfine")
    assert transport.is_closed is closes
    protocol.connection_lost(None)


@pytest.mark.own_time
@pytest.mark.parametrize(
    ("words", "said"),
    [(b"", b""), (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"HTTP/1.1 408 Request Timeout")],
)
async def test_a_head_that_does_not_come_is_given_up(words: bytes, said: bytes) -> None:
    answer, seconds = await spoken(words)
    assert answer.partition(b"\r\n")[0] == said
    assert not said or answer.endswith(b"\r\n\r\nThe head of the request did not come within 10 seconds.\n")
    assert seconds == pytest.approx(PATIENCE, abs=0.05)


@pytest.mark.own_time
async def test_the_head_of_a_second_request_is_not_waited_for_either() -> None:
    answer, seconds = await spoken(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHo")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert PATIENCE < seconds < PATIENCE + 2


@pytest.mark.own_time
async def test_a_request_whose_head_has_come_is_not_given_up() -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await anyio.sleep(PATIENCE * 4)
        await FINE(scope, receive, send)

    answer, seconds = await spoken(head, app=slow)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert seconds == pytest.approx(PATIENCE * 4, abs=0.05)
