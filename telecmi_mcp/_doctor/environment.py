"""Checks the proxy, the certificate files and the installed versions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telecmi_mcp import __version__
from telecmi_mcp._api.transport import proxy_url
from telecmi_mcp._doctor.result import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGES = ("mcp", "httpx2", "pydantic", "anyio")
_CERTIFICATES = {"SSL_CERT_FILE": Path.is_file, "SSL_CERT_DIR": Path.is_dir}


def check_proxy(base_url: str) -> CheckResult:
    """Report the proxy of requests to TeleCMI, without its user and password."""
    proxy = proxy_url(base_url)
    if proxy is None:
        return CheckResult("Proxy", Verdict.GOOD, "none")
    shown = _without_credentials(proxy)
    if not shown:
        return CheckResult("Proxy", Verdict.BAD, "its address is invalid", "Correct HTTPS_PROXY or ALL_PROXY.")
    if proxy.lower().startswith("socks") and find_spec("socksio") is None:
        advice = "Install httpx2[socks] in the environment of telecmi-mcp, or use an HTTP proxy."
        return CheckResult("Proxy", Verdict.BAD, f"{shown}; SOCKS support is not installed", advice)
    return CheckResult("Proxy", Verdict.GOOD, f"{shown}, from the environment or the system settings")


def check_certificates(environ: Mapping[str, str]) -> CheckResult:
    """Report which certificates are trusted, and whether the configured files exist."""
    given = {name: environ[name] for name in _CERTIFICATES if environ.get(name)}
    for name, path in given.items():
        if not _CERTIFICATES[name](Path(path)):
            return CheckResult(
                "Certificates", Verdict.BAD, f"the path in {name} does not exist", f"Correct or unset {name}."
            )
    return CheckResult("Certificates", Verdict.GOOD, f"from {' and '.join(given)}" if given else "the system's")


def check_versions() -> CheckResult:
    """Report the installed versions."""
    found = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in _PACKAGES)]
    return CheckResult("Versions", Verdict.GOOD, f"telecmi-mcp {__version__}, {', '.join(found)}, {platform.system()}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(unknown)"


def _without_credentials(proxy: str) -> str:
    try:
        url = urlsplit(proxy)
        port = f":{url.port}" if url.port else ""
    except ValueError:
        return ""
    return f"{url.scheme}://{url.hostname}{port}" if url.hostname else ""
