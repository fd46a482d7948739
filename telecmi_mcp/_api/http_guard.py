"""Connections that must answer in HTTP: what begins otherwise is refused at its first bytes.

httpcore2 waits for the blank line after a head, so an SSH banner would be silence, and bytes that end without
such a line an interruption; both would be tried again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_GREETING = b"HTTP/"


class HttpBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections as another backend does, and listens to how each answer begins."""

    def __init__(self, inner: httpcore2.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Open a connection."""
        return _HttpStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


class _HttpStream(httpcore2.AsyncNetworkStream):
    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._seen = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's
        data = await self._inner.read(max_bytes, timeout)
        if len(self._seen) < len(_GREETING):
            self._seen += data[: len(_GREETING) - len(self._seen)]
            if not _GREETING.startswith(self._seen):
                raise httpcore2.RemoteProtocolError("not HTTP")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's
        self._seen = b""  # what follows a request is the beginning of its answer
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's signature
    ) -> httpcore2.AsyncNetworkStream:
        return _HttpStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore2's signature
        return self._inner.get_extra_info(info)
