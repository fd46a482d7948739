"""The way to TeleCMI: which of httpx2's transports leads there, by the proxies and certificates of the environment."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from telecmi_mcp._api.http_guard import HttpBackend
from telecmi_mcp._config.variables import is_loopback

if TYPE_CHECKING:
    import httpcore2

MAX_CONNECTIONS = 8
KEEPALIVE_SECONDS = 120.0


def load_certificates(base_url: str) -> ssl.SSLContext:
    """Return the rules of TLS for one host; this reads files, and takes 20 to 60 ms.

    Raises:
        OSError: SSL_CERT_FILE or SSL_CERT_DIR cannot be used.
    """
    url = urlsplit(base_url)
    if url.scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never asked, and if it were: it trusts nobody
    return httpx2.create_ssl_context(trust_env=_heeds_environment(base_url))


class Route:
    """The transport that leads to one host, directly or through a proxy.

    Requests go to the transport, not through httpx2's client: that would merge settings and look for redirects,
    cookies and log-ins, of which there are none, for a tenth of a local call.

    Raises:
        ImportError: The proxy needs an extra that is not installed.
        ValueError: The proxy's address is none.
        httpx2.InvalidURL: The same.
    """

    def __init__(
        self,
        base_url: str,
        certificates: ssl.SSLContext,
        backend: httpcore2.AsyncNetworkBackend,
        *,
        connections: int = MAX_CONNECTIONS,
    ) -> None:
        # Only the client knows the rules of HTTPS_PROXY, ALL_PROXY and NO_PROXY.
        self._client = httpx2.AsyncClient(
            verify=certificates,
            limits=httpx2.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
            trust_env=_heeds_environment(base_url),
        )
        # httpx2 has no arguments for these; tests/test_faults.py notices when the private names change.
        self.transport = self._client._transport_for_url(httpx2.URL(base_url))  # noqa: SLF001 - as said
        pool = self.transport._pool  # type: ignore[attr-defined]  # noqa: SLF001 - as said
        pool._network_backend = HttpBackend(backend)  # noqa: SLF001 - as said

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _heeds_environment(base_url: str) -> bool:
    # A proxy of the environment must not see what is meant for this machine.
    return not is_loopback(urlsplit(base_url).hostname or "")
