"""Sends JSON-RPC requests to the team server, each as one POST with the access key of its origin.

Not the SDK's transport of clients (``mcp.client.streamable_http``): that follows redirects within an origin, reads JSON
bodies without a bound, passes on requests of the server, and takes any answer for the one that was asked for. Importing
it imports the whole SDK. httpx2's transport is used without its client, which would keep cookies.
"""

from __future__ import annotations

from http import HTTPStatus
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
from anyio.to_thread import run_sync

from telecmi_mcp import __version__, errors
from telecmi_mcp._api.transport import load_certificates, proxy_url
from telecmi_mcp._connect.http_errors import explain, foreign_errors, refusal
from telecmi_mcp._connect.responses import ResponseReader
from telecmi_mcp._stdio.framing import write_message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mcp_types import JSONRPCRequest
    from pydantic import SecretStr

    from telecmi_mcp._connect.endpoint import Endpoint
    from telecmi_mcp._connect.responses import Answer, OnProgress

CONNECT_TIMEOUT_S = 10.0
MAX_REQUESTS = 16
"""Maximum number of requests at once, as many as the team server takes of one caller by default."""

_KEPT_S = 30.0  # nginx keeps idle connections for 60 s, the team server for 75 s
_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",  # so that a short response is not a long one
    "Content-Type": "application/json",
    "User-Agent": f"telecmi-mcp/{__version__}",
}
_ENDED_EARLY = (httpx2.ReadError, httpx2.WriteError, httpx2.CloseError, httpx2.RemoteProtocolError)


class TeamServer:
    """The team server at one URL.

    Redirects are not followed, and cookies are not kept. Each request has a random id of its own here, so that no other
    answer can be taken for its answer.

    Args:
        endpoint: Its address.
        read_key: Returns the access key, or ``None`` for a server that needs none.
        transport: Replaces the network in tests.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        read_key: Callable[[], Awaitable[SecretStr | None]],
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._read_key = read_key
        self._transport = transport
        self._opening = anyio.Lock()
        self._slots = anyio.CapacityLimiter(MAX_REQUESTS)

    async def ask(self, request: JSONRPCRequest, headers: Mapping[str, str], on_progress: OnProgress) -> Answer:
        """Return the answer to a request, with the request's id. Cancellation closes the connection.

        Args:
            request: The request.
            headers: Headers of this request.
            on_progress: Gets the params of each progress notification that the request asked for.

        Raises:
            TelecmiError: There is no answer.
        """
        own_id = token_hex(16)
        reader = ResponseReader(own_id, _progress_token(request), on_progress)
        content = write_message(request.model_copy(update={"id": own_id}))
        try:
            async with self._slots:
                answer = await self._exchange(content, headers, reader)
        except foreign_errors() as error:
            explained = explain(error, proxied=proxy_url(self._endpoint.url) is not None)
        else:
            return answer.model_copy(update={"id": request.id})
        # Raised here, without a context: the text of the error may hold bytes of the response, its request the key.
        raise explained

    async def aclose(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _exchange(self, content: bytes, headers: Mapping[str, str], reader: ResponseReader) -> Answer:
        key = await self._read_key()
        response = await self._post(content, {**_HEADERS, **headers, **_authorization(key)})
        try:
            is_unauthorized = response.status_code == HTTPStatus.UNAUTHORIZED
            error = self._unauthorized(key) if is_unauthorized else refusal(response)
            if error is not None:
                raise error
            return await reader.read(response)
        finally:
            await response.aclose()

    async def _post(self, content: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        """Return the head of the response; repeat a request whose connection ended before it.

        The server may have closed an idle connection at that moment, or be restarting. Every tool only reads.
        """
        transport = await self._opened()
        try:
            return await transport.handle_async_request(self._request(content, headers))
        except _ENDED_EARLY:
            pass
        return await transport.handle_async_request(self._request(content, headers))

    def _request(self, content: bytes, headers: Mapping[str, str]) -> httpx2.Request:
        # The caller bounds the time of the whole exchange.
        extensions = {"timeout": httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S).as_dict()}
        return httpx2.Request("POST", self._endpoint.url, headers=headers, content=content, extensions=extensions)

    def _unauthorized(self, key: SecretStr | None) -> errors.TelecmiError:
        command = self._endpoint.login_command
        return errors.AccessKeyMissing(command) if key is None else errors.AccessKeyRejected(command)

    async def _opened(self) -> httpx2.AsyncBaseTransport:
        async with self._opening:
            if self._transport is None:
                try:
                    self._transport = await run_sync(_open_transport, self._endpoint.url, abandon_on_cancel=True)
                except (OSError, ImportError, ValueError, httpx2.InvalidURL) as error:
                    raise errors.ProxyOrCertificate(detail=type(error).__name__) from None
            return self._transport


def _open_transport(url: str) -> httpx2.AsyncHTTPTransport:
    """Return a pool of connections, with the proxy and the certificates that the environment names."""
    limits = httpx2.Limits(
        max_connections=MAX_REQUESTS, max_keepalive_connections=MAX_REQUESTS, keepalive_expiry=_KEPT_S
    )
    return httpx2.AsyncHTTPTransport(
        verify=load_certificates(url), trust_env=False, limits=limits, proxy=proxy_url(url)
    )


def _authorization(key: SecretStr | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}


def _progress_token(request: JSONRPCRequest) -> str | int | None:
    meta: Any = (request.params or {}).get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    return token if isinstance(token, str | int) and not isinstance(token, bool) else None
