"""One bounded POST, and the one place where httpx2's errors become ours.

httpx2 has no total deadline and no cap on a body; the caller brings the first, this module the second.
"""

from __future__ import annotations

import json
import logging
import math
import socket
import ssl
import time
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx2
from anyio.to_thread import run_sync

from telecmi_mcp import __version__, errors
from telecmi_mcp._api.asyncio_backend import SocketBackend
from telecmi_mcp._api.preconnect import Rehearsal, RehearsingBackend, current_rehearsal
from telecmi_mcp._api.protocol import retry_after_seconds
from telecmi_mcp._api.transport import KEEPALIVE_SECONDS, MAX_CONNECTIONS, Route, load_certificates
from telecmi_mcp._config.variables import is_loopback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_log = logging.getLogger(__name__)

MAX_BODY = 8 * 1024 * 1024

_PIECE = 64 * 1024
_DIGITS_OF_A_LENGTH = 19
AHEAD_SECONDS = 10.0  # after which a connection that nobody waits for is given up

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    # gzip alone: it is the one coding that is decoded here, piece by piece and bounded.
    "Accept-Encoding": "gzip",
    "Connection": "keep-alive",
    "User-Agent": f"telecmi-mcp/{__version__}",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, the decoded body, and the seconds of a Retry-After header."""

    status: int
    body: bytes
    retry_after: float | None = None


@dataclass(slots=True)
class UpstreamHealth:
    """When TeleCMI last answered, and when it last failed to, on the monotonic clock."""

    answered_at: float = -math.inf
    failed_at: float = -math.inf

    def note(self, error: errors.TelecmiError | None) -> None:
        """Note how a request ended: a refusal is an answer too."""
        if isinstance(error, errors.NetworkError | errors.ServiceError):
            self.failed_at = time.monotonic()
        else:
            self.answered_at = time.monotonic()


class Channel:
    """POSTs JSON to one host, over connections that are opened when they are first needed, the first one in advance.

    Redirects are never followed, since the token is in the body. Cookies are never kept.

    Attributes:
        outlook: Whether the other side answers, as whoever reads its answers notes.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.upstream_health = UpstreamHealth()
        self._base_url = base_url
        self._connections = connections
        self._host = urlsplit(base_url).hostname or ""
        self._headers = httpx2.Headers(_HEADERS)  # taken apart once
        self._urls: dict[str, httpx2.URL] = {}
        self._stand_in = transport
        self._backend = RehearsingBackend(SocketBackend())
        self._certificates: ssl.SSLContext | None = None
        self._route: Route | None = None
        self._loading = anyio.Lock()
        self._went_ahead = False

    async def post(self, path: str, body: dict[str, Any], *, patience: float) -> Answer:
        """Send one request and return its whole answer.

        Args:
            path: The path below the base URL, from a slash.
            body: What is sent as JSON.
            patience: Seconds without a byte after which the attempt is given up.

        Raises:
            NetworkError: There is no answer.
            ServiceError: There is one, and it cannot be used.
        """
        try:
            return await self._post(path, body, patience)
        except (httpx2.HTTPError, OSError) as error:
            explained = _explain(error, host=self._host, patience=patience)
        # Raised out here, to have no context: its text may hold an answer's bytes, its request the token.
        raise explained

    async def connect_ahead(self, rehearse: Callable[[], Awaitable[object]], body: bytes) -> None:
        """Open a connection for the first request, without a byte of a request, and keep it for as long as others.

        Only the first time, and only before the first request. What goes wrong is met, and told, by that request.

        Args:
            rehearse: Posts something, which is not sent.
            body: What it is answered.
        """
        if self._stand_in is not None or self._route is not None or self._went_ahead:
            return
        self._went_ahead = True
        rehearsal = Rehearsal(body)
        try:
            with self._backend.rehearsing(rehearsal), anyio.move_on_after(AHEAD_SECONDS):
                await rehearse()
        except Exception as why:  # noqa: BLE001 - as said
            _log.debug("no connection in advance: %s", type(why).__name__)
            return
        await rehearsal.close_unused(after=KEEPALIVE_SECONDS)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._route is not None:
            await self._route.aclose()

    async def _post(self, path: str, body: dict[str, Any], patience: float) -> Answer:
        transport = self._stand_in or (await self._opened()).transport
        response = await transport.handle_async_request(self._request(path, body, patience))
        try:
            # A redirect's body is not wanted, whatever it is, and need not end.
            content = b"" if response.is_redirect else await _read_body(response)
        except errors.CorruptAnswer:
            if not response.is_error:
                raise
            content = b""  # the status says enough
        finally:
            await response.aclose()
        wait = retry_after_seconds(response.headers.get("Retry-After"), now=time.time())
        return Answer(response.status_code, content, wait)

    def _request(self, path: str, body: dict[str, Any], patience: float) -> httpx2.Request:
        url = self._urls.get(path)
        if url is None:  # to take an address apart costs as much as to write the body
            url = self._urls[path] = httpx2.URL(self._base_url + path)
        content = json.dumps(body, separators=(",", ":")).encode()
        extensions: dict[str, Any] = {
            "timeout": {"connect": patience, "read": patience, "write": patience, "pool": patience}
        }
        if (rehearsal := current_rehearsal()) is not None:
            extensions["trace"] = rehearsal.watch
        return httpx2.Request("POST", url, headers=self._headers, content=content, extensions=extensions)

    async def _opened(self) -> Route:
        if self._route is None:
            certificates = await self._trusted()
            self._route = self._route or self._routed(certificates)
        return self._route

    def _routed(self, certificates: ssl.SSLContext) -> Route:
        try:
            return Route(self._base_url, certificates, self._backend, connections=self._connections)
        except (ImportError, ValueError, httpx2.InvalidURL) as why:
            # SOCKS without its extra, a proxy that is no URL.
            raise errors.ProxyOrCertificate(detail=type(why).__name__) from None

    async def _trusted(self) -> ssl.SSLContext:
        """The certificates, which are loaded when they are first needed: it takes longer than a start may."""
        async with self._loading:
            if self._certificates is None:
                load = partial(load_certificates, self._base_url)
                try:
                    # In a thread: for so long nothing else could be answered. For http:// nothing is loaded.
                    at_once = self._base_url.startswith("http:")
                    self._certificates = load() if at_once else await run_sync(load, abandon_on_cancel=True)
                except (OSError, ValueError) as why:  # a file that is not there, or holds none
                    raise errors.ProxyOrCertificate(detail=type(why).__name__) from None
            return self._certificates


async def _read_body(response: httpx2.Response) -> bytes:
    _refuse_announced(response.headers.get("Content-Length", ""))
    decoder = _Decoder(response.headers.get("Content-Encoding", ""))
    # Not a list of pieces: eight million of one byte would be two hundred MiB.
    content = bytearray()
    async for raw in response.stream:  # type: ignore[union-attr]  # of an async transport
        for piece in decoder.feed(raw):
            content += piece
    decoder.close()
    return bytes(content)


class _Decoder:
    """Undoes the content coding piece by piece, and stops at the cap."""

    def __init__(self, coding: str) -> None:
        if coding.lower() not in {"", "identity", "gzip", "x-gzip"}:
            raise errors.CorruptAnswer(detail="an unknown content coding")
        self._gzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if "gzip" in coding.lower() else None
        self._left = MAX_BODY
        self._raw_left = MAX_BODY

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of one raw piece."""
        # Both sides are counted: gzip may unpack to nothing, or have something after its end.
        self._raw_left -= len(raw)
        if self._raw_left < 0:
            raise errors.AnswerTooLarge
        if self._gzip is None:
            yield raw
            return
        while raw and not self._gzip.eof:
            try:
                piece = self._gzip.decompress(raw, _PIECE)
            except zlib.error:
                raise errors.CorruptAnswer(detail="bad gzip") from None
            yield self._counted(piece)
            raw = self._gzip.unconsumed_tail

    def close(self) -> None:
        """Check that the coding came to its end."""
        if self._gzip is not None and not self._gzip.eof:
            raise errors.CorruptAnswer(detail="gzip without its end")

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise errors.AnswerTooLarge
        return piece


def _refuse_announced(length: str) -> None:
    if length.isdecimal() and (len(length) > _DIGITS_OF_A_LENGTH or int(length) > MAX_BODY):
        raise errors.AnswerTooLarge


def _explain(error: Exception, *, host: str, patience: float) -> errors.TelecmiError:
    """What an exception of httpx2 means, as one of ours."""
    name = type(error).__name__
    if isinstance(error, httpx2.TimeoutException):
        return errors.Unresponsive(patience)
    if isinstance(error, httpx2.ConnectError):
        return _explain_connect(error, host)
    if isinstance(error, httpx2.ProxyError):
        return errors.ProxyOrCertificate(detail=name)
    if isinstance(error, httpx2.RemoteProtocolError):
        ended = str(error).startswith(("Server disconnected", "peer closed connection"))
        return errors.Interrupted(detail=name) if ended else errors.NotHttp(detail=name)
    return errors.Interrupted(detail=name)


def _explain_connect(error: Exception, host: str) -> errors.TelecmiError:
    causes = list(_causes(error))
    # Not by isinstance: a handshake that was cut off is a subclass, and a case for another try.
    if any(type(cause) in {ssl.SSLError, ssl.SSLCertVerificationError} for cause in causes):
        return errors.InsecureConnection()
    if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in causes) and not _proxied(host):
        return errors.NameNotResolved()
    # Through a living proxy a dead TeleCMI is a ProxyError: what cannot be reached here is the proxy.
    return errors.ProxyOrCertificate(detail="ConnectError") if _proxied(host) else errors.Unreachable()


def _proxied(host: str) -> bool:
    return bool(not is_loopback(host) and getproxies().keys() & {"https", "all"} and not proxy_bypass(host))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
