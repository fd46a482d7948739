"""The life of a real process: many calls, cancellation, a client that stops reading, leaks."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio.abc import SocketAttribute

from e2e.lines import PATIENCE, Lines, call, environment, initialize, request, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from anyio.abc import SocketStream

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
ANSWER = b'{"code":200,"contacts":[],"count":0}'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)

SECONDS_BETWEEN, RESTFUL_LOOKS, MOST_LOOKS = 0.1, 5, 1200

needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system has no /proc to look at")


@asynccontextmanager
async def telecmi(answer: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[dict[str, str]]:
    """Serve a TeleCMI on loopback, and yield the environment that points at it."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no database near
        yield environment(TELECMI_BASE_URL=f"http://127.0.0.1:{port}", TELECMI_TOKEN="t", TELECMI_RATE_LIMIT="0")
        tasks.cancel_scope.cancel()


async def request_of(stream: SocketStream) -> bytes:
    """The head and body of one request; nothing where the connection was closed instead."""
    data = b""
    with suppress(anyio.EndOfStream):
        while not data.endswith(b"}"):
            data += await stream.receive()
    return data


def resident(pid: int) -> int:
    """Bytes of memory that the process has."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def descriptors(server: Lines) -> int:
    """How many descriptors the process has open."""
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


async def ask_many(server: Lines, messages: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Send all, while reading all the answers."""
    answers: dict[Any, dict[str, Any]] = {}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.send, b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        while len(answers) < len(messages):
            answer = await server.receive()
            assert answer["id"] not in answers
            answers[answer["id"]] = answer
    return answers


@pytest.mark.slow
async def test_a_thousand_calls_in_flight_are_all_answered_eight_at_a_time() -> None:
    waiting: list[anyio.Event] = []
    most = 0
    started_all = anyio.Event()

    async def slow(stream: SocketStream) -> None:
        nonlocal most
        async with stream:
            while await request_of(stream):
                waiting.append(done := anyio.Event())
                most = max(most, sum(not event.is_set() for event in waiting))
                if most == 8:
                    started_all.set()
                if started_all.is_set():
                    for event in waiting:
                        event.set()
                await done.wait()
                await stream.send(OK)

    with anyio.fail_after(PATIENCE):
        async with telecmi(slow) as env, started("serve", env=env) as server:
            await server.shake_hands()
            answers = await ask_many(server, [call(number, "list_contacts") for number in range(1, 1001)])
            assert {len(answer["result"]["structuredContent"]["contacts"]) for answer in answers.values()} == {0}
            assert most == 8
            assert await server.close() == 0


@pytest.mark.slow
async def test_an_answer_that_comes_soon_after_the_end_of_input_is_delivered() -> None:
    arrived, ended = anyio.Event(), anyio.Event()

    async def slow(stream: SocketStream) -> None:
        async with stream:
            await request_of(stream)
            arrived.set()
            await ended.wait()
            await stream.send(OK)

    with anyio.fail_after(PATIENCE):
        async with telecmi(slow) as env, started("serve", env=env) as server:
            await server.shake_hands()
            await server.send(call(1, "list_contacts"))
            await arrived.wait()
            assert server.process.stdin is not None
            await server.process.stdin.aclose()
            ended.set()
            assert (await server.receive())["result"]["structuredContent"]["has_more"] is False
            assert await server.wait() == 0


async def test_a_cancelled_call_closes_its_request_and_is_never_answered() -> None:
    arrived, closed = anyio.Event(), anyio.Event()

    async def silent(stream: SocketStream) -> None:
        async with stream:
            await request_of(stream)
            arrived.set()
            try:
                await stream.receive()
            except anyio.EndOfStream:
                closed.set()

    with anyio.fail_after(PATIENCE):
        async with telecmi(silent) as env, started("serve", env=env) as server:
            await server.shake_hands()
            await server.send(call(1, "list_contacts"))
            await arrived.wait()
            await server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
            await closed.wait()
            assert (await server.ask(request(2, "ping")))["result"] == {}
            assert await server.close() == 0


def asleep(pid: int) -> bool:
    """Whether no thread of the process has anything to do; one that only waits for a processor has."""
    try:
        threads = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread has just ended
        return False
    return all(thread.rpartition(")")[2].split()[0] == "S" for thread in threads)


def write_until_stuck(process: subprocess.Popen[bytes], data: bytes) -> bytes:
    """Write until the process reads no more and sleeps, several times in a row; return what is left."""
    assert process.stdin is not None
    fd, restful = process.stdin.fileno(), 0
    os.set_blocking(fd, False)
    for _ in range(MOST_LOOKS):
        if not data or restful == RESTFUL_LOOKS:
            return data
        if select.select([], [fd], [], SECONDS_BETWEEN)[1]:
            data = data[os.write(fd, data) :]
            restful = 0
        else:
            restful = restful + 1 if asleep(process.pid) else 0
    pytest.fail("the process never comes to rest")


@pytest.mark.slow
@needs_proc
def test_a_client_that_stops_reading_makes_the_server_wait_and_not_grow() -> None:
    pages = b"".join(json.dumps(call(number, "list_contacts", limit=100)).encode() + b"\n" for number in range(1, 5001))
    hello = b"".join(json.dumps(message).encode() + b"\n" for message in initialize())
    words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox", "--rate-limit", "0"]
    with subprocess.Popen(words, stdin=PIPE, stdout=PIPE, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert write_until_stuck(process, hello) == b""
            process.stdout.readline()
            assert write_until_stuck(process, pages) != b""
            assert resident(process.pid) < 140_000_000  # 93 MB of which 16 MiB are answers; it was 304 MB without bound
            process.stdin.close()
            assert process.wait(PATIENCE) == 0  # it leaves although the client does not read
        finally:
            process.kill()


@pytest.mark.slow
@needs_proc
def test_a_client_that_reads_late_gets_every_answer() -> None:
    asked = range(1, 401)  # 60 KB each: one and a half times what is kept
    pages = b"".join(json.dumps(call(number, "list_contacts", limit=100)).encode() + b"\n" for number in asked)
    hello = b"".join(json.dumps(message).encode() + b"\n" for message in initialize())
    words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox", "--rate-limit", "0"]
    with subprocess.Popen(words, stdin=PIPE, stdout=PIPE, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert write_until_stuck(process, hello) == b""
            process.stdout.readline()
            assert write_until_stuck(process, pages) == b""
            answers = [json.loads(process.stdout.readline()) for _ in asked]
            assert sorted(answer["id"] for answer in answers) == list(asked)
            assert {len(answer["result"]["structuredContent"]["contacts"]) for answer in answers} == {100}
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


@needs_proc
@pytest.mark.slow
async def test_ten_thousand_calls_leave_memory_and_descriptors_as_they_were() -> None:
    async def ask(server: Lines, numbers: range) -> None:
        for start in numbers[::50]:  # so many at a time: what all of them need at once is not what stays
            await ask_many(server, [call(number, "list_contacts") for number in range(start, start + 50)])

    with anyio.fail_after(PATIENCE):
        async with started("serve", "--sandbox", "--rate-limit", "0") as server:
            await server.shake_hands()
            await ask(server, range(1, 1001))
            memory, files = resident(server.process.pid), descriptors(server)
            await ask(server, range(1001, 11_001))
            assert resident(server.process.pid) - memory < 4_000_000
            assert descriptors(server) <= files


@pytest.mark.slow
async def test_a_stream_of_errors_leaves_the_server_well() -> None:
    wrong = [call(number, "list_contacts", limit=number) for number in range(1000, 1200)]
    unknown = [request(number, "no/such/method") for number in range(2000, 2200)]
    with anyio.fail_after(PATIENCE):
        async with started() as server:
            await server.shake_hands()
            answers = await ask_many(server, wrong + unknown)
            assert all(answer["result"]["isError"] for number, answer in answers.items() if number < 2000)
            assert all(answer["error"]["code"] == -32601 for number, answer in answers.items() if number >= 2000)
            assert await server.close() == 0


NO_STDERR = (
    "import os, sys; os.close(2); os.execv(sys.executable, [sys.executable, '-m', 'telecmi_mcp', 'serve', '--sandbox'])"
)


@pytest.mark.slow
async def test_a_client_that_closed_stderr_is_served() -> None:
    async with started("-c", NO_STDERR, command=[sys.executable]) as server:
        await server.shake_hands()
        assert (await server.ask(call(1, "get_contact", contact_id=JOHN)))["result"]["structuredContent"]
        assert await server.close() == 0


@pytest.mark.slow
async def test_a_socket_for_stdin_and_stdout_is_served() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox"]
            fd = theirs.fileno()
            process = await anyio.open_process(words, stdin=fd, stdout=fd, env=environment())
        ours.sendall(json.dumps(call(1, "get_contact", contact_id=JOHN)).encode() + b"\n")
        ours.shutdown(socket.SHUT_WR)
        with anyio.fail_after(PATIENCE):
            assert await process.wait() == 0
        assert json.loads(ours.recv(65536))["id"] == 1


@contextmanager
def ends_of(kind: str) -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe, or of a pair of sockets, as Node makes it."""
    if kind == "pipe":
        reads, writes = os.pipe()
    else:
        reads, writes = (each.detach() for each in socket.socketpair())
    try:
        yield reads, writes
    finally:
        for fd in (reads, writes):
            with suppress(OSError):  # closed by the test
                os.close(fd)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "greeted"),
    [
        ("pipe", True),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (("socket", True), ("pipe", False), ("socket", False))
        ),
    ],
)
async def test_a_client_that_dies_while_another_process_holds_the_input_ends_the_server(
    kind: str,
    greeted: bool,
) -> None:
    with ends_of(kind) as (stdin, held), ends_of(kind) as (answers, stdout):
        words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox"]
        async with await anyio.open_process(
            words, stdin=stdin, stdout=stdout, stderr=PIPE, env=environment()
        ) as server:
            os.close(stdout)
            if greeted:
                os.write(held, json.dumps(request(1, "no/such/method")).encode() + b"\n")  # it is no early answer
                with anyio.fail_after(PATIENCE):
                    await anyio.wait_readable(answers)
            os.close(answers)
            assert await Lines(server).wait() == 0
            assert await Lines(server).errors() == ""


@pytest.mark.slow
async def test_answers_go_on_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    with path.open("wb") as file, ends_of("pipe") as (stdin, held):
        words = [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox"]
        async with await anyio.open_process(words, stdin=stdin, stdout=file, stderr=PIPE, env=environment()) as server:
            os.write(held, b"".join(json.dumps(each).encode() + b"\n" for each in [*initialize(), request(1, "ping")]))
            with anyio.fail_after(PATIENCE):
                while path.read_bytes().count(b"\n") < 2:
                    await anyio.lowlevel.checkpoint()
            os.close(held)
            assert await Lines(server).wait() == 0
    assert json.loads(path.read_bytes().splitlines()[1]) == {"jsonrpc": "2.0", "id": 1, "result": {}}
