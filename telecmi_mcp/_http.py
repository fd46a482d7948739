"""One bounded POST: the only importer of httpx2, and the one place where its errors become ours.

httpx2 has no total deadline and no cap on a body; the caller brings the first, this module the second.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
import zlib
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from telecmi_mcp import __version__, errors
from telecmi_mcp._greeting import HttpBackend
from telecmi_mcp._variables import is_loopback
from telecmi_mcp._wire import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BODY = 8 * 1024 * 1024
MAX_CONNECTIONS = 8
KEEPALIVE_SECONDS = 120.0

_PIECE = 64 * 1024
_DIGITS_OF_A_LENGTH = 19

_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    # gzip alone: it is the one coding that is decoded here, piece by piece and bounded.
    "Accept-Encoding": "gzip",
    "User-Agent": f"telecmi-mcp/{__version__}",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, the decoded body, and the seconds of a Retry-After header."""

    status: int
    body: bytes
    retry_after: float | None = None


class Channel:
    """POSTs JSON to one host, over connections that are opened when they are first needed.

    Redirects are never followed, since the token is in the body. Cookies are never kept.
    """

    def __init__(self, base_url: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._base_url = base_url
        self._host = urlsplit(base_url).hostname or ""
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

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

    async def aclose(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, path: str, body: dict[str, Any], patience: float) -> Answer:
        request = self._opened().build_request(
            "POST",
            self._base_url + path,
            content=json.dumps(body, separators=(",", ":")).encode(),
            timeout=httpx2.Timeout(patience),
        )
        response = await self._opened().send(request, stream=True)
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

    def _opened(self) -> httpx2.AsyncClient:
        # Built with the first request: it costs 20 to 30 ms, which a start need not wait for.
        if self._client is None:
            try:
                self._client = self._build()
            except (ImportError, OSError, ValueError, httpx2.InvalidURL) as why:
                # SOCKS without its extra, a certificate file that is not there, a proxy that is no URL.
                raise errors.ProxyOrCertificate(detail=type(why).__name__) from None
        return self._client

    def _build(self) -> httpx2.AsyncClient:
        client = httpx2.AsyncClient(
            transport=self._transport,
            headers=_HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=httpx2.Limits(
                max_connections=MAX_CONNECTIONS,
                max_keepalive_connections=MAX_CONNECTIONS,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
            # A proxy of the environment must not see what is meant for this machine.
            trust_env=not is_loopback(self._host),
        )
        # httpx2 has no argument for it; tests/test_faults.py notices when the private names change.
        for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - as said
            if pool := getattr(transport, "_pool", None):
                pool._network_backend = HttpBackend(pool._network_backend)  # noqa: SLF001 - as said
        return client


async def _read_body(response: httpx2.Response) -> bytes:
    _refuse_announced(response.headers.get("Content-Length", ""))
    decoder = _Decoder(response.headers.get("Content-Encoding", ""))
    # Not a list of pieces: eight million of one byte would be two hundred MiB.
    content = bytearray()
    async for raw in response.aiter_raw():
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
    if any(isinstance(cause, socket.gaierror) for cause in causes) and not _proxied(host):
        return errors.NameNotResolved()
    # Through a living proxy a dead TeleCMI is a ProxyError: what cannot be reached here is the proxy.
    return errors.ProxyOrCertificate(detail="ConnectError") if _proxied(host) else errors.Unreachable()


def _proxied(host: str) -> bool:
    return bool(not is_loopback(host) and getproxies().keys() & {"https", "all"} and not proxy_bypass(host))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
