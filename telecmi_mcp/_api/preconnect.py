"""A connection that is opened before it is needed: by a request of the pool's own, which is answered here.

When its first byte would be sent there is TLS, and a proxy has been asked and has answered. From there on nothing is
sent, and a prepared answer is read: the pool is left with an idle connection, and its code has run once.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping

_BEFORE_A_REQUEST = "http11.send_request_headers.started"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class RehearsedError(Exception):
    """A request that only rehearses was about to be sent to TeleCMI."""


class Rehearsal:
    """One request that is answered here, on a connection that is opened for it.

    Args:
        body: What the answer holds.
    """

    def __init__(self, body: bytes) -> None:
        self._answer = _HEAD % len(body) + body
        self._stage: _Stage | None = None

    async def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Answer before a request is sent, other than to a proxy; for httpcore2's extension "trace".

        Raises:
            RehearsedError: The connection is not this rehearsal's: it would be sent.
        """
        if event == _BEFORE_A_REQUEST and info["request"].method != b"CONNECT":
            if self._stage is None:
                raise RehearsedError
            self._stage.answer_once(self._answer)

    def over(self, stream: httpcore2.AsyncNetworkStream) -> httpcore2.AsyncNetworkStream:
        """Return what the request may be sent over."""
        self._stage = _Stage(stream)
        return self._stage

    async def close_unused(self, *, after: float) -> None:
        """Close the connection, unless it was used within so many seconds."""
        await anyio.sleep(after)
        if self._stage is not None and not self._stage.is_used:
            await self._stage.aclose()  # which the pool notices when it is about to use it


_REHEARSAL: ContextVar[Rehearsal | None] = ContextVar("rehearsal", default=None)


def current_rehearsal() -> Rehearsal | None:
    """Return the rehearsal that a request belongs to."""
    return _REHEARSAL.get()


class _Stage(httpcore2.AsyncNetworkStream):
    """A connection that can answer one request by itself.

    Attributes:
        is_used: Something was sent since that answer.
    """

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self.is_used = False
        self._inner = inner
        self._answer = b""

    def answer_once(self, answer: bytes) -> None:
        """Send nothing until this is read as the answer."""
        self._answer = answer
        self.is_used = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's
        if self._answer:
            answer, self._answer = self._answer, b""
            return answer
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's
        if not self._answer:
            self.is_used = True
            await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
    ) -> httpcore2.AsyncNetworkStream:
        self._inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore2's signature
        return self._inner.get_extra_info(info)


class RehearsingBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections as another backend does, and gives a rehearsal up when somebody else needs one meanwhile."""

    def __init__(self, inner: httpcore2.AsyncNetworkBackend) -> None:
        self._inner = inner
        self._opening: anyio.CancelScope | None = None

    @contextmanager
    def rehearsing(self, rehearsal: Rehearsal) -> Iterator[None]:
        """Rehearse in this context: all requests that are made in it."""
        mark = _REHEARSAL.set(rehearsal)
        try:
            with anyio.CancelScope() as self._opening:
                yield
        finally:
            self._opening = None
            _REHEARSAL.reset(mark)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Open a connection."""
        rehearsal = current_rehearsal()
        if rehearsal is None and self._opening is not None:
            self._opening.cancel()
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return stream if rehearsal is None else rehearsal.over(stream)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)
