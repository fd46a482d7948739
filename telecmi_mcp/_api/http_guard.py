"""Network streams that give httpcore2's pool the bytes of one answer for each request.

httpcore2 passes everything that it reads to h11, and h11 keeps bytes that follow an answer for the next request on the
same connection: the answer to one account's request would be taken for the answer to another's. So each stream parses
its answer with an h11 of its own first, and closes the connection if more bytes follow.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import h11
import httpcore2

from telecmi_mcp._api.asyncio_backend import AsyncioBackend
from telecmi_mcp._api.limiters import ConcurrencyLimit
from telecmi_mcp._api.preconnect import current_dry_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telecmi_mcp._api.asyncio_backend import AsyncioStream

_log = logging.getLogger(__name__)

KEEPALIVE_S = 120.0

current_on_bytes: ContextVar[Callable[[], None] | None] = ContextVar("on_bytes", default=None)
"""Called whenever bytes arrive for the request that is made in this context."""

current_is_hedge: ContextVar[bool] = ContextVar("is_hedge", default=False)
"""Whether the request that is made in this context is a hedge, which may exceed the limit of connections."""

_handshake: ContextVar[_GuardedStream | None] = ContextVar("handshake", default=None)

_STATUS_LINE_START = b"HTTP/"
_LINE_END = b"\r\n"
_SOCKS5 = b"\x05"  # the first byte that a client sends to a SOCKS5 proxy (RFC 1928)
_REQUEST_STARTS = (b"POST ", b"CONNECT ")
_MAX_HEAD_BYTES = 100 * 1024  # of an answer's headers, or of one chunk's line: httpcore2's own limit
_CONNECT = h11.Request(method="CONNECT", target="host:443", headers=[("Host", "host:443")])
_POST = h11.Request(method="POST", target="/", headers=[("Host", "host")])
_END = h11.EndOfMessage()


class StaleConnectionError(httpcore2.ReadError):
    """A kept connection ended before the first byte of an answer: the other side had closed it."""


class Connections:
    """Limits the open connections of several pools together, and counts those closed for surplus bytes.

    If all are in use, the one that has been idle for longest is closed for a new one, whichever pool it belongs to.

    Args:
        limit: Maximum number of open connections. A hedge may open one more.
        on_surplus: Called when a connection is closed because bytes followed an answer, or preceded a request.

    Attributes:
        surplus_count: Number of connections that were closed for that reason.
    """

    def __init__(self, limit: int, on_surplus: Callable[[], object] = lambda: None) -> None:
        self.surplus_count = 0
        self._limit = ConcurrencyLimit(limit)
        self._idle: dict[_GuardedStream, GuardedBackend] = {}  # longest idle first
        self._on_surplus = on_surplus

    async def acquire(self, *, is_hedge: bool) -> bool:
        """Wait until another connection may be opened; return whether it counts into the limit.

        A hedge does not wait: those that it would wait for may be the silent ones.
        """
        if not self._limit.has_free_slot:
            if self._idle:
                next(iter(self._idle)).abort()
            elif is_hedge:
                return False
        await self._limit.acquire()
        return True

    def release(self) -> None:
        """Record that a counted connection was closed."""
        self._limit.release()

    def note_idle(self, stream: _GuardedStream, owner: GuardedBackend) -> None:
        """Record that a connection is idle; close it if a request waits for a connection."""
        if self._limit.has_waiters:
            stream.abort()
        else:
            self._idle[stream] = owner

    def note_busy(self, stream: _GuardedStream) -> None:
        """Record that a connection is no longer idle."""
        self._idle.pop(stream, None)

    def close_idle(self, owner: GuardedBackend) -> None:
        """Close the idle connections of one pool."""
        for stream in [each for each, its_owner in self._idle.items() if its_owner is owner]:
            stream.abort()

    def note_surplus(self) -> None:
        """Count a connection that is closed because of bytes that belong to no answer; log the first one only."""
        self.surplus_count += 1
        self._on_surplus()
        if self.surplus_count == 1:  # some proxies send such bytes with every answer
            _log.warning(
                "TeleCMI, or a proxy, sent bytes that belong to no answer. The connection was closed and the bytes "
                "were not read. Further connections are closed in the same way without a message."
            )


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens the guarded connections of one pool.

    Args:
        connections: Limits them together with those of other pools.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._network = AsyncioBackend()
        self._preconnect_scope: anyio.CancelScope | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Open a connection when the limit of connections allows it.

        Raises:
            httpcore2.PoolTimeout: The limit did not allow it within the timeout.
        """
        if current_dry_run() is None and self._preconnect_scope is not None:
            self._preconnect_scope.cancel()
        try:
            with anyio.fail_after(timeout):
                is_counted = await self._connections.acquire(is_hedge=current_is_hedge.get())
        except TimeoutError:
            raise httpcore2.PoolTimeout from None
        try:
            stream = await self._network.connect_tcp(host, port, timeout, local_address, socket_options)
        except BaseException:
            if is_counted:
                self._connections.release()
            raise
        return _GuardedStream(stream, self, self._connections, is_counted=is_counted)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)

    def set_preconnect_scope(self, scope: anyio.CancelScope | None) -> None:
        """Set the scope that is cancelled when a request of a call opens a connection."""
        self._preconnect_scope = scope

    def close_idle(self) -> None:
        """Close the idle connections."""
        self._connections.close_idle(self)


class _GuardedStream(httpcore2.AsyncNetworkStream):
    """One connection. It is idle between its requests, and closed after two idle minutes."""

    def __init__(
        self, inner: AsyncioStream, backend: GuardedBackend, connections: Connections, *, is_counted: bool
    ) -> None:
        self._inner = inner
        self._backend = backend
        self._connections = connections
        self._is_counted = is_counted
        self._answer: h11.Connection | None = None  # parses the answer to the request that is under way
        self._is_handshake = False  # a SOCKS proxy is being asked: no HTTP yet
        self._first = b""  # bytes of that answer
        self._is_sent = False  # the request may have been sent
        self._is_reused = False  # an earlier request was answered
        self._is_closed = False
        self._prepared = b""
        self._expiry: asyncio.TimerHandle | None = None
        if (dry_run := current_dry_run()) is not None:
            dry_run.stream = self

    def answer_once(self, answer: bytes) -> None:
        """Send nothing of the next request, and let these bytes be read as its answer."""
        self._prepared = answer

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._answer is None:
            self._begin(buffer)
        if not self._prepared:
            await self._inner.write(buffer, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._is_handshake:
            return await self._inner.read(max_bytes, timeout)
        if self._answer is None:
            raise httpcore2.RemoteProtocolError  # the answer is complete: a reader that wants more parses it otherwise
        data, self._prepared = self._prepared, b""
        if not data:
            data = await self._read(max_bytes, timeout)
        if (on_bytes := current_on_bytes.get()) is not None:
            on_bytes()
        return self._taken(data, self._answer)

    async def aclose(self) -> None:
        self.abort()
        await self._inner.aclose()

    def abort(self) -> None:
        """Close at once."""
        if not self._is_closed:
            self._detach()
            if self._is_counted:
                self._connections.release()
            self._inner.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            if self._is_closed:  # bytes followed the proxy's answer: they must not pass for bytes from inside TLS
                raise ssl.SSLError("bytes before the handshake")  # noqa: TRY301 - the pool keeps a context only
            inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except ssl.SSLError as error:
            raise httpcore2.ConnectError from error
        except BaseException:
            self.abort()
            raise
        self._detach()
        return _GuardedStream(inner, self._backend, self._connections, is_counted=self._is_counted)

    def abort_handshake(self) -> None:
        """Close at once if a SOCKS proxy has not answered yet, or refused."""
        if self._is_handshake:
            self.abort()

    def get_extra_info(self, info: str) -> Any:
        return self._is_readable() if info == "is_readable" else self._inner.get_extra_info(info)

    def _begin(self, request: bytes) -> None:
        """Prepare for the answer to a request. What is sent to a SOCKS proxy before it passes unread."""
        if self._is_closed:
            raise httpcore2.ConnectionNotAvailable  # closed since the pool checked it: the pool takes another
        self._is_handshake = request.startswith(_SOCKS5) or (
            self._is_handshake and not request.startswith(_REQUEST_STARTS)
        )
        if self._is_handshake:
            _handshake.set(self)
            return
        self._note_busy()
        self._answer = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._answer.send(_CONNECT if request.startswith(b"CONNECT ") else _POST)
        self._answer.send(_END)
        self._first = b""
        self._is_sent = False

    async def _read(self, max_bytes: int, timeout: float | None) -> bytes:
        if not self._is_sent:
            self._reject_early_bytes()
            self._is_sent = True
        try:
            data = await self._inner.read(max_bytes, timeout)
            while self._is_before_status_line and data and not data.strip(_LINE_END):
                data = await self._inner.read(max_bytes, timeout)
        except httpcore2.ReadError as error:
            raise self._end_error() from error
        return data.lstrip(_LINE_END) if self._is_before_status_line else data

    @property
    def _is_before_status_line(self) -> bool:
        """Whether line ends that arrive now follow the body of an earlier answer, as some servers send them."""
        return self._is_reused and not self._first

    def _reject_early_bytes(self) -> None:
        """Reject bytes that arrived before the first read, which sends the request: they are no answer to it."""
        if self._is_reused and self._is_readable():
            raise httpcore2.ConnectionNotAvailable
        if early := self._inner.unread:
            # An SSH server sends its banner first. Bytes of HTTP that nothing asked for may come from a proxy.
            if not _STATUS_LINE_START.startswith(early[: len(_STATUS_LINE_START)].lstrip(_LINE_END)):
                raise httpcore2.RemoteProtocolError
            self._connections.note_surplus()
            raise httpcore2.ReadError

    def _taken(self, data: bytes, answer: h11.Connection) -> bytes:
        """Return the part of the data that belongs to the answer."""
        if len(self._first) < len(_STATUS_LINE_START):
            self._first += data[: len(_STATUS_LINE_START) - len(self._first)]
            # h11 waits for a blank line: other protocols would look like silence or an interruption, and be retried.
            if not _STATUS_LINE_START.startswith(self._first):
                raise httpcore2.RemoteProtocolError
        answer.receive_data(data)
        try:
            is_complete = _is_complete(answer)
        except h11.RemoteProtocolError as error:
            raise (httpcore2.RemoteProtocolError if data else self._end_error()) from error
        if is_complete:
            return data[: len(data) - self._finish(answer)]
        if not data:
            raise self._end_error()
        return data

    def _finish(self, answer: h11.Connection) -> int:
        """End the answer, and return the number of bytes that follow it."""
        surplus = len(answer.trailing_data[0])
        self._answer = None
        self._is_reused = True
        if surplus:
            self._connections.note_surplus()
        if surplus or not self._is_counted:
            self.abort()
        elif answer.their_state is not h11.SWITCHED_PROTOCOL:
            self._expiry = asyncio.get_running_loop().call_later(KEEPALIVE_S, self.abort)
            self._connections.note_idle(self, self._backend)
        return surplus

    def _end_error(self) -> httpcore2.ReadError:
        """Return the error of a connection that ended before its answer did."""
        if self._first or not self._is_reused:
            return httpcore2.ReadError()
        self._backend.close_idle()  # the other side has probably closed these too
        return StaleConnectionError()

    def _is_readable(self) -> bool:
        if self._is_closed:
            return True
        is_readable = bool(self._inner.get_extra_info("is_readable"))
        if is_readable and self._inner.unread:
            self._connections.note_surplus()
            self.abort()
        return is_readable

    def _note_busy(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._connections.note_busy(self)

    def _detach(self) -> None:
        self._is_closed = True
        self._is_handshake = False
        self._note_busy()


def abort_handshake() -> None:
    """Close the connection whose handshake with a SOCKS proxy failed in this context: httpcore2 leaves it open."""
    if (stream := _handshake.get()) is not None:
        stream.abort_handshake()


def _is_complete(answer: h11.Connection) -> bool:
    """Return whether the answer is complete.

    Raises:
        h11.RemoteProtocolError: It is not HTTP.
    """
    while (event := answer.next_event()) is not h11.NEED_DATA:
        if event is h11.PAUSED or isinstance(event, h11.EndOfMessage):
            return True
    return False
