"""More connections than there is room for: idle ones are closed, and a call among them is answered."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import socket
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from httpx2 import AsyncClient

from e2e.lines import PATIENCE
from team.http.test_http_bounds import FINE, connected
from team.serving import message, served
from telecmi_mcp._team.accounts.app_pool import MAX_TELECMI_CONNECTIONS
from telecmi_mcp._team.db import database as database_module
from telecmi_mcp._team.http.connections import (
    MAX_CONNECTIONS,
    RESERVED_FILES,
    ConnectionLimit,
    max_connections_for,
    max_telecmi_connections_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

_LIMITED = "import os, resource, sys\nlimits = int(sys.argv[1]), int(sys.argv[2])\n"
_LIMITED += (
    "resource.setrlimit(resource.RLIMIT_NOFILE, limits)\nos.execv(sys.executable, [sys.executable, *sys.argv[3:]])"
)
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def limited(soft: int, hard: int, *words: str) -> list[str]:
    """A command that runs ``telecmi-mcp`` under a limit of open files."""
    return [sys.executable, "-c", _LIMITED, str(soft), str(hard), "-m", "telecmi_mcp", *words]


@contextmanager
def room_for(open_files: int) -> Iterator[None]:
    """Let this process open so many files, where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(open_files, hard)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Counted:
    """A connection that is only counted."""

    def __init__(self) -> None:
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def test_the_longest_idle_connection_is_closed_for_a_new_one_and_that_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limit = ConnectionLimit(3)
    first, second, third, fourth, fifth = (Counted() for _ in range(5))
    assert all(map(limit.add, (first, second, third)))
    limit.mark_busy(first)
    limit.mark_busy(second)
    limit.mark_idle(second)  # it was idle before, and is now for the shortest time
    assert limit.add(fourth)
    assert limit.add(fifth)
    assert [each.is_aborted for each in (first, second, third, fourth, fifth)] == [False, True, True, False, False]
    assert caplog.messages == [
        "the limit of 3 connections is reached: from now on the longest idle one is closed for each new one"
    ]


def test_a_connection_with_a_request_under_way_is_never_closed_for_another() -> None:
    limit = ConnectionLimit(1)
    busy, new = Counted(), Counted()
    assert limit.add(busy)
    limit.mark_busy(busy)
    assert not limit.add(new)
    assert not busy.is_aborted
    limit.remove(busy)
    limit.mark_idle(busy)  # what is late changes nothing
    assert limit.add(new)


async def test_an_accept_that_fails_closes_an_idle_connection_and_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    limit = ConnectionLimit(9)
    idle = [Counted() for _ in range(5)]
    assert all(map(limit.add, idle))
    context = {"message": "m", "exception": OSError(errno.EMFILE, "Too many open files"), "socket": object()}
    for _ in range(3):
        limit.handle_loop_error(loop, context)
    assert [each.is_aborted for each in idle] == [True, True, True, False, False]
    assert caplog.messages == ["no connection can be accepted for want of open files: raise the limit (ulimit -n)"]


async def test_other_errors_of_the_loop_are_logged_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    ConnectionLimit(9).handle_loop_error(asyncio.get_running_loop(), {"message": "another error"})
    assert caplog.messages == ["another error"]


@pytest.mark.parametrize(
    ("open_files", "connections"),
    [(1 << 20, MAX_CONNECTIONS), (2304, MAX_CONNECTIONS), (1024, 768), (128, 64), (64, 32)],
)
def test_connections_leave_files_for_other_things(open_files: int, connections: int) -> None:
    assert max_connections_for(open_files) == connections
    assert 4 * ConnectionLimit(connections).accepted_at_once <= (open_files - connections) // 2


def test_the_reserved_files_hold_all_connections_that_a_process_opens_itself() -> None:
    process = 16  # its standard streams, the event loop, the listening socket, the log, a random device
    providers = 3 + 2  # of identities and of metrics
    database = database_module.MAX_CONNECTIONS + 3  # one for locks, two for logins
    accepted = 4 * ConnectionLimit().accepted_at_once
    assert max_telecmi_connections_for(MAX_CONNECTIONS) == MAX_TELECMI_CONNECTIONS
    assert process + providers + database + accepted + MAX_TELECMI_CONNECTIONS <= RESERVED_FILES


@pytest.mark.parametrize("open_files", [128, 256, 512, 1024, 4096])
def test_connections_to_telecmi_leave_files_to_the_database_at_any_limit(open_files: int) -> None:
    connections = max_connections_for(open_files)
    left = open_files - connections - max_telecmi_connections_for(connections)
    assert max_telecmi_connections_for(connections) >= 8
    assert left >= database_module.MAX_CONNECTIONS + 3 + 16


async def test_an_idle_connection_is_closed_and_one_with_a_request_is_answered() -> None:
    may_end = anyio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await may_end.wait()
        await FINE(scope, receive, send)

    async with connected(slow, ConnectionLimit(2)) as connect:
        with anyio.fail_after(PATIENCE):
            async with await connect() as busy, await connect() as idle:
                await busy.send(GET)
                await anyio.wait_all_tasks_blocked()
                async with await connect() as newer:
                    with pytest.raises(anyio.EndOfStream):
                        await idle.receive()
                    await newer.send(GET)
                    await anyio.wait_all_tasks_blocked()
                    async with await connect() as refused:
                        answer = await refused.receive()
                        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                        assert answer.endswith(b"Try again in a second: too many connections are open.\n")
                    may_end.set()
                    assert (await busy.receive()).startswith(b"HTTP/1.1 200 OK")
                    assert (await newer.receive()).startswith(b"HTTP/1.1 200 OK")


async def call(url: str) -> int:
    headers, body = message("legacy", "tools/call", name="list_contacts", arguments={})
    async with AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(url, headers=headers, content=body)
    assert "contacts" in answer.text
    return answer.status_code


@pytest.mark.parametrize(
    ("soft", "hard", "idle"), [(1024, 1024, 1500), (128, 128, 400), (64, 64, 200), (128, 4096, 1500)]
)
async def test_a_call_among_many_idle_connections_is_answered(soft: int, hard: int, idle: int) -> None:
    words = limited(soft, hard, "serve", "--http", "127.0.0.1:0", "--sandbox", "--rate-limit", "0")
    with served(command=words) as server, ExitStack() as stack, anyio.fail_after(PATIENCE), room_for(idle + 200):
        host, _, port = server.url.removeprefix("http://").removesuffix("/mcp").partition(":")
        for number in range(idle):
            stack.enter_context(socket.create_connection((host, int(port)), PATIENCE))
            if number % 100 == 0:
                assert await call(server.url) == 200
        for _ in range(5):
            assert await call(server.url) == 200
        code, said = await anyio.to_thread.run_sync(server.stop, signal.SIGTERM)
    lines = said.splitlines()
    assert code == 0
    assert len(lines) == (0 if idle < max_connections_for(hard) else 1), said
    assert all("connections is reached" in line for line in lines)


async def test_connections_that_cannot_be_accepted_are_one_line_in_the_log_and_calls_go_on() -> None:
    with ExitStack() as stack, anyio.fail_after(PATIENCE):
        taken = [stack.enter_context(open(os.devnull)).fileno() for _ in range(30)]  # noqa: PTH123, ASYNC230 - a descriptor
        words = limited(64, 64, "serve", "--http", "127.0.0.1:0", "--sandbox", "--rate-limit", "0")
        server = stack.enter_context(served(command=words, pass_fds=taken))
        host, _, port = server.url.removeprefix("http://").removesuffix("/mcp").partition(":")
        for _ in range(60):
            stack.enter_context(socket.create_connection((host, int(port)), PATIENCE))
        assert await call(server.url) == 200
        code, said = await anyio.to_thread.run_sync(server.stop, signal.SIGTERM)
    assert code == 0
    lines = [line for line in said.splitlines() if "connections is reached" not in line]
    assert len(lines) == 1, said
    assert "no connection can be accepted for want of open files: raise the limit (ulimit -n)" in lines[0]
