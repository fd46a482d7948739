"""Callers of a team server that misbehave, beside those whose calls are measured.

Each has one habit, and keeps to it until the load ends: slow bodies, two Authorization headers, bytes that are no HTTP,
invented keys, idle connections, and requests that it does not wait for. Half of them reach a replica past nginx.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.team_callers import LEGACY, call_body

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

_IDLE_CONNECTIONS = 40
_STEP_S = 0.2
_ANSWER_TIMEOUT_S = 30.0
_GARBAGE_BYTES = 2000
_SLOW_LENGTH = 5000
_BODY = call_body("list_contacts", {"limit": 5}, LEGACY)


@dataclass(slots=True)
class Misbehaving:
    """One caller that misbehaves.

    Attributes:
        url: The address of ``/mcp`` that it calls.
        tls: How it knows nginx; ``None`` past nginx.
        key: Its own access key.
        other_key: Another caller's.
        statuses: How often it was answered with which HTTP status.
    """

    url: str
    tls: ssl.SSLContext | None
    key: str
    other_key: str
    seed: int
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def habit(self) -> Callable[[Misbehaving], Awaitable[None]]:
        """What it does again and again."""
        return HABITS[self.seed % len(HABITS)]

    async def work(self, until: float) -> None:
        """Misbehave until a time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                while True:
                    with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                        await self.habit(self)
                    await asyncio.sleep(_STEP_S)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        parts = urlsplit(self.url)
        return await asyncio.open_connection(parts.hostname, parts.port, ssl=self.tls)

    def head(self, *keys: str, length: int = len(_BODY)) -> bytes:
        """Return the head of a call with an Authorization header for each key."""
        parts = urlsplit(self.url)
        lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"MCP-Protocol-Version: {LEGACY}"]
        lines += [f"Authorization: Bearer {key}" for key in keys]
        lines += ["Accept: application/json, text/event-stream", "Content-Type: application/json"]
        return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()

    async def note_status(self, reader: asyncio.StreamReader) -> None:
        """Read the status line of an answer and count it."""
        status = "none"
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                status = (await reader.readuntil(b"\r\n")).split()[1].decode("ascii", "replace")
        self.statuses[status] += 1


async def send_slow_body(caller: Misbehaving) -> None:
    """Send a body byte by byte."""
    reader, writer = await caller.connect()
    try:
        writer.write(caller.head(caller.key, length=_SLOW_LENGTH))
        answer = asyncio.create_task(caller.note_status(reader))
        while not answer.done():
            writer.write(b" ")
            await writer.drain()
            await asyncio.wait([answer], timeout=_STEP_S)
    finally:
        writer.transport.abort()


async def send_two_keys(caller: Misbehaving) -> None:
    """Send two Authorization headers, one of which is another caller's."""
    await _ask(caller, caller.head(caller.key, caller.other_key) + _BODY)


async def send_garbage(caller: Misbehaving) -> None:
    """Send bytes that are no HTTP."""
    await _ask(caller, random.Random(time.monotonic_ns()).randbytes(_GARBAGE_BYTES) + b"\r\n\r\n")  # noqa: S311 - noise


async def send_invented_key(caller: Misbehaving) -> None:
    """Send a key that nobody has."""
    await _ask(caller, caller.head(f"tmk_{secrets.token_urlsafe(32)}") + _BODY)


async def stay_idle(caller: Misbehaving) -> None:
    """Open connections, and hold them without a word."""
    opened = await asyncio.gather(*(caller.connect() for _ in range(_IDLE_CONNECTIONS)), return_exceptions=True)
    try:
        await asyncio.sleep(_ANSWER_TIMEOUT_S)
    finally:
        for each in opened:
            if not isinstance(each, BaseException):
                each[1].transport.abort()


async def hang_up(caller: Misbehaving) -> None:
    """Send a whole call, and close the connection before its answer."""
    _, writer = await caller.connect()
    writer.write(caller.head(caller.key) + _BODY)
    await writer.drain()
    writer.transport.abort()
    caller.statuses["left"] += 1


async def _ask(caller: Misbehaving, request: bytes) -> None:
    reader, writer = await caller.connect()
    try:
        writer.write(request)
        await caller.note_status(reader)
    finally:
        writer.transport.abort()


HABITS = (send_slow_body, send_two_keys, send_garbage, send_invented_key, stay_idle, hang_up)
NEVER_ANSWERED = (send_two_keys, send_garbage, send_invented_key)
"""Habits whose requests a server must never answer with 200."""
