"""Checks the connection to TeleCMI, its certificate and the clock, with a request that carries no secret.

The request is ``HEAD /`` without token and cookies. Every answer, even an error, has a date (RFC 9110, section
6.6.1). If the certificate is not trusted, a second request without verification reads who issued it.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from telecmi_mcp._api.transport import exception_chain, load_certificates, proxy_url
from telecmi_mcp._doctor.result import MAX_SHOWN_CHARS, CheckResult, Verdict
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT_S = 10.0
_MAX_CLOCK_DIFFERENCE_S = 120.0
_CLOCK_ADVICE = "Set this computer's clock from the network: certificates and the age of a token depend on it."
_CA_ADVICE = (
    "If a company proxy or a virus scanner inspects TLS, set SSL_CERT_FILE to a file with its certificate; ask the "
    "network administrator for it."
)


@dataclass(frozen=True, slots=True)
class ConnectionProbe:
    """Result of one request.

    Attributes:
        answered: Whether any answer arrived.
        issuer: Issuer of the certificate; "" if there is none or it is unknown.
        trusted: Whether this computer trusts the certificate.
        ahead: Seconds that this clock is ahead of TeleCMI's; ``None`` if the answer has no date.
    """

    answered: bool = False
    issuer: str = ""
    trusted: bool = True
    ahead: float | None = None


async def probe_connection(
    base_url: str, *, trust: ssl.SSLContext | None = None, clock: Callable[[], float] = time.time
) -> ConnectionProbe:
    """Send one request without secrets, through the same proxies and with the same certificates as the server.

    Args:
        base_url: Base URL of TeleCMI.
        trust: Trusted certificates; by default those that the server trusts.
        clock: Returns this computer's Unix time.
    """
    try:
        return await _probe(base_url, clock, trust or load_certificates(base_url))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ImportError, ValueError) as error:
        if not any(isinstance(cause, ssl.SSLError) for cause in exception_chain(error)):
            return ConnectionProbe()
    return await _probe_unverified(base_url, clock)


def check_connection(base_url: str, probe: ConnectionProbe) -> CheckResult:
    """Report whether TeleCMI answers over a trusted connection."""
    host = clean(urlsplit(base_url).hostname or "", limit=MAX_SHOWN_CHARS)
    if not probe.trusted:
        issued = f", issued by {probe.issuer}" if probe.issuer else ""
        return CheckResult("Connection", Verdict.BAD, f"the certificate of {host} is not trusted{issued}", _CA_ADVICE)
    if not probe.answered:
        return CheckResult("Connection", Verdict.UNKNOWN, f"no answer from {host}")
    secure = f"TLS, certificate by {probe.issuer}" if probe.issuer else "without TLS, on this computer"
    return CheckResult("Connection", Verdict.GOOD, f"{host}, {secure}")


def check_clock(probe: ConnectionProbe) -> CheckResult:
    """Compare this computer's clock with the date of the answer."""
    if not probe.answered:
        return CheckResult("Clock", Verdict.UNKNOWN, "not compared, because there is no answer")
    if probe.ahead is None:
        return CheckResult("Clock", Verdict.UNKNOWN, "TeleCMI sent no date")
    if abs(probe.ahead) < _MAX_CLOCK_DIFFERENCE_S:
        return CheckResult("Clock", Verdict.GOOD, "within two minutes of TeleCMI's")
    way = "ahead of" if probe.ahead > 0 else "behind"
    return CheckResult("Clock", Verdict.BAD, f"{round(abs(probe.ahead) / 60):,} minutes {way} TeleCMI's", _CLOCK_ADVICE)


async def _probe_unverified(base_url: str, clock: Callable[[], float]) -> ConnectionProbe:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only to read the issuer; nothing but HEAD / is sent
    try:
        return replace(await _probe(base_url, clock, context), trusted=False)
    except (httpx2.HTTPError, OSError, ValueError):
        return ConnectionProbe(trusted=False)


async def _probe(base_url: str, clock: Callable[[], float], trust: ssl.SSLContext) -> ConnectionProbe:
    proxy = proxy_url(base_url)
    async with (
        httpx2.AsyncClient(verify=trust, proxy=proxy, trust_env=False, timeout=_TIMEOUT_S) as client,
        client.stream("HEAD", base_url) as response,
    ):
        stream = response.extensions.get("network_stream")
        return ConnectionProbe(
            answered=True,
            issuer=_issuer(stream.get_extra_info("ssl_object") if stream else None),
            ahead=_ahead(response.headers.get("Date", ""), clock()),
        )


def _issuer(tls: ssl.SSLObject | None) -> str:
    certificate = tls.getpeercert(binary_form=True) if tls else None
    if not certificate:
        return ""
    from cryptography import x509  # slow to import, and only needed with a certificate

    try:
        issuer = x509.load_der_x509_certificate(certificate).issuer
    except ValueError:
        return ""
    kinds = (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME)
    names = [str(name.value) for kind in kinds for name in issuer.get_attributes_for_oid(kind)]
    return clean(names[0], limit=MAX_SHOWN_CHARS) if names else ""


def _ahead(date: str, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
