"""Checks the public address: whether callers reach this server there, over TLS and through its proxy.

The requests carry no key. A request with a key that cannot be one shows whether the header Authorization arrives: the
server's challenge then has an error code (RFC 6750, section 3.1). Whether the proxy buffers answers cannot be seen
without a key.
"""

from __future__ import annotations

import re
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mcp.server.auth.routes import build_resource_metadata_url
from pydantic import AnyHttpUrl

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.checks.request import Failure, get, ping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from telecmi_mcp._team.checks.request import Reply
    from telecmi_mcp._team.config.settings import TeamSettings

_ABOUT, _TLS, _HEADER, _METADATA = "Public URL", "Certificate", "Authorization", "Metadata"
_NO_KEY = "telecmi-mcp-team-check"
_DAY_S = 86_400.0
_MAX_WARNING_S = 14 * _DAY_S  # before the end of a certificate, or a quarter of its time if that is less
_FAILURES = {
    Failure.NO_ADDRESS: "Add the name to your DNS, or correct TELECMI_PUBLIC_URL.",
    Failure.CONNECTION_REFUSED: "Start the proxy, and let it listen at this address.",
    Failure.NO_ANSWER: "Check the firewall, and the proxy's connection to the server.",
    Failure.NOT_REACHED: "Check the firewall, HTTPS_PROXY of this machine, and TELECMI_PUBLIC_URL.",
    Failure.NOT_HTTP: "Check what listens at this address.",
    Failure.NO_TLS: "Let the proxy speak TLS at this address (nginx: listen 443 ssl).",
    Failure.EXPIRED: "Renew the certificate, and let the proxy read it again.",
    Failure.OTHER_NAME: "Get a certificate for the host name in TELECMI_PUBLIC_URL.",
    Failure.NOT_TRUSTED: "Send the whole chain of certificates, or set SSL_CERT_FILE here and at each caller to the "
    "authority's.",
}
_HOST_ADVICE = (
    "Let the proxy pass Host on (nginx: proxy_set_header Host $http_host), and restart the server with this "
    "TELECMI_PUBLIC_URL."
)
_STATUSES = {
    400: ("the request is refused as invalid (400)", "Check that the proxy changes neither headers nor body."),
    403: ("a proxy or a firewall refuses the request (403)", "Let it pass POST requests to this address."),
    404: ("nothing is at this path (404)", "Let the proxy pass this path to /mcp of the server."),
    405: ("POST is not allowed (405)", "Let the proxy pass POST requests to this address."),
    421: ("the server does not accept the Host that arrives (421)", _HOST_ADVICE),
    502: (
        "the proxy does not reach the server (502)",
        "Start the server, and compare its address in the proxy with TELECMI_HTTP.",
    ),
    503: ("the server or its proxy is overloaded or stops (503)", "Read the logs of both, and check again."),
    504: ("the proxy does not get an answer (504)", "Read the server's log, and its load."),
}
_REDIRECT = "Set TELECMI_PUBLIC_URL to the address that answers itself: callers send their key there only."


async def check_public_url(settings: TeamSettings, *, trust: ssl.SSLContext | None = None) -> tuple[CheckResult, ...]:
    """Report whether callers reach the server at its public address.

    Args:
        settings: The configuration.
        trust: Trusted certificates; by default those of this machine.
    """
    if not settings.public_url:
        return (_without_public_url(settings),)
    replies: dict[str, Reply] = {}

    async def ask(bearer: str) -> None:
        replies[bearer] = await ping(settings.public_url, bearer=bearer, trust=trust)

    async with open_tasks() as tasks:
        for bearer in ("", _NO_KEY):
            tasks.start_soon(ask, bearer)
    first = judge_reply(replies[""], settings)
    results = [first, *judge_certificate(replies[""].certificate, time.time())]
    if first.verdict is Verdict.GOOD and settings.callers != "anyone":
        results += [judge_authorization(replies[""], replies[_NO_KEY]), *await _check_metadata(settings, trust)]
    return tuple(results)


def judge_reply(reply: Reply, settings: TeamSettings) -> CheckResult:
    """Judge the answer to a request without a key."""
    if reply.failure is not None:
        return CheckResult(_ABOUT, Verdict.BAD, str(reply.failure), _FAILURES[reply.failure])
    if settings.callers == "anyone":
        return _expect(reply, 200, "answers")
    if reply.status != 401:
        return _expect(reply, 401, "")
    challenge = reply.headers.get("www-authenticate", "")
    if not challenge.lower().startswith("bearer"):
        advice = "Let the proxy ask for no sign-in of its own at this address."
        return CheckResult(_ABOUT, Verdict.BAD, "something other than this server asks for a sign-in (401)", advice)
    if settings.callers == "oauth" and _parameter(challenge, "resource_metadata") != _metadata_url(settings):
        advice = "Restart the server with this TELECMI_PUBLIC_URL, and TELECMI_CALLERS=oauth."
        return CheckResult(_ABOUT, Verdict.BAD, "the server names another address for its OAuth metadata", advice)
    return CheckResult(_ABOUT, Verdict.GOOD, "answers, and refuses a request without a key or token")


def judge_authorization(without: Reply, with_key: Reply) -> CheckResult:
    """Judge whether the header Authorization arrives: only then the server calls the key wrong."""
    if with_key.status == 503:
        return CheckResult(_HEADER, Verdict.GOOD, "arrives at the server")
    errors = [_parameter(each.headers.get("www-authenticate", ""), "error") for each in (without, with_key)]
    if errors == ["", "invalid_token"]:
        return CheckResult(_HEADER, Verdict.GOOD, "arrives at the server")
    if errors == ["", ""] and with_key.status == without.status:
        advice = "Let the proxy pass the header Authorization on."
        return CheckResult(_HEADER, Verdict.BAD, "does not arrive at the server", advice)
    if errors == ["invalid_token", "invalid_token"]:
        says = "a request without a key arrives with one, which is not valid"
        return CheckResult(_HEADER, Verdict.BAD, says, "Let the proxy pass the header Authorization on unchanged.")
    return CheckResult(_HEADER, Verdict.UNKNOWN, "cannot be told from the answers")


def judge_certificate(certificate: Mapping[str, Any], now: float) -> tuple[CheckResult, ...]:
    """Judge when the verified certificate ends; nothing without TLS."""
    if not certificate:
        return ()
    start, end = (ssl.cert_time_to_seconds(certificate[name]) for name in ("notBefore", "notAfter"))
    left = end - now
    days = int(left // _DAY_S)
    says = f"ends in {days} day{'' if days == 1 else 's'}"
    if left > min(_MAX_WARNING_S, (end - start) / 4):
        return (CheckResult(_TLS, Verdict.GOOD, says),)
    return (CheckResult(_TLS, Verdict.DOUBTFUL, says, "Renew it, and see why that did not happen automatically."),)


def judge_metadata(reply: Reply, settings: TeamSettings) -> CheckResult:
    """Judge the resource metadata, where OAuth clients find the issuer (RFC 9728)."""
    if reply.status != 200:
        path = urlsplit(_metadata_url(settings)).path
        says = f"not readable ({reply.failure or reply.status})"
        return CheckResult(_METADATA, Verdict.BAD, says, f"Let the proxy pass GET requests to {path} to the server.")
    document = reply.json()
    resource, issuers = document.get("resource"), document.get("authorization_servers")
    is_ours = isinstance(resource, str) and resource.rstrip("/") == settings.public_url.rstrip("/")
    if not is_ours or not isinstance(issuers, list) or settings.issuer not in issuers:
        advice = "Restart the server with these settings, and let the proxy pass the metadata on unchanged."
        return CheckResult(_METADATA, Verdict.BAD, "it names another address or another issuer", advice)
    return CheckResult(_METADATA, Verdict.GOOD, "names this address and the issuer")


async def _check_metadata(settings: TeamSettings, trust: ssl.SSLContext | None) -> tuple[CheckResult, ...]:
    if settings.callers != "oauth":
        return ()
    return (judge_metadata(await get(_metadata_url(settings), trust=trust), settings),)


def _without_public_url(settings: TeamSettings) -> CheckResult:
    if settings.callers == "anyone":
        return CheckResult(_ABOUT, Verdict.GOOD, "none: only this machine calls")
    return CheckResult(_ABOUT, Verdict.UNKNOWN, "not set, so it is not tried", "Set TELECMI_PUBLIC_URL.")


def _expect(reply: Reply, status: int, says: str) -> CheckResult:
    if reply.status == status:
        return CheckResult(_ABOUT, Verdict.GOOD, says)
    if 300 <= reply.status < 400:
        return CheckResult(_ABOUT, Verdict.BAD, f"it redirects ({reply.status})", _REDIRECT)
    if 200 <= reply.status < 300:
        advice = "Let the proxy add no key, and compare TELECMI_CALLERS with that of the running server."
        return CheckResult(_ABOUT, Verdict.BAD, f"it answers without a key or token ({reply.status})", advice)
    unknown = f"an unexpected answer ({reply.status})", "Read the logs of the proxy and of the server."
    return CheckResult(_ABOUT, Verdict.BAD, *_STATUSES.get(reply.status, unknown))


def _parameter(challenge: str, name: str) -> str:
    found = re.search(rf'(?:^|[\s,]){name}="([^"]*)"', challenge)
    return found.group(1) if found else ""


def _metadata_url(settings: TeamSettings) -> str:
    return str(build_resource_metadata_url(AnyHttpUrl(settings.public_url)))
