"""Connection pool to one host: certificates, the proxy of the environment, and its exceptions."""

from __future__ import annotations

import ssl
import sys
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from telecmi_mcp._config.variables import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

MAX_CONNECTIONS = 8

_DEFAULT_PORTS = {"http": 80, "https": 443}


def load_certificates(base_url: str) -> ssl.SSLContext:
    """Return the TLS context for one host; this reads files, and takes 20 to 60 ms.

    Raises:
        OSError: SSL_CERT_FILE or SSL_CERT_DIR cannot be used.
    """
    url = urlsplit(base_url)
    if url.scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; it trusts no certificate
    return httpx2.create_ssl_context(trust_env=_uses_environment(url))


def open_pool(
    base_url: str, certificates: ssl.SSLContext, backend: httpcore2.AsyncNetworkBackend
) -> httpcore2.AsyncConnectionPool:
    """Return a pool of connections to one host, directly or through a proxy.

    The backend limits their number, and closes idle ones.

    Raises:
        ImportError: The proxy needs a package that is not installed.
        ValueError: The proxy's address is not a URL.
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
    """Return the proxy that the environment sets for a host; ``None`` for none."""
    url = urlsplit(base_url)
    proxies = getproxies() if _uses_environment(url) else {}
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or _bypasses_proxy(url, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def socks_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of a handshake with a SOCKS proxy; none unless socksio was imported for one."""
    socksio = sys.modules.get("socksio")
    return () if socksio is None else (socksio.SOCKSError,)


def exception_chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _bypasses_proxy(url: SplitResult, no_proxy: str) -> bool:
    host = url.hostname or ""
    if any(_covers(entry.strip().lower(), host) for entry in no_proxy.split(",")):
        return True
    return bool(proxy_bypass(f"{host}:{url.port or _DEFAULT_PORTS[url.scheme]}"))


def _covers(entry: str, host: str) -> bool:
    """Whether an entry of NO_PROXY covers the host in a form that the standard library does not know."""
    if entry == "*" or (entry.startswith("*.") and host.endswith(entry[1:])):
        return True
    try:
        return ip_address(host) in ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False


def _proxy(base_url: str) -> httpcore2.Proxy | None:
    address = proxy_url(base_url)
    if address is None:
        return None
    proxy = httpx2.Proxy(address)
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ImportError("socksio")
    url = httpcore2.URL(
        scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
    )
    return httpcore2.Proxy(url, auth=proxy.raw_auth, headers=proxy.headers.raw, ssl_context=proxy.ssl_context)


def _uses_environment(url: SplitResult) -> bool:
    # Requests to this machine must not go through a proxy.
    return not is_loopback(url.hostname or "")
