"""The way to TeleCMI: certificates, the proxy that the environment names, and a pool of connections."""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from telecmi_mcp._config.variables import is_loopback

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MAX_CONNECTIONS = 8


def load_certificates(base_url: str) -> ssl.SSLContext:
    """Return the rules of TLS for one host; this reads files, and takes 20 to 60 ms.

    Raises:
        OSError: SSL_CERT_FILE or SSL_CERT_DIR cannot be used.
    """
    url = urlsplit(base_url)
    if url.scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never asked, and if it were: it trusts nobody
    return httpx2.create_ssl_context(trust_env=_heeds_environment(url))


def open_pool(
    base_url: str, certificates: ssl.SSLContext, backend: httpcore2.AsyncNetworkBackend
) -> httpcore2.AsyncConnectionPool:
    """Return a pool that leads to one host, directly or through a proxy.

    How many connections there are, and how long they are kept, is the backend's to say.

    Raises:
        ImportError: The proxy needs an extra that is not installed.
        ValueError: The proxy's address is none.
        httpx2.InvalidURL: The same.
    """
    return httpcore2.AsyncConnectionPool(
        ssl_context=certificates,
        proxy=_proxy(base_url),
        max_connections=None,
        max_keepalive_connections=None,
        network_backend=backend,
    )


def proxy_url(base_url: str) -> str | None:
    """Return the proxy that the environment names for a host; ``None`` for none."""
    url = urlsplit(base_url)
    proxies = getproxies() if _heeds_environment(url) else {}
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or _is_excepted(url, proxies.get("no", "")):
        return None
    return named if "://" in named else f"http://{named}"


def _is_excepted(url: SplitResult, no_proxy: str) -> bool:
    host = url.hostname or ""
    # The standard library does not know "*.example.com", nor "*" among others.
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    if any(entry == "*" or (entry.startswith("*.") and host.endswith(entry[1:])) for entry in entries):
        return True
    return bool(proxy_bypass(host if url.port is None else f"{host}:{url.port}"))


def _proxy(base_url: str) -> httpcore2.Proxy | None:
    named = proxy_url(base_url)
    if named is None:
        return None
    proxy = httpx2.Proxy(named)
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ImportError("socksio")
    url = httpcore2.URL(
        scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
    )
    return httpcore2.Proxy(url, auth=proxy.raw_auth, headers=proxy.headers.raw, ssl_context=proxy.ssl_context)


def _heeds_environment(url: SplitResult) -> bool:
    # A proxy of the environment must not see what is meant for this machine.
    return not is_loopback(url.hostname or "")
