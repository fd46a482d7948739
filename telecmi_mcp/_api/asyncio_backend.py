"""Network backend for httpcore2's pool on asyncio's transports: TCP, TLS and addresses.

httpcore2's own streams register with the event loop's selector for each read, and yield to the loop for each write.
These read all the time, up to a limit, and send a request in one piece, which saves at least
0.15 ms of CPU for each request, a seventh of a get (docs/performance.md).
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

    _AddressInfo = tuple[int, int, int, str, Any]  # an item of getaddrinfo's result

MAX_UNREAD_BYTES = 64 * 1024

_PREVIEW_BYTES = 16

_NEXT_ADDRESS_DELAY_S = 0.25  # RFC 8305


class AsyncioBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections on the running event loop."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncioStream:
        """Open a connection.

        Raises:
            httpcore2.ConnectTimeout: The timeout passed.
            httpcore2.ConnectError: It could not be opened; the cause says why.
        """
        try:
            with anyio.fail_after(timeout):
                connected = await _connect(host, port)
                # asyncio's own race of addresses leaks a socket if it is cancelled at its end.
                transport, buffer = await asyncio.get_running_loop().create_connection(_ReadBuffer, sock=connected)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except (OSError, UnicodeError) as error:  # the latter for a name that is not valid
            raise httpcore2.ConnectError from error
        return AsyncioStream(transport, buffer)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


async def _connect(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first address of the host that accepts.

    Raises:
        OSError: No address does.
    """
    found = await _resolve(host, port)
    race = _AddressRace()
    try:
        async with anyio.create_task_group() as attempts:
            for family, _, _, _, address in _alternating(found):
                failed = anyio.Event()
                attempts.start_soon(race.run, family, address, failed, attempts.cancel_scope)
                with anyio.move_on_after(_NEXT_ADDRESS_DELAY_S):
                    await failed.wait()
    except BaseException:
        if race.winner is not None:
            race.winner.close()
        raise
    if race.winner is None:
        raise race.errors[0]
    return race.winner


async def _resolve(host: str, port: int) -> Sequence[_AddressInfo]:
    """Look a name up in one of anyio's threads; parse an address without a thread.

    Raises:
        OSError: The name is unknown.
        UnicodeError: The name is not valid.
    """
    name = host.encode("ascii")  # for text, Python would load the tables of IDNA
    try:
        return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        look_up = partial(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM)
        return await run_sync(look_up, abandon_on_cancel=True)


def _alternating(found: Sequence[_AddressInfo]) -> list[_AddressInfo]:
    """Return the addresses of both families in turn: one family may not be routed."""
    families = [address[0] for address in found]
    places = [families[:place].count(family) for place, family in enumerate(families)]
    return [found[place] for place in sorted(range(len(found)), key=places.__getitem__)]


class _AddressRace:
    """Connects to several addresses and keeps the first connection."""

    def __init__(self) -> None:
        self.winner: socket.socket | None = None
        self.errors: list[OSError] = []

    async def run(
        self,
        family: int,
        address: Any,
        failed: anyio.Event,
        others: anyio.CancelScope,
    ) -> None:
        """Try one address."""
        try:
            connected = await _connect_one(family, address)
        except OSError as error:
            self.errors.append(error)
            failed.set()
            return
        if self.winner is None:
            self.winner = connected
        else:
            connected.close()
        others.cancel()


async def _connect_one(family: int, address: Any) -> socket.socket:
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.settimeout(0)  # asyncio requires it
        # asyncio sets this only on sockets that were created with a protocol number. Without it, a request after a
        # handshake would wait for the peer's ACK.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connected, address)
    except BaseException:
        connected.close()
        raise
    return connected


class _ReadBuffer(asyncio.Protocol):
    """Bytes that arrived and were not read yet."""

    def __init__(self) -> None:
        self.unread = bytearray()
        self.ended = False
        self.error: Exception | None = None
        self.transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream: asyncio's signature is wider

    def data_received(self, data: bytes) -> None:
        self.unread += data
        if len(self.unread) > MAX_UNREAD_BYTES and self.transport is not None:
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

    def take(self, max_bytes: int) -> bytes:
        """Remove and return unread bytes; resume reading if it was paused."""
        data = bytes(self.unread[:max_bytes])
        del self.unread[:max_bytes]
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        return data

    async def wait(self, timeout_s: float | None) -> None:
        """Wait until something arrives or the connection ends.

        Raises:
            TimeoutError: Neither happened in time.
        """
        # A future and a timer: a cancel scope for each read costs four times as much.
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if timeout_s is None else loop.call_later(timeout_s, _time_out, waiter)
        try:
            in_time = await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        if not in_time:
            raise TimeoutError


def _time_out(waiter: asyncio.Future[bool]) -> None:
    _settle(waiter, in_time=False)


def _settle(waiter: asyncio.Future[bool] | None, *, in_time: bool) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(in_time)


class AsyncioStream(httpcore2.AsyncNetworkStream):
    """One connection. It holds what is written until the next read, so that a request is sent in one piece."""

    def __init__(self, transport: asyncio.Transport, buffer: _ReadBuffer) -> None:
        self._transport = transport
        self._buffer = buffer
        self._held = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        buffer = self._buffer
        if self._held:
            # A peer that does not read it does not answer either: the wait below has the timeout for both.
            held, self._held = self._held, b""
            self._transport.write(held)
        if not (buffer.unread or buffer.ended):
            try:
                await buffer.wait(timeout)
            except TimeoutError as error:
                raise httpcore2.ReadTimeout from error
        if not buffer.unread and buffer.error is not None:
            raise httpcore2.ReadError from buffer.error
        return buffer.take(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._held += buffer

    async def aclose(self) -> None:
        self.abort()
        await cancel_shielded_checkpoint()  # the event loop closes the socket meanwhile

    def abort(self) -> None:
        """Close at once; the event loop closes the socket in its next iteration."""
        self._transport.abort()

    @property
    def unread(self) -> bytes:
        """The first unread bytes."""
        return bytes(self._buffer.unread[:_PREVIEW_BYTES])

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncioStream:
        try:
            with anyio.fail_after(timeout):
                return await self._shake_hands(ssl_context, server_hostname)
        except TimeoutError as error:
            await self.aclose()
            raise httpcore2.ConnectTimeout from error
        except OSError as error:  # as all errors of TLS are
            await self.aclose()
            raise httpcore2.ConnectError from error
        except BaseException:
            await self.aclose()
            raise

    async def _shake_hands(self, context: ssl.SSLContext, hostname: str | None) -> AsyncioStream:
        if self._buffer.unread:
            raise ssl.SSLError("bytes before the handshake")  # they would pass for bytes from inside TLS
        if self._buffer.ended:
            raise ConnectionResetError
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self._buffer, context, server_hostname=hostname)
        if transport is None:  # the connection ended at the end of the handshake
            raise ConnectionResetError
        self._buffer.transport = transport
        return AsyncioStream(transport, self._buffer)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._is_readable()
        names = {"ssl_object": "ssl_object", "socket": "socket", "server_addr": "peername", "client_addr": "sockname"}
        return self._transport.get_extra_info(names[info]) if info in names else None

    def _is_readable(self) -> bool:
        """Whether there is something to read: on an idle connection, usually its end."""
        if self._buffer.unread or self._buffer.ended or self._transport.is_closing():
            return True
        # The event loop may not have polled the socket since.
        descriptor = self._transport.get_extra_info("socket").fileno()
        if sys.platform == "win32":  # without poll
            return bool(select.select([descriptor], [], [], 0)[0])
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
