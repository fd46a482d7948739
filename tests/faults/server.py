"""A TeleCMI that misbehaves on purpose: a raw socket server that plays a script, one play for each try."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import anyio

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

_LINGER_NOT = struct.pack("ii", 1, 0)
_REMEMBERED = 1_000_000
_TICK = 0.02


async def rest() -> None:
    """Let all tasks read what has arrived."""
    for _ in range(30):  # a task that is not blocked by then costs a tenth of a second, after which anyio looks again
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()


@dataclass(slots=True)
class Visit:
    """One connection of a client, as a play sees it.

    Attributes:
        elsewhere: The address of another server, for redirects.
        sent: The first million bytes that were sent to clients, by any visit.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    elsewhere: str
    sent: bytearray

    async def send(self, data: bytes) -> None:
        """Send the bytes and wait until the client's side takes them."""
        self.sent += data[: _REMEMBERED - len(self.sent)]
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Reset the connection: the client sees "connection reset by peer"."""
        linger = self.writer.get_extra_info("socket")
        linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.writer.transport.abort()

    async def until_gone(self) -> None:
        """Wait until the client hangs up, whatever it says before."""
        while await self.reader.read(65536):
            pass

    async def gone_in_a_moment(self) -> bool:
        """Wait a fiftieth of a second, or less if the client hangs up: the beat of everything that drips."""
        try:
            async with asyncio.timeout(_TICK):
                await self.until_gone()
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Play:
    """What one try meets.

    Attributes:
        run: Plays it.
        at_once: It begins when the connection opens, before any request has been read.
        stays: The connection is kept for the next request, as HTTP/1.1 does.
    """

    run: Callable[[Visit], Awaitable[None]]
    at_once: bool = False
    stays: bool = False


@dataclass(slots=True)
class FaultServer:
    """Listens on loopback and plays its script; the last play of the script is repeated for ever.

    Attributes:
        tls: The server's side of TLS; ``None`` for plain TCP.
        proxy: The first request of a connection is a CONNECT; it is granted, and TLS begins inside.
        tries: Number of plays: requests that were read, or connections for plays "at once".
        connections: Number of accepted connections.
        asked: The JSON bodies of the requests, in order.
        played: Set when the last play has ended.
    """

    script: tuple[Play, ...] = ()
    elsewhere: str = ""
    tls: ssl.SSLContext | None = None
    proxy: bool = False
    tries: int = 0
    connections: int = 0
    asked: list[Any] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    read: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    played: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _server: asyncio.Server | None = None
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    def deaf(cls, *script: Play) -> Self:
        """Return a server that holds a port on which nothing listens until ``listen`` is called."""
        held = socket.socket()
        held.bind(("127.0.0.1", 0))
        return cls(script, _socket=held)

    @property
    def port(self) -> int:
        """The port that is held."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base URL without TLS."""
        return f"http://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        """Accept connections from now on."""
        tls = None if self.proxy else self.tls
        self._server = await asyncio.start_server(self._welcome, sock=self._socket, ssl=tls)

    async def close(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def play(self, *script: Play) -> None:
        """Begin another script, and count from nothing."""
        self.script = script
        self.tries = 0
        self.read.clear()
        self.left.clear()
        self.sent.clear()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        self.connections += 1
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError):  # clients leave when they have had enough
                await self._host(Visit(reader, writer, self.elsewhere, self.sent))
        finally:
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()
            self._visits.discard(task)
            self.left.set()

    async def _host(self, visit: Visit) -> None:
        if self.proxy:
            await _grant_tunnel(visit, self.tls)
        stays = True
        while stays:
            play = await self._next(visit)
            await play.run(visit)
            self.played.set()
            stays = play.stays

    async def _next(self, visit: Visit) -> Play:
        if self._due().at_once:
            return self._begin()
        self.asked.append(await _read_request(visit.reader))
        self.read.set()
        return self._begin()

    def _due(self) -> Play:
        return self.script[min(self.tries, len(self.script) - 1)]

    def _begin(self) -> Play:
        play = self._due()
        self.played.clear()
        self.tries += 1
        return play


async def _read_request(reader: asyncio.StreamReader) -> Any:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip() or b"0"
    body = await reader.readexactly(int(length))
    return json.loads(body) if body else None


async def _grant_tunnel(visit: Visit, tls: ssl.SSLContext | None) -> None:
    await visit.reader.readuntil(b"\r\n\r\n")
    if tls is None:
        return
    await visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await visit.writer.start_tls(tls)
