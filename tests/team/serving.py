"""A team server as a real process on loopback, and a TeleCMI that answers when the test says so."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from asyncio import Event, IncompleteReadError, StreamReader, StreamWriter, start_server
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio

from e2e.lines import MODERN, PATIENCE, environment, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
VERSIONS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}


class Served:
    """The process, where it listens, and what it said before it told that."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url, self.said_before = _read_url(process)

    def stop(self, *numbers: signal.Signals) -> tuple[int, str]:
        """Send signals; return the exit code and what else it said."""
        for number in numbers:
            self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextmanager
def served(
    *flags: str, env: dict[str, str] | None = None, command: Sequence[str] = (), pass_fds: Sequence[int] = ()
) -> Iterator[Served]:
    """Start the server, by default ``serve --http`` on any free port, and end it whatever happens."""
    words = [*(command or (sys.executable, "-m", "telecmi_mcp", "serve", "--http", "127.0.0.1:0")), *flags]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=pass_fds,
        start_new_session=True,  # its workers end with it
        env={"TELECMI_AUDIT": "off", **(env or environment())},  # which is not what these tests look at
    )
    with process:
        try:
            yield Served(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _read_url(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"(http://127\.0\.0\.1:\d+)|running on socket", line):
            return f"{found.group(1)}/mcp", "".join(said)  # uvicorn does not tell where a descriptor listens
    raise AssertionError("".join(said))


def message(generation: str, method: str, **params: Any) -> tuple[dict[str, str], bytes]:
    """The headers and the body of one request, as a client of this generation sends it without a session."""
    headers = {**JSON, "mcp-protocol-version": VERSIONS[generation]}
    if generation == "legacy":
        return headers, json.dumps(request(1, method, **params)).encode()
    named = {"mcp-name": params["name"]} if "name" in params else {}
    return {**headers, "mcp-method": method, **named}, json.dumps(request(1, method, **params, **MODERN)).encode()


class SlowTelecmi:
    """Answers a request for contacts once it may."""

    def __init__(self) -> None:
        self.asked = Event()
        self.may_answer = Event()
        self.was_left = Event()
        self.url = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection, one request."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except IncompleteReadError:  # one that was opened in advance
            writer.close()
            return
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))  # type: ignore[union-attr]  # it is there
        await reader.readexactly(length)
        self.asked.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, reader)
            await self.may_answer.wait()
            tasks.cancel_scope.cancel()
        body = json.dumps({"code": 200, "contacts": [], "count": 0}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async def _watch(self, reader: StreamReader) -> None:
        await reader.read()
        self.was_left.set()
        self.may_answer.set()


@asynccontextmanager
async def opened_slow_telecmi() -> AsyncIterator[tuple[SlowTelecmi, dict[str, str]]]:
    """Serve it on loopback; the environment of a server that asks it."""
    telecmi = SlowTelecmi()
    async with await start_server(telecmi.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield (
                telecmi,
                environment(
                    TELECMI_BASE_URL=f"http://127.0.0.1:{port}", TELECMI_TOKEN="invented", TELECMI_TIMEOUT="100"
                ),
            )
        finally:
            telecmi.may_answer.set()
