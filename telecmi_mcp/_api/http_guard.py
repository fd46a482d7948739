"""Streams between httpcore2's pool and a socket that hand out the bytes of one answer for each request, and no more.

httpcore2 gives all that it reads to h11, and h11 keeps bytes that follow an answer for the next request on the same
connection: the answer to somebody else's question would be taken for the answer to this one. So each answer is read by
an h11 of the stream's own first, and the connection is closed when more follows.
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

from telecmi_mcp._api.asyncio_backend import SocketBackend
from telecmi_mcp._api.limiters import Gate
from telecmi_mcp._api.preconnect import current_rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telecmi_mcp._api.asyncio_backend import SocketStream

_log = logging.getLogger(__name__)

KEEPALIVE_SECONDS = 120.0

on_bytes: ContextVar[Callable[[], None] | None] = ContextVar("on_bytes", default=None)
"""Is called whenever bytes arrive for the request that is made in this context."""

_GREETING = b"HTTP/"
_MAX_HEAD_BYTES = 100 * 1024  # of an answer's headers, or of one chunk's line: httpcore2's own limit
_CONNECT = h11.Request(method="CONNECT", target="host:443", headers=[("Host", "host:443")])
_POST = h11.Request(method="POST", target="/", headers=[("Host", "host")])
_SENT = h11.EndOfMessage()


class StaleConnectionError(httpcore2.ReadError):
    """A kept connection ended before the first byte of an answer, as one does that the other side has given up."""


class Connections:
    """Bounds the connections of several pools together, and counts those that were closed for surplus bytes.

    Where all are in use, the one that has been idle for longest is closed for a new one, whatever its pool is.

    Args:
        most: How many may be open at once.
        on_surplus: Is called when a connection is closed because bytes followed an answer, or came before a request.

    Attributes:
        surplus_count: How many connections were closed for that reason.
    """

    def __init__(self, most: int, on_surplus: Callable[[], object] = lambda: None) -> None:
        self.surplus_count = 0
        self._gate = Gate(most)
        self._idle: dict[_GuardedStream, GuardedBackend] = {}  # longest idle first
        self._on_surplus = on_surplus

    @property
    def has_room(self) -> bool:
        """Whether a connection can be had without waiting."""
        return self._gate.has_room or bool(self._idle)

    async def enter(self) -> None:
        """Wait until one more connection may be opened, and count it."""
        if not self._gate.has_room and self._idle:
            next(iter(self._idle)).abort()
        await self._gate.enter()

    def leave(self) -> None:
        """Note that a connection was closed."""
        self._gate.leave()

    def rest(self, stream: _GuardedStream, owner: GuardedBackend) -> None:
        """Note that a connection is idle; if others wait for a connection, it is closed for them."""
        if self._gate.is_awaited:
            stream.abort()
        else:
            self._idle[stream] = owner

    def wake(self, stream: _GuardedStream) -> None:
        """Note that a connection is not idle any more."""
        self._idle.pop(stream, None)

    def close_idle(self, owner: GuardedBackend) -> None:
        """Close the idle connections of one pool."""
        for stream in [each for each, its_owner in self._idle.items() if its_owner is owner]:
            stream.abort()

    def note_surplus(self) -> None:
        """Count a connection that is closed because of bytes that belong to no answer."""
        self.surplus_count += 1
        self._on_surplus()
        if self.surplus_count == 1:  # not for each: some boxes do it with every answer
            _log.warning(
                "TeleCMI, or a proxy on the way, sent bytes that belong to no answer. They were not read, and the "
                "connection was closed; so will others be, without another message."
            )


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens the guarded connections of one pool.

    Args:
        connections: Bounds them together with those of other pools.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._sockets = SocketBackend()
        self._ahead: anyio.CancelScope | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Open a connection, once one more may be opened.

        Raises:
            httpcore2.PoolTimeout: None may be opened within the timeout.
        """
        rehearsal = current_rehearsal()
        if rehearsal is None and self._ahead is not None:
            self._ahead.cancel()
        try:
            with anyio.fail_after(timeout):
                await self._connections.enter()
        except TimeoutError:
            raise httpcore2.PoolTimeout from None
        try:
            socket = await self._sockets.connect_tcp(host, port, timeout, local_address, socket_options)
        except BaseException:
            self._connections.leave()
            raise
        return _GuardedStream(socket, self, self._connections)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._sockets.sleep(seconds)

    def give_up_ahead(self, scope: anyio.CancelScope | None) -> None:
        """Cancel this scope as soon as somebody else opens a connection."""
        self._ahead = scope

    def close_idle(self) -> None:
        """Close the connections that are idle."""
        self._connections.close_idle(self)


class _GuardedStream(httpcore2.AsyncNetworkStream):
    """One connection: between its requests it is idle, and closed after two minutes."""

    def __init__(self, inner: SocketStream, backend: GuardedBackend, connections: Connections) -> None:
        self._inner = inner
        self._backend = backend
        self._connections = connections
        self._answer: h11.Connection | None = None  # reads the answer to the request that is under way
        self._first = b""  # bytes of that answer
        self._is_sent = False  # the request may have left
        self._is_kept = False  # a request was answered before
        self._is_over = False
        self._prepared = b""
        self._expiry: asyncio.TimerHandle | None = None
        if (rehearsal := current_rehearsal()) is not None:
            rehearsal.stream = self

    def answer_once(self, answer: bytes) -> None:
        """Send nothing of the next request, and let this be read as the answer."""
        self._prepared = answer

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._answer is None:
            self._begin(buffer)
        if not self._prepared:
            await self._inner.write(buffer, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._answer is None:
            raise httpcore2.RemoteProtocolError  # its answer is over: whoever asks for more reads it otherwise
        data, self._prepared = self._prepared, b""
        if not data:
            data = await self._read(max_bytes, timeout)
        if (heard := on_bytes.get()) is not None:
            heard()
        return self._taken(data, self._answer)

    async def aclose(self) -> None:
        self.abort()
        await self._inner.aclose()

    def abort(self) -> None:
        """Close at once."""
        if not self._is_over:
            self._leave()
            self._connections.leave()
            self._inner.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            if self._is_over:  # what followed the proxy's answer must not pass for bytes from inside of TLS
                raise ssl.SSLError("bytes before the handshake")  # noqa: TRY301 - the pool keeps a context only
            inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except ssl.SSLError as why:
            raise httpcore2.ConnectError from why
        except BaseException:
            self.abort()
            raise
        self._leave()
        return _GuardedStream(inner, self._backend, self._connections)

    def get_extra_info(self, info: str) -> Any:
        return self._is_readable() if info == "is_readable" else self._inner.get_extra_info(info)

    def _begin(self, request: bytes) -> None:
        if self._is_over:
            raise httpcore2.ConnectionNotAvailable  # closed since the pool looked: it takes another
        self._wake()
        self._answer = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._answer.send(_CONNECT if request.startswith(b"CONNECT ") else _POST)
        self._answer.send(_SENT)
        self._first = b""
        self._is_sent = False

    async def _read(self, max_bytes: int, timeout: float | None) -> bytes:
        if not self._is_sent:
            self._refuse_early_bytes()
            self._is_sent = True
        try:
            return await self._inner.read(max_bytes, timeout)
        except httpcore2.ReadError as why:
            raise self._ended() from why

    def _refuse_early_bytes(self) -> None:
        """The request is sent by the first read: what is there before that is no answer to it."""
        if self._is_kept and self._is_readable():
            raise httpcore2.ConnectionNotAvailable
        if early := self._inner.unread:
            self._connections.note_surplus()
            # A stranger greets, such as an SSH server; an answer that nobody asked for may be a box's.
            raise httpcore2.ReadError if early.startswith(_GREETING) else httpcore2.RemoteProtocolError

    def _taken(self, data: bytes, answer: h11.Connection) -> bytes:
        """Return what belongs to the answer of what was read."""
        if len(self._first) < len(_GREETING):
            self._first += data[: len(_GREETING) - len(self._first)]
            # h11 waits for a blank line: other protocols would be silence, or an interruption, and be tried again.
            if not _GREETING.startswith(self._first):
                raise httpcore2.RemoteProtocolError
        answer.receive_data(data)
        try:
            is_over = _is_over(answer)
        except h11.RemoteProtocolError as why:
            raise (httpcore2.RemoteProtocolError if data else self._ended()) from why
        if is_over:
            return data[: len(data) - self._finish(answer)]
        if not data:
            raise self._ended()
        return data

    def _finish(self, answer: h11.Connection) -> int:
        """End the answer, and return how many bytes follow it."""
        surplus = len(answer.trailing_data[0])
        self._answer = None
        self._is_kept = True
        if surplus:
            self._connections.note_surplus()
            self.abort()
        elif answer.their_state is not h11.SWITCHED_PROTOCOL:
            self._expiry = asyncio.get_running_loop().call_later(KEEPALIVE_SECONDS, self.abort)
            self._connections.rest(self, self._backend)
        return surplus

    def _ended(self) -> httpcore2.ReadError:
        """What to raise for a connection that ended before its answer did."""
        if self._first or not self._is_kept:
            return httpcore2.ReadError()
        self._backend.close_idle()  # which were given up too, as likely as not
        return StaleConnectionError()

    def _is_readable(self) -> bool:
        if self._is_over:
            return True
        is_readable = bool(self._inner.get_extra_info("is_readable"))
        if is_readable and self._inner.unread:
            self._connections.note_surplus()
            self.abort()
        return is_readable

    def _wake(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._connections.wake(self)

    def _leave(self) -> None:
        self._is_over = True
        self._wake()


def _is_over(answer: h11.Connection) -> bool:
    """Whether the answer is complete, by what was received so far.

    Raises:
        h11.RemoteProtocolError: It is none.
    """
    while (event := answer.next_event()) is not h11.NEED_DATA:
        if event is h11.PAUSED or isinstance(event, h11.EndOfMessage):
            return True
    return False
