"""Bounded POST over guarded connections; maps httpcore2's errors to ours.

httpcore2 has no total deadline and no limit for a body: the caller sets the first, this module the second.
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
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import httpcore2
import httpx2
from anyio.to_thread import run_sync

from telecmi_mcp import __version__, errors
from telecmi_mcp._api.http_guard import (
    Connections,
    GuardedBackend,
    StaleConnectionError,
    abort_handshake,
    current_is_hedge,
    current_on_bytes,
)
from telecmi_mcp._api.limiters import ConcurrencyLimit
from telecmi_mcp._api.preconnect import DryRun, current_dry_run, dry_running
from telecmi_mcp._api.protocol import retry_after_seconds
from telecmi_mcp._api.retry import RetryBudget
from telecmi_mcp._api.transport import (
    MAX_CONNECTIONS,
    exception_chain,
    load_certificates,
    open_pool,
    proxy_url,
    socks_errors,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_HEDGES = 2
PRECONNECT_TIMEOUT_S = 10.0

_DECODED_PIECE_BYTES = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16
_MAX_LENGTH_DIGITS = 19
_REDIRECTS = range(300, 400)
_MIN_ERROR_STATUS = 400
# httpcore2 never removes a connection whose TLS failed inside a proxy's tunnel.
_MAX_POOL_ENTRIES = 64

_HEADERS = [
    (b"Accept", b"application/json"),
    # gzip only: this module decodes it piece by piece, within a limit.
    (b"Accept-Encoding", b"gzip"),
    (b"User-Agent", f"telecmi-mcp/{__version__}".encode()),
    (b"Content-Type", b"application/json"),
]

# A test transport raises httpx2's.
_FOREIGN_ERRORS = (
    OSError,
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    httpx2.HTTPError,
)


class Answer(NamedTuple):
    """An answer: HTTP status, decoded body, and the seconds of a Retry-After header."""

    status: int
    body: bytes
    retry_after: float | None = None


@dataclass(slots=True)
class UpstreamHealth:
    """When TeleCMI last answered and last failed, on the monotonic clock, and the error of the last call."""

    answered_at: float = -math.inf
    failed_at: float = -math.inf
    _failure: tuple[str, float] = ("", -math.inf)

    def note(self, error: errors.TelecmiError | None) -> None:
        """Record how a request ended. A refusal is an answer too."""
        if isinstance(error, errors.NetworkError | errors.ServiceError):
            self.failed_at = time.monotonic()
        else:
            self.answered_at = time.monotonic()

    def note_call(self, error: errors.TelecmiError | None, *, started_at: float, ended_at: float) -> None:
        """Record how a call ended, after all its requests; change the advice of an error that comes twice in a row.

        Args:
            error: Its error; ``None`` for a good answer.
            started_at: When it started, on any clock.
            ended_at: When it ended, on the same clock.
        """
        if error is None:
            self._failure = "", ended_at
        elif isinstance(error, errors.NetworkError | errors.ServiceError):
            code, failed_at = self._failure
            if error.code != code:
                self._failure = error.code, ended_at
            elif started_at >= failed_at:  # else both calls ran at the same time
                error.met_again()


@dataclass(slots=True)
class _Host:
    """What all channels to one host share.

    Attributes:
        transport: Replaces the network in tests.
        connections: Limits the connections of all channels together.
        hedges: Limits the hedges of all channels together.
    """

    base_url: str
    transport: httpx2.AsyncBaseTransport | None
    connections: Connections
    hedges: ConcurrencyLimit = field(default_factory=partial(ConcurrencyLimit, MAX_HEDGES))
    upstream_health: UpstreamHealth = field(default_factory=UpstreamHealth)
    budget: RetryBudget = field(default_factory=RetryBudget)
    _certificates: ssl.SSLContext | None = None
    _loading: anyio.Lock = field(default_factory=partial(anyio.Lock, fast_acquire=True))

    async def certificates(self) -> ssl.SSLContext:
        """Return the certificates; load them at the first request, because that takes longer than a start may."""
        async with self._loading:
            if self._certificates is None:
                load = partial(load_certificates, self.base_url)
                try:
                    # In a thread, so that other calls go on. For http:// there is nothing to load.
                    is_plain = self.base_url.startswith("http:")
                    self._certificates = load() if is_plain else await run_sync(load, abandon_on_cancel=True)
                except (OSError, ValueError) as error:  # the file is missing, or has no certificates
                    raise errors.ProxyOrCertificate(detail=type(error).__name__) from None
            return self._certificates


class Channel:
    """Sends POST requests with JSON to one host, over connections that it opens when it needs them.

    Never follows redirects, because the token is in the body. Never keeps cookies.

    Args:
        base_url: The host, and a prefix of all paths.
        transport: Replaces the network in tests.
        connections: Maximum number of open connections, including those of separate channels.
        on_surplus: Called when a connection is closed because bytes arrived that belong to no answer.

    Attributes:
        upstream_health: Whether the host answers, as the readers of its answers record it.
        budget: The retries that all clients of this host may still make.
        hedges: The limit of hedges that all clients of this host share.
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
        self.upstream_health = host.upstream_health
        self.budget = host.budget
        self.hedges = host.hedges
        url = httpx2.URL(host.base_url)
        self._origin = partial(httpcore2.URL, scheme=url.raw_scheme, host=url.raw_host, port=url.port)
        self._path_prefix = url.raw_path.rstrip(b"/")
        persistence = b"keep-alive" if is_kept else b"close"
        self._headers = [(b"Host", url.netloc), *_HEADERS, (b"Connection", persistence)]
        self._backend = GuardedBackend(host.connections)
        self._pool: httpcore2.AsyncConnectionPool | None = None
        self._has_preconnected = False

    def separate(self, *, is_kept: bool = True) -> Channel:
        """Return a channel to the same host that shares no connection with any other channel.

        It shares the certificates, the limits, the upstream health and the retry budget.

        Args:
            is_kept: Whether its connections are kept for further requests.
        """
        channel = object.__new__(Channel)
        channel._share(self._host, is_kept=is_kept)
        return channel

    async def post(
        self,
        path: str,
        body: dict[str, Any],
        *,
        timeout_s: float,
        on_bytes: Callable[[], None] | None = None,
        on_headers: Callable[[list[tuple[bytes, bytes]]], object] | None = None,
        is_hedge: bool = False,
    ) -> Answer:
        """Send one request and return its whole answer.

        Args:
            path: The path below the base URL, with a leading slash.
            body: The JSON to send.
            timeout_s: Seconds without a byte after which the attempt fails.
            on_bytes: Called whenever bytes arrive.
            on_headers: Called with the header fields of the answer, before its body is read.
            is_hedge: Whether another request for the same data gets no answer. The idle connections are closed first,
                because they are probably dead too, and this request may exceed the limit of connections.

        Raises:
            NetworkError: There is no answer.
            ServiceError: The answer cannot be used.
        """
        if is_hedge:
            self._backend.close_idle()
        tokens = current_on_bytes.set(on_bytes), current_is_hedge.set(is_hedge)
        try:
            return await self._post(path, body, timeout_s, on_headers)
        except _foreign_errors() as error:
            explained = _explain(error, proxied=proxy_url(self._host.base_url) is not None, timeout_s=timeout_s)
        finally:
            current_on_bytes.reset(tokens[0])
            current_is_hedge.reset(tokens[1])
        # Raised here, without a context: the text of the error may hold bytes of the answer, its request the token.
        raise explained

    async def preconnect(self, dry_run: Callable[[], Awaitable[object]], body: bytes) -> None:
        """Open a connection for the first request, and keep it as long as any other.

        Does so once, and only before the first request. An error is ignored here, because the request meets it again.

        Args:
            dry_run: Posts a request, which is not sent.
            body: Body of the prepared answer.
        """
        if self._host.transport is not None or self._pool is not None or self._has_preconnected:
            return
        self._has_preconnected = True
        try:
            with anyio.move_on_after(PRECONNECT_TIMEOUT_S) as scope, dry_running(DryRun(body)):
                self._backend.set_preconnect_scope(scope)
                await dry_run()
        except Exception as error:  # noqa: BLE001 - as said
            _log.debug("preconnecting failed: %s", type(error).__name__)
        finally:
            self._backend.set_preconnect_scope(None)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.aclose()
        self._backend.close_idle()  # those of a pool that was replaced

    async def _post(
        self,
        path: str,
        body: dict[str, Any],
        timeout_s: float,
        on_headers: Callable[[list[tuple[bytes, bytes]]], object] | None,
    ) -> Answer:
        response = await self._send(self._request(path, body, timeout_s))
        if on_headers is not None:
            on_headers(response.headers)
        headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        try:
            # The body of a redirect is not read: it need not end.
            content = b"" if response.status in _REDIRECTS else await _read_body(response, headers)
        except errors.CorruptResponse:
            if response.status < _MIN_ERROR_STATUS:
                raise
            content = b""  # the status is enough
        finally:
            await response.aclose()
        wait_s = retry_after_seconds(headers.get(b"retry-after"), now=time.time())
        return Answer(response.status, content, wait_s)

    def _request(self, path: str, body: dict[str, Any], timeout_s: float) -> httpcore2.Request:
        content = json.dumps(body, separators=(",", ":")).encode()
        extensions: dict[str, Any] = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)}
        if (dry_run := current_dry_run()) is not None:
            extensions["trace"] = dry_run.trace
        url = self._origin(target=self._path_prefix + path.encode())
        headers = [*self._headers, (b"Content-Length", b"%d" % len(content))]
        return httpcore2.Request("POST", url, headers=headers, content=content, extensions=extensions)

    async def _send(self, request: httpcore2.Request) -> httpcore2.Response:
        if self._host.transport is not None:
            return await _send_by(self._host.transport, request)
        try:
            return await (await self._opened()).handle_async_request(request)
        except BaseException:
            abort_handshake()
            raise

    async def _opened(self) -> httpcore2.AsyncConnectionPool:
        certificates = await self._host.certificates()
        if self._pool is None or len(self._pool.connections) > _MAX_POOL_ENTRIES:
            try:
                self._pool = open_pool(self._host.base_url, certificates, self._backend)
            except (ImportError, ValueError, httpx2.InvalidURL) as error:
                # SOCKS without its extra, or a proxy that is not a URL.
                raise errors.ProxyOrCertificate(detail=type(error).__name__) from None
        return self._pool


async def _send_by(transport: httpx2.AsyncBaseTransport, request: httpcore2.Request) -> httpcore2.Response:
    """Send a request by a transport that replaces the network."""
    content = b"".join([part async for part in request.stream])  # type: ignore[union-attr]  # it was made of bytes
    headers = httpx2.Headers(request.headers)
    url = httpx2.URL(bytes(request.url).decode("ascii"))
    asked = httpx2.Request("POST", url, headers=headers, content=content, extensions=request.extensions)
    response = await transport.handle_async_request(asked)
    return httpcore2.Response(response.status_code, headers=response.headers.raw, content=response.stream)


async def _read_body(response: httpcore2.Response, headers: dict[bytes, str]) -> bytes:
    _reject_announced(headers.get(b"content-length", ""))
    decoder = _Decoder(headers.get(b"content-encoding", ""))
    async for raw in response.stream:  # type: ignore[union-attr]  # of an async pool
        decoder.feed(raw)
    return decoder.finish()


class _Decoder:
    """Decodes the content coding piece by piece, within the limit."""

    def __init__(self, coding: str) -> None:
        if coding.lower() not in {"", "identity", "gzip", "x-gzip"}:
            raise errors.CorruptResponse(detail="an unknown content coding")
        self._is_gzip = "gzip" in coding.lower()
        self._member = zlib.decompressobj(wbits=_GZIP)
        self._content = bytearray()  # not a list of pieces: eight million pieces of one byte would take 200 MiB
        self._raw_bytes = 0

    def feed(self, raw: bytes) -> None:
        # Both sides are counted: gzip may decode to nothing, or be followed by other bytes.
        self._raw_bytes += len(raw)
        while raw:
            piece, raw = self._gunzip(raw) if self._is_gzip else (raw, b"")
            self._content += piece
            if max(self._raw_bytes, len(self._content)) > MAX_BODY_BYTES:
                raise errors.ResponseTooLarge

    def finish(self) -> bytes:
        """Return the content, if its coding is complete."""
        if self._is_gzip and not self._member.eof:
            raise errors.CorruptResponse(detail="gzip without its end")
        return bytes(self._content)

    def _gunzip(self, raw: bytes) -> tuple[bytes, bytes]:
        """Return the next decoded piece, and the raw bytes after it."""
        if self._member.eof:  # another member may follow (RFC 1952, section 2.2), after zeros, which gzip skips
            raw = raw.lstrip(b"\0")
            if not raw:
                return b"", b""
            self._member = zlib.decompressobj(wbits=_GZIP)
        try:
            piece = self._member.decompress(raw, _DECODED_PIECE_BYTES)
        except zlib.error:
            raise errors.CorruptResponse(detail="bad gzip") from None
        return piece, self._member.unconsumed_tail or self._member.unused_data


def _reject_announced(length: str) -> None:
    if length.isdecimal() and (len(length) > _MAX_LENGTH_DIGITS or int(length) > MAX_BODY_BYTES):
        raise errors.ResponseTooLarge


def _foreign_errors() -> tuple[type[Exception], ...]:
    return *_FOREIGN_ERRORS, *socks_errors()


def _explain(error: Exception, *, proxied: bool, timeout_s: float) -> errors.TelecmiError:
    """Return our error for a foreign exception."""
    name = type(error).__name__
    if isinstance(error, httpcore2.TimeoutException | httpx2.TimeoutException):
        return errors.Unresponsive(timeout_s)
    if isinstance(error, httpcore2.ConnectError | httpx2.ConnectError):
        return _explain_connect(error, proxied=proxied)
    if isinstance(error, (httpcore2.ProxyError, httpx2.ProxyError, *socks_errors())):
        return errors.ProxyOrCertificate(detail=name)
    if isinstance(error, httpcore2.RemoteProtocolError | httpx2.RemoteProtocolError):
        return errors.NotHttp(detail=name)
    return errors.ConnectionInterrupted(is_stale=isinstance(error, StaleConnectionError), detail=name)


def _explain_connect(error: Exception, *, proxied: bool) -> errors.TelecmiError:
    causes = list(exception_chain(error))
    # Not isinstance: a handshake that was cut off raises a subclass, and is worth a retry.
    if any(type(cause) in {ssl.SSLError, ssl.SSLCertVerificationError} for cause in causes):
        return errors.InsecureConnection()
    # A proxy reports an unreachable TeleCMI as a ProxyError: here the proxy itself is unreachable.
    if proxied:
        return errors.ProxyOrCertificate(detail="ConnectError")
    has_no_address = any(isinstance(cause, socket.gaierror | UnicodeError) for cause in causes)
    return errors.NameNotResolved() if has_no_address else errors.Unreachable()
