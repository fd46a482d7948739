"""Faults of the computer around the server: proxies, certificates, names. They are read from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import TYPE_CHECKING

import trustme

from telecmi_mcp import errors

from .fault import PAGE
from .plays import GOOD, MARK, OTHER_ID, answer, page, says, says_and_waits
from .server import Play, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .fault import CallRecord

HOST = "telecmi.invalid"
# Longer than a name may be (253 characters): the resolver of the system refuses it without asking anybody.
_NO_NAME = ".".join(["quagga" * 10] * 5) + ".invalid"


@cache
def authority() -> trustme.CA:
    """Return the certificate authority that the computer trusts."""
    return trustme.CA()


def _good() -> SSLContext:
    return _serving(authority().issue_cert(HOST))


def _wrong_name() -> SSLContext:
    return _serving(authority().issue_cert("quagga.invalid"))


def _expired() -> SSLContext:
    now = datetime.now(UTC)
    return _serving(authority().issue_cert(HOST, not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)))


def _from_unknown_authority() -> SSLContext:
    return _serving(trustme.CA().issue_cert(HOST))


def _self_signed() -> SSLContext:
    alone = trustme.CA(organization_name=MARK)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    both = trustme.Blob(alone.private_key_pem.bytes() + alone.cert_pem.bytes())
    with both.tempfile() as path:
        context.load_cert_chain(path)
    return context


def _serving(certificate: trustme.LeafCert) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


async def _plain_behind_tunnel(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await visit.reader.readexactly(5)
    await visit.send(answer(page()))
    await visit.until_gone()


@dataclass(frozen=True, slots=True)
class Surrounding:
    """One thing that is wrong with the computer, and what must come of it.

    A child process with these variables asks https://telecmi.invalid for a page. Names of .invalid are never
    looked up: the proxy of the environment, which is ours, is asked first, and plays TeleCMI behind TLS.

    Attributes:
        environ: Variables of the child; {proxy}, {closed}, {ca} and {tmp} stand for this run's places.
        tls: The server's side of TLS, built when it is needed.
        tries: How often the client tries, in all calls.
        calls: Number of calls, one after the other.
        has_surplus: Bytes come that belong to no answer, and a warning is logged.
    """

    name: str
    happens: str
    outcome: CallRecord
    script: tuple[Play, ...] = (GOOD,)
    tries: int = 1
    calls: int = 1
    has_surplus: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: {"HTTPS_PROXY": "{proxy}", "SSL_CERT_FILE": "{ca}"})
    tls: Callable[[], SSLContext] | None = None
    url: str = f"https://{HOST}"

    def environ_of(self, *, proxy: str, closed: str, tmp: Path) -> dict[str, str]:
        """Return the child's variables."""
        places = {"proxy": proxy, "closed": closed, "tmp": str(tmp), "ca": str(tmp / "ca.pem")}
        return {name: value.format(**places) for name, value in self.environ.items()}


_SETTINGS = errors.ProxyOrCertificate()
_INSECURE = errors.InsecureConnection()


def _proxy_says(name: str, happens: str, status: str) -> Surrounding:
    refusal = f"HTTP/1.1 {status} {MARK}\r\nContent-Length: 0\r\n\r\n".encode()
    return Surrounding(name, happens, _SETTINGS, (says(refusal),), environ={"HTTPS_PROXY": "{proxy}"})


SURROUNDINGS = (
    Surrounding("tls-good", "TLS with a certificate of an authority in SSL_CERT_FILE.", PAGE, tls=_good),
    Surrounding(
        "tls-surplus",
        "Another answer follows the answer inside TLS.",
        PAGE,
        (says(answer(page()) + answer(page({"contact_id": OTHER_ID, "first_name": MARK})), stays=True),),
        tries=2,
        calls=2,
        has_surplus=True,
        tls=_good,
    ),
    Surrounding("tls-wrong-name", "The certificate is for another name.", _INSECURE, tls=_wrong_name),
    Surrounding("tls-expired", "The certificate expired yesterday.", _INSECURE, tls=_expired),
    Surrounding("tls-self-signed", "The certificate is signed by itself.", _INSECURE, tls=_self_signed),
    Surrounding("tls-stranger", "An unknown authority signed the certificate.", _INSECURE, tls=_from_unknown_authority),
    Surrounding(
        "proxy-dead",
        "Nothing listens where HTTPS_PROXY points.",
        _SETTINGS,
        environ={"HTTPS_PROXY": "{closed}"},
    ),
    Surrounding(
        "proxy-dead-all",
        "Nothing listens where ALL_PROXY points.",
        _SETTINGS,
        environ={"ALL_PROXY": "{closed}"},
    ),
    _proxy_says("proxy-407", "The proxy wants a password: 407.", "407"),
    _proxy_says("proxy-502", "The proxy does not reach TeleCMI: 502.", "502"),
    _proxy_says("proxy-403", "The proxy does not allow TeleCMI: 403.", "403"),
    Surrounding(
        "proxy-no-http",
        "Something that is not a proxy listens where HTTPS_PROXY points.",
        errors.NotHttp(),
        (says_and_waits(f"{MARK}\r\n\r\n".encode(), at_once=True),),
        environ={"HTTPS_PROXY": "{proxy}"},
    ),
    Surrounding(
        "proxy-plain-answer",
        "The proxy grants the tunnel, and what is behind it does not speak TLS.",
        _INSECURE,
        (Play(_plain_behind_tunnel),),
        environ={"HTTPS_PROXY": "{proxy}"},
    ),
    Surrounding(
        "proxy-surplus",
        "Bytes follow the proxy's answer to CONNECT, before TLS begins.",
        _INSECURE,
        (says_and_waits(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),),
        has_surplus=True,
        environ={"HTTPS_PROXY": "{proxy}"},
    ),
    Surrounding(
        "proxy-socks",
        "ALL_PROXY names a SOCKS proxy, and nothing listens there or socksio is not installed.",
        _SETTINGS,
        tries=0,
        environ={"ALL_PROXY": "socks5://127.0.0.1:1"},
    ),
    Surrounding(
        "proxy-no-url",
        "HTTPS_PROXY is not an address.",
        _SETTINGS,
        tries=0,
        environ={"HTTPS_PROXY": "quagga://[::1"},
    ),
    Surrounding(
        "certificates-missing",
        "SSL_CERT_FILE names a file that is not there.",
        _SETTINGS,
        tries=0,
        environ={"HTTPS_PROXY": "{proxy}", "SSL_CERT_FILE": "{tmp}/quagga.pem"},
    ),
    Surrounding(
        "certificates-empty",
        "SSL_CERT_FILE names a file without certificates.",
        _SETTINGS,
        tries=0,
        environ={"HTTPS_PROXY": "{proxy}", "SSL_CERT_FILE": "{tmp}/empty.pem"},
    ),
    Surrounding(
        "name-not-found",
        "There is no address for the name of the base URL.",
        errors.NameNotResolved(),
        tries=2,
        environ={},
        url=f"https://{_NO_NAME}",
    ),
    Surrounding(
        "name-impossible",
        "The base URL has a name that cannot exist: a label of 64 letters.",
        errors.NameNotResolved(),
        tries=2,
        environ={},
        url=f"https://{'q' * 64}.invalid",
    ),
)
