"""One bounded POST, and the one place where httpcore2's errors become ours.

httpcore2 has no total deadline and no cap on a body; the caller brings the first, this module the second.
"""

from __future__ import annotations

import json
import logging
import math
import socket
import ssl
import time
import zlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2
import httpx2
from anyio.to_thread import run_sync

from telecmi_mcp import __version__, errors
from telecmi_mcp._api.http_guard import Connections, GuardedBackend, StaleConnectionError, on_bytes
from telecmi_mcp._api.limiters import RetryBudget
from telecmi_mcp._api.preconnect import Rehearsal, current_rehearsal, rehearsing
from telecmi_mcp._api.protocol import retry_after_seconds
from telecmi_mcp._api.transport import MAX_CONNECTIONS, load_certificates, open_pool, proxy_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_log = logging.getLogger(__name__)

MAX_BODY = 8 * 1024 * 1024

_PIECE = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16
_DIGITS_OF_A_LENGTH = 19
_REDIRECTS = range(300, 400)
_FAILED = 400  # the least status of an error
AHEAD_SECONDS = 10.0  # after which a connection that nobody waits for is given up

_MOST_KNOWN = 64  # connections of a pool: httpcore2 never forgets one whose TLS failed inside of a proxy's tunnel

_HEADERS = [
    (b"Accept", b"application/json"),
    # gzip alone: it is the one coding that is decoded here, piece by piece and bounded.
    (b"Accept-Encoding", b"gzip"),
    (b"User-Agent", f"telecmi-mcp/{__version__}".encode()),
    (b"Content-Type", b"application/json"),
]

# httpx2's are those of a stand-in for the network.
_FOREIGN = (
    OSError,
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    httpx2.HTTPError,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, the decoded body, and the seconds of a Retry-After header."""

    status: int
    body: bytes
    retry_after: float | None = None


@dataclass(slots=True)
class UpstreamHealth:
    """When TeleCMI last answered, and when it last failed to, on the monotonic clock; and how the last call failed."""

    answered_at: float = -math.inf
    failed_at: float = -math.inf
    _failure: tuple[str, float] = ("", -math.inf)

    def note(self, error: errors.TelecmiError | None) -> None:
        """Note how a request ended: a refusal is an answer too."""
        if isinstance(error, errors.NetworkError | errors.ServiceError):
            self.failed_at = time.monotonic()
        else:
            self.answered_at = time.monotonic()

    def note_call(self, error: errors.TelecmiError | None, *, begun: float, ended: float) -> None:
        """Note how a call ended, after all its requests: what fails twice in a row is not mended by waiting.

        Args:
            error: What it met; ``None`` for a good answer.
            begun: When it began, on any clock.
            ended: When it ended, on the same clock.
        """
        if error is None:
            self._failure = "", ended
        elif isinstance(error, errors.NetworkError | errors.ServiceError):
            code, since = self._failure
            if error.code != code:
                self._failure = error.code, ended
            elif begun >= since:  # else it failed beside the first, not after it
                error.met_again()


@dataclass(slots=True)
class _Host:
    """What all channels to one host share.

    Attributes:
        stand_in: Stands in for the network.
        connections: Bounds the connections of all channels together.
    """

    base_url: str
    stand_in: httpx2.AsyncBaseTransport | None
    connections: Connections
    upstream_health: UpstreamHealth = field(default_factory=UpstreamHealth)
    budget: RetryBudget = field(default_factory=RetryBudget)
    _certificates: ssl.SSLContext | None = None
    _loading: anyio.Lock = field(default_factory=anyio.Lock)

    async def certificates(self) -> ssl.SSLContext:
        """The certificates, which are loaded when they are first needed: it takes longer than a start may."""
        if self._certificates is not None:
            return self._certificates
        async with self._loading:
            if self._certificates is None:
                load = partial(load_certificates, self.base_url)
                try:
                    # In a thread: for so long nothing else could be answered. For http:// nothing is loaded.
                    at_once = self.base_url.startswith("http:")
                    self._certificates = load() if at_once else await run_sync(load, abandon_on_cancel=True)
                except (OSError, ValueError) as why:  # a file that is not there, or holds none
                    raise errors.ProxyOrCertificate(detail=type(why).__name__) from None
            return self._certificates


class Channel:
    """POSTs JSON to one host, over connections that are opened when they are first needed, the first one in advance.

    Redirects are never followed, since the token is in the body. Cookies are never kept.

    Args:
        base_url: The host, and the path that all paths are below.
        transport: Stands in for the network.
        connections: How many connections there are at once, those of separate channels included.
        on_surplus: Is called when a connection is closed because bytes came that belong to no answer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        connections: int = MAX_CONNECTIONS,
        on_surplus: Callable[[], object] = lambda: None,
    ) -> None:
        self._share(_Host(base_url, transport, Connections(connections, on_surplus)), is_kept=True)

    def _share(self, host: _Host, *, is_kept: bool) -> None:
        self._host = host
        url = httpx2.URL(host.base_url)
        self._origin = partial(httpcore2.URL, scheme=url.raw_scheme, host=url.raw_host, port=url.port)
        self._below = url.raw_path.rstrip(b"/")
        lasts = b"keep-alive" if is_kept else b"close"
        self._headers = [(b"Host", url.netloc), *_HEADERS, (b"Connection", lasts)]
        self._backend = GuardedBackend(host.connections)
        self._pool: httpcore2.AsyncConnectionPool | None = None
        self._went_ahead = False

    def separate(self, *, is_kept: bool = True) -> Channel:
        """Return a channel to the same host that shares no connection with any other.

        The certificates, the bound on connections, the outlook and the retry budget are the same.

        Args:
            is_kept: Whether its connections are kept for further requests.
        """
        channel = object.__new__(Channel)
        channel._share(self._host, is_kept=is_kept)
        return channel

    @property
    def upstream_health(self) -> UpstreamHealth:
        """Whether the other side answers, as whoever reads its answers notes."""
        return self._host.upstream_health

    @property
    def budget(self) -> RetryBudget:
        """The repetitions that all who read from this host may still spend."""
        return self._host.budget

    @property
    def has_room(self) -> bool:
        """Whether a request would be sent without waiting for a connection of others."""
        return self._host.connections.has_room

    @property
    def surplus_count(self) -> int:
        """How many connections were closed because bytes came that belong to no answer."""
        return self._host.connections.surplus_count

    async def post(
        self, path: str, body: dict[str, Any], *, patience: float, heard: Callable[[], None] | None = None
    ) -> Answer:
        """Send one request and return its whole answer.

        Args:
            path: The path below the base URL, from a slash.
            body: What is sent as JSON.
            patience: Seconds without a byte after which the attempt is given up.
            heard: Is called whenever bytes arrive.

        Raises:
            NetworkError: There is no answer.
            ServiceError: There is one, and it cannot be used.
        """
        mark = on_bytes.set(heard)
        try:
            return await self._post(path, body, patience)
        except _FOREIGN as error:
            explained = _explain(error, proxied=proxy_url(self._host.base_url) is not None, patience=patience)
        finally:
            on_bytes.reset(mark)
        # Raised out here, to have no context: its text may hold an answer's bytes, its request the token.
        raise explained

    async def connect_ahead(self, rehearse: Callable[[], Awaitable[object]], body: bytes) -> None:
        """Open a connection for the first request, without a byte of a request, and keep it for as long as others.

        Only the first time, and only before the first request. What goes wrong is met, and told, by that request.

        Args:
            rehearse: Posts something, which is not sent.
            body: What it is answered.
        """
        if self._host.stand_in is not None or self._pool is not None or self._went_ahead:
            return
        self._went_ahead = True
        try:
            with anyio.move_on_after(AHEAD_SECONDS) as scope, rehearsing(Rehearsal(body)):
                self._backend.give_up_ahead(scope)
                await rehearse()
        except Exception as why:  # noqa: BLE001 - as said
            _log.debug("no connection in advance: %s", type(why).__name__)
        finally:
            self._backend.give_up_ahead(None)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.aclose()
        self._backend.close_idle()  # those of a pool that was replaced

    async def _post(self, path: str, body: dict[str, Any], patience: float) -> Answer:
        response = await self._send(self._request(path, body, patience))
        headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        try:
            # A redirect's body is not wanted, whatever it is, and need not end.
            content = b"" if response.status in _REDIRECTS else await _read_body(response, headers)
        except errors.CorruptResponse:
            if response.status < _FAILED:
                raise
            content = b""  # the status says enough
        finally:
            await response.aclose()
        wait = retry_after_seconds(headers.get(b"retry-after"), now=time.time())
        return Answer(response.status, content, wait)

    def _request(self, path: str, body: dict[str, Any], patience: float) -> httpcore2.Request:
        content = json.dumps(body, separators=(",", ":")).encode()
        extensions: dict[str, Any] = {
            "timeout": {"connect": patience, "read": patience, "write": patience, "pool": patience}
        }
        if (rehearsal := current_rehearsal()) is not None:
            extensions["trace"] = rehearsal.watch
        url = self._origin(target=self._below + path.encode())
        headers = [*self._headers, (b"Content-Length", b"%d" % len(content))]
        return httpcore2.Request("POST", url, headers=headers, content=content, extensions=extensions)

    async def _send(self, request: httpcore2.Request) -> httpcore2.Response:
        if self._host.stand_in is not None:
            return await _send_within(self._host.stand_in, request)
        return await (await self._opened()).handle_async_request(request)

    async def _opened(self) -> httpcore2.AsyncConnectionPool:
        certificates = await self._host.certificates()
        if self._pool is None or len(self._pool.connections) > _MOST_KNOWN:
            try:
                self._pool = open_pool(self._host.base_url, certificates, self._backend)
            except (ImportError, ValueError, httpx2.InvalidURL) as why:
                # SOCKS without its extra, a proxy that is no URL.
                raise errors.ProxyOrCertificate(detail=type(why).__name__) from None
        return self._pool


async def _send_within(transport: httpx2.AsyncBaseTransport, request: httpcore2.Request) -> httpcore2.Response:
    """Give a request to what stands in for the network."""
    content = b"".join([part async for part in request.stream])  # type: ignore[union-attr]  # it was made of bytes
    headers = httpx2.Headers(request.headers)
    url = httpx2.URL(bytes(request.url).decode("ascii"))
    asked = httpx2.Request("POST", url, headers=headers, content=content, extensions=request.extensions)
    response = await transport.handle_async_request(asked)
    return httpcore2.Response(response.status_code, headers=response.headers.raw, content=response.stream)


async def _read_body(response: httpcore2.Response, headers: dict[bytes, str]) -> bytes:
    _refuse_announced(headers.get(b"content-length", ""))
    decoder = _Decoder(headers.get(b"content-encoding", ""))
    # Not a list of pieces: eight million of one byte would be two hundred MiB.
    content = bytearray()
    async for raw in response.stream:  # type: ignore[union-attr]  # of an async pool
        for piece in decoder.feed(raw):
            content += piece
    decoder.close()
    return bytes(content)


class _Decoder:
    """Undoes the content coding piece by piece, and stops at the cap."""

    def __init__(self, coding: str) -> None:
        if coding.lower() not in {"", "identity", "gzip", "x-gzip"}:
            raise errors.CorruptResponse(detail="an unknown content coding")
        self._gzip = zlib.decompressobj(wbits=_GZIP) if "gzip" in coding.lower() else None
        self._left = MAX_BODY
        self._raw_left = MAX_BODY

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of one raw piece."""
        # Both sides are counted: gzip may unpack to nothing, or have something after its end.
        self._raw_left -= len(raw)
        if self._raw_left < 0:
            raise errors.ResponseTooLarge
        if self._gzip is None:
            yield raw
            return
        while raw:
            if self._gzip.eof and not (raw := self._next_member(raw)):
                return
            try:
                piece = self._gzip.decompress(raw, _PIECE)
            except zlib.error:
                raise errors.CorruptResponse(detail="bad gzip") from None
            yield self._counted(piece)
            raw = self._gzip.unconsumed_tail or self._gzip.unused_data

    def close(self) -> None:
        """Check that the coding came to its end."""
        if self._gzip is not None and not self._gzip.eof:
            raise errors.CorruptResponse(detail="gzip without its end")

    def _next_member(self, raw: bytes) -> bytes:
        """Return the rest from the next member on (RFC 1952, section 2.2), without zeros before it, as gzip does."""
        raw = raw.lstrip(b"\0")
        if raw:
            self._gzip = zlib.decompressobj(wbits=_GZIP)
        return raw

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise errors.ResponseTooLarge
        return piece


def _refuse_announced(length: str) -> None:
    if length.isdecimal() and (len(length) > _DIGITS_OF_A_LENGTH or int(length) > MAX_BODY):
        raise errors.ResponseTooLarge


def _explain(error: Exception, *, proxied: bool, patience: float) -> errors.TelecmiError:
    """What a foreign exception means, as one of ours."""
    name = type(error).__name__
    if isinstance(error, httpcore2.TimeoutException | httpx2.TimeoutException):
        return errors.Unresponsive(patience)
    if isinstance(error, httpcore2.ConnectError | httpx2.ConnectError):
        return _explain_connect(error, proxied=proxied)
    if isinstance(error, httpcore2.ProxyError | httpx2.ProxyError):
        return errors.ProxyOrCertificate(detail=name)
    if isinstance(error, httpcore2.RemoteProtocolError | httpx2.RemoteProtocolError):
        return errors.NotHttp(detail=name)
    return errors.ConnectionInterrupted(is_stale=isinstance(error, StaleConnectionError), detail=name)


def _explain_connect(error: Exception, *, proxied: bool) -> errors.TelecmiError:
    causes = list(_causes(error))
    # Not by isinstance: a handshake that was cut off is a subclass, and a case for another try.
    if any(type(cause) in {ssl.SSLError, ssl.SSLCertVerificationError} for cause in causes):
        return errors.InsecureConnection()
    # Through a living proxy a dead TeleCMI is a ProxyError: what cannot be reached here is the proxy.
    if proxied:
        return errors.ProxyOrCertificate(detail="ConnectError")
    is_nameless = any(isinstance(cause, socket.gaierror | UnicodeError) for cause in causes)
    return errors.NameNotResolved() if is_nameless else errors.Unreachable()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
