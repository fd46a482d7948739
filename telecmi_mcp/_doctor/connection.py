"""Checks the connection to TeleCMI: its certificate and its clock. Nothing secret is sent.

The request is ``HEAD /`` with neither token nor cookies. Whatever comes back, even an error, has a date (RFC 9110,
section 6.6.1). Where the certificate is not trusted, a second look that trusts nothing learns who issued it.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from telecmi_mcp._config.variables import is_loopback
from telecmi_mcp._doctor.result import SHOWN, CheckResult, Verdict
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Trust = ssl.SSLContext | bool

_PATIENCE = 10.0
_FAR_OFF = 120.0
_CLOCK_ADVICE = "Set this computer's clock by the network: certificates and the age of a token are judged by it."
_CA_ADVICE = (
    "If your organisation reads along (a company proxy, a virus scanner), set SSL_CERT_FILE to the file with its "
    "certificate; ask whoever runs the network."
)


@dataclass(frozen=True, slots=True)
class ConnectionProbe:
    """What one look found.

    Attributes:
        answered: Whether anything came back.
        issuer: Who issued the certificate; "" where there is none, or where it is not known.
        trusted: Whether the certificate is trusted here.
        ahead: Seconds that this clock is ahead of the other side's; ``None`` where it told no time.
    """

    answered: bool = False
    issuer: str = ""
    trusted: bool = True
    ahead: float | None = None


async def probe_connection(
    base_url: str, *, trust: _Trust = True, clock: Callable[[], float] = time.time
) -> ConnectionProbe:
    """Send one request without anything secret, over the same proxies and certificates as the server's.

    Args:
        base_url: Where TeleCMI is.
        trust: Whose certificates are trusted; by default those that the server trusts.
        clock: Tells this computer's Unix time.
    """
    try:
        return await _look(base_url, clock, trust)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ImportError, ValueError) as error:
        if not any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
            return ConnectionProbe()
    return await _look_without_trust(base_url, clock)


def judge_connection(base_url: str, door: ConnectionProbe) -> CheckResult:
    """Say whether the connection is what it should be."""
    host = clean(urlsplit(base_url).hostname or "", limit=SHOWN)
    if not door.trusted:
        issued = f", issued by {door.issuer}" if door.issuer else ""
        return CheckResult("Connection", Verdict.BAD, f"the certificate of {host} is not trusted{issued}", _CA_ADVICE)
    if not door.answered:
        return CheckResult("Connection", Verdict.UNKNOWN, f"nothing came back from {host}")
    secure = f"TLS, certificate by {door.issuer}" if door.issuer else "without TLS, inside this machine"
    return CheckResult("Connection", Verdict.GOOD, f"{host}, {secure}")


def judge_clock(door: ConnectionProbe) -> CheckResult:
    """Say whether this computer's clock goes right, by the date of the answer."""
    if door.ahead is None:
        return CheckResult("Clock", Verdict.UNKNOWN, "TeleCMI told no time")
    if abs(door.ahead) < _FAR_OFF:
        return CheckResult("Clock", Verdict.GOOD, "as TeleCMI's, to two minutes")
    way = "ahead of" if door.ahead > 0 else "behind"
    return CheckResult("Clock", Verdict.BAD, f"{round(abs(door.ahead) / 60):,} minutes {way} TeleCMI's", _CLOCK_ADVICE)


async def _look_without_trust(base_url: str, clock: Callable[[], float]) -> ConnectionProbe:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # to read who issued it; nothing but HEAD / is ever sent there
    try:
        return replace(await _look(base_url, clock, context), trusted=False)
    except (httpx2.HTTPError, OSError, ValueError):
        return ConnectionProbe(trusted=False)


async def _look(base_url: str, clock: Callable[[], float], trust: _Trust) -> ConnectionProbe:
    trust_env = not is_loopback(urlsplit(base_url).hostname or "")
    async with (
        httpx2.AsyncClient(verify=trust, trust_env=trust_env, timeout=_PATIENCE) as client,
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
    from cryptography import x509  # only where there is a certificate to read

    try:
        names = x509.load_der_x509_certificate(certificate).issuer
        for kind in (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME):
            for name in names.get_attributes_for_oid(kind):
                return clean(str(name.value), limit=SHOWN)
    except ValueError:
        return ""
    return ""


def _ahead(date: str, now: float) -> float | None:
    try:
        return now - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None


def _causes(error: BaseException | None) -> Iterable[Any]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
