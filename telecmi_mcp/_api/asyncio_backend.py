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
from contextlib import contextmanager
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2
from anyio.lowlevel import cancel_shielded_checkpoint
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
        with _connecting(timeout):
            return await _connect(host, port)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


@contextmanager
def _connecting(timeout_s: float | None) -> Iterator[None]:
    """Limit the time of a connection's start, and map its errors to httpcore2's."""
    try:
        with anyio.fail_after(timeout_s):
            yield
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout from error
    except (OSError, UnicodeError) as error:  # of TLS too; the latter for a name that is not valid
        raise httpcore2.ConnectError from error


async def _connect(host: str, port: int) -> AsyncioStream:
    """Return a connection to the first address of the host that accepts one.

    asyncio's own race of addresses loses a connection if it is cancelled at its end.

    Raises:
        OSError: No address does.
    """
    found = await _resolve(host, port)
    opened: list[AsyncioStream] = []
    errors: list[OSError] = []

    async def attempt(address: Any, failed: anyio.Event) -> None:
        try:
            opened.append(await _connect_one(address))
        except OSError as error:
            errors.append(error)
            failed.set()
        else:
            attempts.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as attempts:
            for *_, address in _alternating(found):
                failed = anyio.Event()
                attempts.start_soon(attempt, address, failed)
                with anyio.move_on_after(_NEXT_ADDRESS_DELAY_S):
                    await failed.wait()
        if opened:
            return opened.pop(0)
        raise errors[0]
    finally:
        for unused in opened:
            unused.abort()


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
    first = [each for each in found if each[0] == found[0][0]]
    other = [each for each in found if each[0] != found[0][0]]
    return [each for pair in zip_longest(first, other) for each in pair if each is not None]


async def _connect_one(address: Any) -> AsyncioStream:
    """Connect to an address as getaddrinfo returns it."""
    _, stream = await asyncio.get_running_loop().create_connection(AsyncioStream, *address[:2])
    return stream


class AsyncioStream(httpcore2.AsyncNetworkStream, asyncio.Protocol):
    """One connection. It holds what is written until the next read, so that a request is sent in one piece."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._unread = bytearray()
        self._has_ended = False
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream: asyncio's signature is wider

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) > MAX_UNREAD_BYTES:
            self._transport.pause_reading()
        self._changed.set()

    def eof_received(self) -> None:
        self._has_ended = True
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._error = exc
        self.eof_received()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._held:
            # A peer that does not read it does not answer either: the wait below has the timeout for both.
            held, self._held = self._held, b""
            self._transport.write(held)
        if not (self._unread or self._has_ended):
            await self._wait(timeout)
        if not self._unread and self._error is not None:
            raise httpcore2.ReadError from self._error
        data = bytes(self._unread[:max_bytes])
        del self._unread[:max_bytes]
        self._transport.resume_reading()
        return data

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
        return bytes(self._unread[:_PREVIEW_BYTES])

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncioStream:
        try:
            with _connecting(timeout):
                await self._shake_hands(ssl_context, server_hostname)
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._is_readable() if info == "is_readable" else self._transport.get_extra_info(info)

    async def _wait(self, timeout_s: float | None) -> None:
        """Wait until something arrives or the connection ends."""
        self._changed.clear()
        try:
            with anyio.fail_after(timeout_s):
                await self._changed.wait()
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error

    async def _shake_hands(self, context: ssl.SSLContext, hostname: str | None) -> None:
        if self._unread:
            raise ssl.SSLError("bytes before the handshake")  # they would pass for bytes from inside TLS
        if self._has_ended:
            raise ConnectionResetError
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=hostname)
        if transport is None:  # the connection ended at the end of the handshake
            raise ConnectionResetError
        self._transport = transport

    def _is_readable(self) -> bool:
        """Whether there is something to read: on an idle connection, usually its end."""
        if self._unread or self._has_ended or self._transport.is_closing():
            return True
        # The event loop may not have polled the socket since.
        descriptor = self._transport.get_extra_info("socket").fileno()
        if sys.platform == "win32":  # without poll
            return bool(select.select([descriptor], [], [], 0)[0])
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
