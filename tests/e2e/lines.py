"""A real server process, spoken to in raw lines: one request a line, whatever the SDK's client would say."""

from __future__ import annotations

import json
import os
import sys
from contextlib import asynccontextmanager
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

if TYPE_CHECKING:
    import signal
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from anyio.abc import Process

PATIENCE = 120  # against hanging only: on a busy machine a start alone takes 15 s
MODERN = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "lines", "version": "1"},
    }
}


def request(request_id: int | str, method: str, **params: Any) -> dict[str, Any]:
    """One JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def call(request_id: int | str, tool: str, **arguments: Any) -> dict[str, Any]:
    """One tools/call."""
    return request(request_id, "tools/call", name=tool, arguments=arguments)


def initialize(version: str = "2025-11-25") -> list[dict[str, Any]]:
    """The handshake: a request with the id 0 and its notification."""
    info = {"name": "lines", "version": "1"}
    hello = request(0, "initialize", protocolVersion=version, capabilities={}, clientInfo=info)
    return [hello, {"jsonrpc": "2.0", "method": "notifications/initialized"}]


def environment(**variables: str) -> dict[str, str]:
    """This environment without anything of TeleCMI's or a proxy's, nor a sign-in, and with the variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TELECMI_") and not name.lower().endswith("_proxy")
    }
    return {**kept, "PYTHONWARNINGS": "default", "XDG_STATE_HOME": "/dev/null/nowhere", **variables}


class Lines:
    """The process and its two ends."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._stdout = BufferedByteReceiveStream(process.stdout) if process.stdout else None

    async def send(self, *messages: dict[str, Any] | bytes) -> None:
        """Write messages, or bytes as they are."""
        assert self.process.stdin is not None
        for message in messages:
            await self.process.stdin.send(
                message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            )

    async def receive(self) -> dict[str, Any]:
        """Read one message; whatever is no JSON object on stdout fails here."""
        assert self._stdout is not None
        with anyio.fail_after(PATIENCE):
            line = await self._stdout.receive_until(b"\n", 64 * 1024 * 1024)
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return its answer; nothing else may come in between."""
        await self.send(message)
        answer = await self.receive()
        assert answer.get("id") == message["id"], answer
        return answer

    async def shake_hands(self, version: str = "2025-11-25") -> dict[str, Any]:
        """Initialize and return the answer."""
        hello, done = initialize(version)
        answer = await self.ask(hello)
        await self.send(done)
        return answer

    async def close(self) -> int:
        """Close its input and return the exit code."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()
        return await self.wait()

    async def stop(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return await self.wait()

    async def wait(self) -> int:
        """Return the exit code."""
        with anyio.fail_after(PATIENCE):
            return await self.process.wait()

    async def errors(self) -> str:
        """All of stderr, once the process is gone."""
        assert self.process.stderr is not None
        return b"".join([piece async for piece in self.process.stderr]).decode()


@asynccontextmanager
async def started(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = (),
    cwd: Path | None = None,
) -> AsyncIterator[Lines]:
    """Start the server, by default over the sandbox, and end it whatever happens."""
    words = [*(command or (sys.executable, "-m", "telecmi_mcp")), *(arguments or ("serve", "--sandbox"))]
    process = await anyio.open_process(words, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env or environment(), cwd=cwd)
    async with process:
        try:
            yield Lines(process)
        finally:
            if process.returncode is None:
                process.kill()


async def piped(
    data: bytes, *arguments: str, env: Mapping[str, str] | None = None
) -> tuple[int, list[dict[str, Any]], str]:
    """Pipe bytes in, close at once, and return the exit code, the messages and stderr."""
    words = [sys.executable, "-m", "telecmi_mcp", *(arguments or ("serve", "--sandbox"))]
    with anyio.fail_after(PATIENCE):
        done = await anyio.run_process(words, input=data, env=env or environment(), check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()
