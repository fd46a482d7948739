"""Sends one request to a team server, as a caller does, and keeps what tells about the way: status, headers, TLS."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import httpx2
from anyio.to_thread import run_sync

from telecmi_mcp._api.transport import exception_chain, load_certificates, proxy_url

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S: Final = 10.0
"""Seconds for each step of one request: to connect, to send, to receive."""

_MAX_BODY_BYTES = 65_536
_PING = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
_PING_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-11-25",
}
_ERRORS = (httpx2.HTTPError, httpx2.InvalidURL, OSError, ImportError, ValueError)
_EXPIRED, _OTHER_NAMES = 10, (62, 64)  # X509_V_ERR_CERT_HAS_EXPIRED, and ..._HOSTNAME_MISMATCH, ..._IP_ADDRESS_MISMATCH


class Failure(StrEnum):
    """Why there is no answer."""

    NO_ADDRESS = "its name has no address"
    CONNECTION_REFUSED = "nothing listens there"
    NO_ANSWER = "no answer in time"
    NOT_REACHED = "no connection"
    NOT_HTTP = "the answer is not HTTP"
    NO_TLS = "it does not speak TLS"
    EXPIRED = "its certificate has expired"
    OTHER_NAME = "its certificate is for another name"
    NOT_TRUSTED = "its certificate is not trusted by this machine"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        failure: Why there is no answer; ``None`` if there is one.
        status: HTTP status; 0 without an answer.
        headers: Headers of the answer, in lower case.
        body: The first 64 KiB of the body.
        certificate: The verified certificate, as ``ssl.SSLSocket.getpeercert`` returns it; empty without TLS.
    """

    failure: Failure | None = None
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    certificate: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body; an empty one if there is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


async def ping(url: str, *, host: str = "", bearer: str = "", trust: ssl.SSLContext | None = None) -> Reply:
    """Send an MCP ping to an endpoint.

    Args:
        url: Address of the endpoint.
        host: Header Host, if it is not that of the address.
        bearer: What the header Authorization has; "" for no such header.
        trust: Trusted certificates; by default those of this machine.
    """
    given = {"Host": host} if host else {}
    given |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return await _send("POST", url, {**_PING_HEADERS, **given}, content=_PING, trust=trust)


async def get(url: str, *, trust: ssl.SSLContext | None = None) -> Reply:
    """Read an address; ``trust`` is that of ``ping``."""
    return await _send("GET", url, {"Accept": "application/json, text/plain"}, trust=trust)


async def _send(
    method: str, url: str, headers: Mapping[str, str], *, content: bytes | None = None, trust: ssl.SSLContext | None
) -> Reply:
    """Send a request through the proxies of this machine; redirects are not followed."""
    try:
        if trust is None:
            trust = await run_sync(load_certificates, url, abandon_on_cancel=True)
        async with (
            httpx2.AsyncClient(verify=trust, proxy=proxy_url(url), trust_env=False, timeout=TIMEOUT_S) as client,
            client.stream(method, url, headers=headers, content=content) as response,
        ):
            return await _read(response)
    except _ERRORS as error:
        return Reply(failure=_failure(error))


async def _read(response: httpx2.Response) -> Reply:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream else None
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) >= _MAX_BODY_BYTES:
            break
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(
        status=response.status_code,
        headers=headers,
        body=bytes(body[:_MAX_BODY_BYTES]),
        certificate=(tls.getpeercert() if tls else None) or {},
    )


def _failure(error: Exception) -> Failure:
    for cause in exception_chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            is_other = cause.verify_code in _OTHER_NAMES
            known = Failure.OTHER_NAME if is_other else Failure.NOT_TRUSTED
            return Failure.EXPIRED if cause.verify_code == _EXPIRED else known
        if isinstance(cause, ssl.SSLError):
            return Failure.NO_TLS
        if isinstance(cause, socket.gaierror):
            return Failure.NO_ADDRESS
        if isinstance(cause, ConnectionRefusedError):
            return Failure.CONNECTION_REFUSED
    if isinstance(error, httpx2.TimeoutException):
        return Failure.NO_ANSWER
    return Failure.NOT_HTTP if isinstance(error, httpx2.RemoteProtocolError) else Failure.NOT_REACHED
