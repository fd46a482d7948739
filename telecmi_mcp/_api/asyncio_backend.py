"""TCP and TLS below httpcore2's pool, on asyncio's own transports; asyncio is the one event loop this runs on.

httpcore2's own streams leave and join the event loop's selector for each piece that is read, and let the loop turn
for each that is written. These read all the time, up to a bound, and send a request in one piece.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2
from anyio.lowlevel import cancel_shielded_checkpoint
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    _Found = tuple[int, int, int, str, Any]  # what getaddrinfo tells of an address

MAX_UNREAD = 64 * 1024

_GLIMPSE = 16  # bytes that show who speaks

_NEXT_ADDRESS_SECONDS = 0.25  # before the next address of a name is tried beside the first (RFC 8305)


class SocketBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections on the running event loop."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> SocketStream:
        """Open a connection.

        Raises:
            httpcore2.ConnectTimeout: It took too long.
            httpcore2.ConnectError: It could not be opened; the cause says why.
        """
        try:
            with anyio.fail_after(timeout):
                connected = await _connect(host, port)
                # asyncio's own race of addresses leaves a socket open when it is cancelled at its end.
                transport, inbox = await asyncio.get_running_loop().create_connection(_Inbox, sock=connected)
        except TimeoutError as why:
            raise httpcore2.ConnectTimeout from why
        except (OSError, UnicodeError) as why:  # the latter for a name that cannot be one
            raise httpcore2.ConnectError from why
        return SocketStream(transport, inbox)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


async def _connect(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first of the host's addresses that answers.

    Raises:
        OSError: None does.
    """
    found = await _resolve(host, port)
    race = _Race()
    try:
        async with anyio.create_task_group() as tries:
            for family, _, _, _, address in _by_turns(found):
                tried = anyio.Event()
                tries.start_soon(race.run, family, address, tried, tries.cancel_scope)
                with anyio.move_on_after(_NEXT_ADDRESS_SECONDS):
                    await tried.wait()
    except BaseException:
        if race.winner is not None:
            race.winner.close()
        raise
    if race.winner is None:
        raise race.errors[0]
    return race.winner


async def _resolve(host: str, port: int) -> Sequence[_Found]:
    """Look a name up, in a thread of anyio's, of which one is there already; an address needs none.

    Raises:
        OSError: It is not known.
        UnicodeError: It cannot be a name.
    """
    name = host.encode("ascii")  # given text, Python would prepare it once more, and load tables for that
    try:
        return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        look_up = partial(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM)
        return await run_sync(look_up, abandon_on_cancel=True)


def _by_turns(found: Sequence[_Found]) -> list[_Found]:
    """An address of each family in turn: one of the two may lead nowhere."""
    families = [address[0] for address in found]
    places = [families[:place].count(family) for place, family in enumerate(families)]
    return [found[place] for place in sorted(range(len(found)), key=places.__getitem__)]


class _Race:
    """Connections to several addresses, of which the first to be there remains."""

    def __init__(self) -> None:
        self.winner: socket.socket | None = None
        self.errors: list[OSError] = []

    async def run(
        self,
        family: int,
        address: Any,
        tried: anyio.Event,
        others: anyio.CancelScope,
    ) -> None:
        """Try one address."""
        try:
            runner = await _connect_one(family, address)
        except OSError as why:
            self.errors.append(why)
            tried.set()
            return
        if self.winner is None:
            self.winner = runner
        else:
            runner.close()
        others.cancel()


async def _connect_one(family: int, address: Any) -> socket.socket:
    runner = socket.socket(family, socket.SOCK_STREAM)
    try:
        runner.settimeout(0)  # asyncio's condition
        # asyncio does this only for sockets that were made with the protocol's number. Without it a request that
        # follows the end of a handshake would wait for the other side's receipt.
        runner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(runner, address)
    except BaseException:
        runner.close()
        raise
    return runner


class _Inbox(asyncio.Protocol):
    """What has arrived and was not read yet, and whether more can come."""

    def __init__(self) -> None:
        self.unread = bytearray()
        self.ended = False
        self.error: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's: asyncio's signature is wider

    def data_received(self, data: bytes) -> None:
        self.unread += data
        if len(self.unread) > MAX_UNREAD and self.transport is not None:
            self.transport.pause_reading()
            self._paused = True
        _settle(self._waiter, in_time=True)

    def eof_received(self) -> None:
        self.ended = True
        _settle(self._waiter, in_time=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.error = exc
        _settle(self._waiter, in_time=True)

    def take(self, most: int) -> bytes:
        """Return what was not read yet; reading goes on, if it paused."""
        data = bytes(self.unread[:most])
        del self.unread[:most]
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def wait(self, seconds: float | None) -> None:
        """Wait until something arrives or the connection ends.

        Raises:
            TimeoutError: Neither happened within the seconds.
        """
        # A future and an alarm: a cancel scope for each piece costs four times as much.
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        alarm = None if seconds is None else loop.call_later(seconds, _ring, waiter)
        try:
            in_time = await waiter
        finally:
            self._waiter = None
            if alarm is not None:
                alarm.cancel()
        if not in_time:
            raise TimeoutError


def _ring(waiter: asyncio.Future[bool]) -> None:
    _settle(waiter, in_time=False)


def _settle(waiter: asyncio.Future[bool] | None, *, in_time: bool) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(in_time)


class SocketStream(httpcore2.AsyncNetworkStream):
    """One connection. What is written is held until an answer is read, so a request is one piece on its way."""

    def __init__(self, transport: asyncio.Transport, inbox: _Inbox) -> None:
        self._transport = transport
        self._inbox = inbox
        self._held = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        inbox = self._inbox
        if self._held:
            # Whoever does not take it does not answer either: the wait below has the limit for both.
            held, self._held = self._held, b""
            self._transport.write(held)
        if not (inbox.unread or inbox.ended):
            try:
                await inbox.wait(timeout)
            except TimeoutError as why:
                raise httpcore2.ReadTimeout from why
        if not inbox.unread and inbox.error is not None:
            raise httpcore2.ReadError from inbox.error
        return inbox.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._held += buffer

    async def aclose(self) -> None:
        self.abort()
        await cancel_shielded_checkpoint()  # in which the event loop closes the socket

    def abort(self) -> None:
        """Close at once; the event loop closes the socket in its next turn."""
        self._transport.abort()

    @property
    def unread(self) -> bytes:
        """The first bytes that have arrived and that nobody has read."""
        return bytes(self._inbox.unread[:_GLIMPSE])

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> SocketStream:
        try:
            with anyio.fail_after(timeout):
                return await self._started_tls(ssl_context, server_hostname)
        except TimeoutError as why:
            await self.aclose()
            raise httpcore2.ConnectTimeout from why
        except OSError as why:  # as all errors of TLS are
            await self.aclose()
            raise httpcore2.ConnectError from why
        except BaseException:
            await self.aclose()
            raise

    async def _started_tls(self, context: ssl.SSLContext, hostname: str | None) -> SocketStream:
        if self._inbox.unread:
            raise ssl.SSLError("bytes before the handshake")  # they would pass for bytes from inside of TLS
        if self._inbox.ended:
            raise ConnectionResetError
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self._inbox, context, server_hostname=hostname)
        if transport is None:  # it broke off at the end of the handshake
            raise ConnectionResetError
        self._inbox.transport = transport
        return SocketStream(transport, self._inbox)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._is_readable()
        names = {"ssl_object": "ssl_object", "socket": "socket", "server_addr": "peername", "client_addr": "sockname"}
        return self._transport.get_extra_info(names[info]) if info in names else None

    def _is_readable(self) -> bool:
        """Whether there is something to read: on an idle connection, mostly its end."""
        if self._inbox.unread or self._inbox.ended or self._transport.is_closing():
            return True
        # The event loop may not have looked since it came.
        number = self._transport.get_extra_info("socket").fileno()
        if sys.platform == "win32":  # it has no poll
            return bool(select.select([number], [], [], 0)[0])
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))
