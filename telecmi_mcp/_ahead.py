"""A connection that is opened before it is needed: rehearsed by a pool of its own, then used by the pool of the calls.

The rehearsal is a request that is given up when its first byte would be sent. By then there is TLS, and a proxy has
been asked and has answered. Whoever opens the connection again hears the same answers, and goes on from there.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping

_BEFORE_A_REQUEST = "http11.send_request_headers.started"


class RehearsedError(Exception):
    """The connection is open, and the request that opened it goes no further."""


class Rehearsal(httpcore2.AsyncNetworkBackend):
    """Opens one connection as another backend does, and remembers how."""

    def __init__(self, inner: httpcore2.AsyncNetworkBackend) -> None:
        self._inner = inner
        self._taken: Spare | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Open the connection."""
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        self._taken = Spare(stream, (host, port))
        return self._taken

    async def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """End the rehearsal before a request is sent, other than to a proxy; for httpcore2's extension "trace".

        Raises:
            RehearsedError: It was about to be sent.
        """
        if event == _BEFORE_A_REQUEST and info["request"].method != b"CONNECT":
            if self._taken is not None:
                self._taken.is_ready = True
            raise RehearsedError

    def result(self) -> Spare | None:
        """Return the connection, if it is open."""
        return self._taken if self._taken is not None and self._taken.is_ready else None


class Spare(httpcore2.AsyncNetworkStream):
    """A connection that is opened twice: in the rehearsal, and for the call that uses it.

    Attributes:
        place: The host and port of TCP.
        is_ready: The rehearsal is over, and its pool's closing does not matter.
    """

    def __init__(self, inner: httpcore2.AsyncNetworkStream, place: tuple[str, int]) -> None:
        self.place = place
        self.is_ready = False
        self._inner = inner
        self._in_use = False
        self._said: deque[bytes] = deque()  # by a proxy, in the rehearsal

    def use(self) -> Spare:
        """Return it, for whoever opens a connection now."""
        self._in_use = True
        return self

    async def discard(self) -> None:
        """Close it, if nobody uses it."""
        if not self._in_use:
            await self._inner.aclose()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's
        if self._in_use and self._said:
            return self._said.popleft()
        data = await self._inner.read(max_bytes, timeout)
        if not self._in_use:
            self._said.append(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's
        if not (self._in_use and self._said):  # else it has been said, and answered
            await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        if self._in_use or not self.is_ready:
            await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
    ) -> httpcore2.AsyncNetworkStream:
        if not self._in_use:
            self._inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore2's signature
        return self._inner.get_extra_info(info)


class SpareBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections as another backend does, but the spare one first, once, if it still lives."""

    def __init__(self, inner: httpcore2.AsyncNetworkBackend) -> None:
        self._inner = inner
        self._spare: Spare | None = None
        self._opening: anyio.CancelScope | None = None

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Open a spare in this context: it is given up when somebody needs a connection before it is there."""
        with anyio.CancelScope() as self._opening:
            yield
        self._opening = None

    async def keep(self, spare: Spare, *, seconds: float) -> None:
        """Hand it to the next who needs a connection; after so many seconds, or when cancelled, close it."""
        self._spare = spare
        try:
            await anyio.sleep(seconds)
        finally:
            self._spare = None
            with anyio.CancelScope(shield=True):
                await spare.discard()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return the spare connection, or open one."""
        spare, self._spare = self._spare, None
        if spare is not None and spare.place == (host, port) and not spare.get_extra_info("is_readable"):
            return spare.use()
        if spare is not None:
            await spare.discard()
        if self._opening is not None:
            self._opening.cancel()
        return await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)
