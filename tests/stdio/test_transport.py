"""The pumps of the stdio transport on pipes; tests in e2e/ run all of it in real processes."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.lowlevel import checkpoint
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCResponse

from telecmi_mcp._stdio.backpressure import MAX_DUE, MAX_UNSENT_BYTES
from telecmi_mcp._stdio.byte_streams import Reader, Writer
from telecmi_mcp._stdio.early_responder import NO_EARLY_SESSION, EarlySession
from telecmi_mcp._stdio.transport import _StdioPumps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its event loop does not wait for pipes")


class Host:
    """The other ends of the pipes, and a server that receives every message and answers only when the test says so."""

    def __init__(self) -> None:
        self.stdin, self._requests = os.pipe()
        self.answers, self.stdout = os.pipe()
        self.taken = 0
        self.ended = False

    async def serve(self, wire: _StdioPumps[SessionMessage]) -> None:
        async with wire.from_client, wire.to_client:
            async for _ in wire.from_client:
                self.taken += 1
        self.ended = True

    def ask(self, number: int) -> None:
        lines = (b'{"jsonrpc":"2.0","id":%d,"method":"m"}\n' % each for each in range(number))
        os.write(self._requests, b"".join(lines))

    def say(self, line: bytes) -> None:
        os.write(self._requests, line)

    def leave(self) -> None:
        os.close(self._requests)

    async def has_taken(self, number: int) -> None:
        while self.taken < number:
            await checkpoint()
        await quiet()
        assert self.taken == number

    def heard(self) -> bytes:
        return os.read(self.answers, 65536)

    def close(self) -> None:
        for fd in (self.stdin, self.answers, self.stdout):
            os.close(fd)


@asynccontextmanager
async def connected(
    session: EarlySession = NO_EARLY_SESSION,
) -> AsyncIterator[tuple[Host, _StdioPumps[SessionMessage]]]:
    host = Host()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as pumps:
            wire = _StdioPumps((host.stdin, host.stdout), pumps, SessionMessage, session)
            for pump in (wire.pump_in, wire.pump_held, wire.pump_out):
                pumps.start_soon(pump)
            pumps.start_soon(host.serve, wire)
            yield host, wire
    host.close()
    assert not pumps.cancel_scope.cancel_called  # else the test was cut short


async def quiet() -> None:
    """Wait until all tasks are blocked, and the event loop has polled its descriptors."""
    for _ in range(10):
        await checkpoint()
        await anyio.wait_all_tasks_blocked()


async def answer(wire: _StdioPumps[SessionMessage], request_id: int) -> None:
    await wire.to_client.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=request_id, result={})))


async def test_at_most_1024_answers_are_due() -> None:
    async with connected() as (host, wire):
        host.ask(1100)
        await host.has_taken(MAX_DUE)
        await answer(wire, 0)
        await host.has_taken(MAX_DUE + 1)
        host.leave()
        for each in range(1, 1100):
            await answer(wire, each)
            await checkpoint()  # so that held messages are received


async def test_the_end_of_input_waits_for_the_answer_that_is_due() -> None:
    async with connected() as (host, wire):
        host.ask(1)
        await host.has_taken(1)
        host.leave()
        await quiet()
        assert not host.ended
        await answer(wire, 0)
        await quiet()
        assert host.ended
        assert host.heard() == b'{"jsonrpc":"2.0","id":0,"result":{}}\n'


async def test_the_end_of_input_waits_for_both_answers_to_an_id_that_was_used_twice() -> None:
    async with connected() as (host, wire):
        host.ask(1)
        host.ask(1)
        await host.has_taken(2)
        host.leave()
        await answer(wire, 0)
        await quiet()
        assert not host.ended
        await answer(wire, 0)
        await quiet()
        assert host.ended


ASKED = b'{"jsonrpc":"2.0","id":0,"method":"m"}'
ANSWERED = b'{"jsonrpc":"2.0","id":0,"result":{}}\n'


async def test_early_answers_are_settled_before_another_message_reaches_the_server() -> None:
    async with connected(EarlySession((ASKED,), {"0": ANSWERED}, unread=ASKED + b"\n")) as (host, wire):
        await host.has_taken(1)
        await answer(wire, 0)
        await host.has_taken(2)
        await answer(wire, 0)
        host.leave()
        await quiet()
        assert host.heard() == ANSWERED


async def test_an_end_of_the_input_that_was_read_early_is_the_end() -> None:
    async with connected(EarlySession(unread=ASKED + b"\n", ended=True)) as (host, wire):
        host.ask(1)
        await host.has_taken(1)
        await answer(wire, 0)
        await quiet()
        assert host.ended
        host.leave()


async def test_bytes_that_are_not_consumed_stay_in_the_pipe_and_are_read_later() -> None:
    stdin, requests = os.pipe()
    reader = Reader(stdin)
    os.write(requests, b"one")
    with anyio.fail_after(30):
        assert await reader.read() == b"one"
        os.write(requests, b"two")
        await quiet()
        os.write(requests, b"three")
        await quiet()
        assert select.select([stdin], [], [], 0)[0], "it is still in the pipe"
        assert await reader.read() == b"two"
        assert await reader.read() == b"three"
        os.close(requests)
        await quiet()
        assert reader.hung_up()
        assert await reader.read() == b""
    reader.close()
    assert not asyncio.get_running_loop().remove_reader(stdin), "the event loop knows the descriptor no more"
    os.close(stdin)


async def test_a_regular_file_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with anyio.fail_after(30), path.open("w+b", buffering=0) as file:
        await Writer(file.fileno()).write(b"x" * 100_000)
        assert path.read_bytes() == b"x" * 100_000
        file.seek(0)
        reader = Reader(file.fileno())
        assert len(await reader.read() + await reader.read()) == 100_000
        assert await reader.read() == b""
        assert not reader.hung_up()
        reader.close()


async def test_bytes_that_arrive_with_the_end_are_read_before_it() -> None:
    async with connected() as (host, wire):
        host.ask(3)
        host.leave()
        await host.has_taken(3)
        for each in range(3):
            await answer(wire, each)


async def test_an_error_answer_does_not_cut_a_line() -> None:
    async with connected() as (host, wire):
        host.ask(1)
        await host.has_taken(1)
        long = JSONRPCResponse(jsonrpc="2.0", id=0, result={"long": "x" * 1_000_000})
        host.say(b"no JSON\n")
        await wire.to_client.send(SessionMessage(long))
        lines = b""
        while lines.count(b"\n") < 2:
            await anyio.wait_readable(host.answers)
            lines += host.heard()
        assert [json.loads(line).get("id") for line in lines.splitlines()] == [0, None]
        host.leave()


async def test_an_answer_is_due_until_all_of_it_is_written() -> None:
    async with connected() as (host, wire):
        host.ask(1)
        await host.has_taken(1)
        long = JSONRPCResponse(jsonrpc="2.0", id=0, result={"long": "x" * 1_000_000})
        await wire.to_client.send(SessionMessage(long))
        host.leave()
        await quiet()
        assert not host.ended
        lines = b""
        while not lines.endswith(b"\n"):
            await anyio.wait_readable(host.answers)
            lines += host.heard()
        await quiet()
        assert host.ended


async def test_answers_stay_in_their_order_when_one_has_to_wait() -> None:
    async with connected() as (host, wire):
        host.ask(3)
        await host.has_taken(3)
        long = JSONRPCResponse(jsonrpc="2.0", id=0, result={"long": "x" * 1_000_000})
        async with anyio.create_task_group() as sending:
            sending.start_soon(wire.to_client.send, SessionMessage(long))
            await quiet()
            sending.start_soon(answer, wire, 1)
            sending.start_soon(answer, wire, 2)
            lines = b""
            while lines.count(b"\n") < 3:
                await anyio.wait_readable(host.answers)
                lines += host.heard()
        assert [json.loads(line)["id"] for line in lines.splitlines()] == [0, 1, 2]
        host.leave()


async def test_a_notification_that_had_to_wait_is_sent_when_the_client_reads_again() -> None:
    async with connected() as (host, wire):
        host.ask(1)
        await host.has_taken(1)
        long = JSONRPCResponse(jsonrpc="2.0", id=0, result={"long": "x" * MAX_UNSENT_BYTES})
        await wire.to_client.send(SessionMessage(long))
        async with anyio.create_task_group() as sending:
            notification = SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="progress"))
            sending.start_soon(wire.to_client.send, notification)
            await quiet()
            host.say(b'{"jsonrpc":"2.0","method":"m"}\n')  # after which the reading task waits too
            await host.has_taken(2)
            lines = b""
            while not lines.endswith(b'"method":"progress"}\n'):
                await anyio.wait_readable(host.answers)
                lines += host.heard()
        host.leave()


async def test_a_held_request_is_passed_on_when_an_answer_was_written() -> None:
    async with connected() as (host, wire):
        for number in range(70):
            host.say(b'{"jsonrpc":"2.0","id":%d,"method":"tools/call"}\n' % number)
        await host.has_taken(64)
        await answer(wire, 0)
        await host.has_taken(65)
        cancelled = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}\n'
        host.say(cancelled % 1 + cancelled % 2)
        await host.has_taken(69)  # two notifications and two held requests
        host.leave()
        for number in range(3, 70):
            await answer(wire, number)
        await host.has_taken(72)


def test_a_stdout_is_abandoned_when_nobody_can_read_it_and_a_file_never(tmp_path: Path) -> None:
    answers, stdout = os.pipe()
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "file").open("wb") as file:
        writers = [Writer(stdout), Writer(theirs.fileno()), Writer(file.fileno())]
        assert [each.is_abandoned() for each in writers] == [False, False, False]
        ours.shutdown(socket.SHUT_WR)  # it sends no more, and still reads
        assert not writers[1].is_abandoned()
        os.close(answers)
        ours.close()
        assert [each.is_abandoned() for each in writers] == [True, True, False]
        os.close(stdout)
