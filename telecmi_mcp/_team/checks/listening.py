"""Checks the server on this machine: whether it runs, and whether it takes requests for its public address."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._team.checks.request import Failure, get, ping

if TYPE_CHECKING:
    from telecmi_mcp._team.checks.request import Reply
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.config.variables import Address

_ABOUT = "Server"
_ALIVE = b"alive\n"
_OK, _NOT_ACCEPTED, _FORBIDDEN = 200, 421, 403
_START = "Start it: systemctl start telecmi-mcp, or telecmi-mcp serve --http."


async def check_server(settings: TeamSettings) -> CheckResult:
    """Report whether the server answers where the settings let it listen."""
    if not settings.listen.port:
        return CheckResult(_ABOUT, Verdict.UNKNOWN, "it listens on any free port, so it is not tried")
    address = _local_url(settings.listen)
    alive = await get(f"{address}/healthz")
    if alive.failure is not None or alive.status != _OK or alive.body != _ALIVE:
        return judge_silence(alive, settings.listen)
    accepted = await ping(f"{address}/mcp", host=urlsplit(settings.public_url).netloc)
    return judge_server(await get(f"{address}/readyz"), accepted)


def judge_silence(alive: Reply, listen: Address) -> CheckResult:
    """Judge why the server does not say that it is alive."""
    where = f"{listen.host}:{listen.port}"
    if alive.failure is Failure.CONNECTION_REFUSED:
        return CheckResult(_ABOUT, Verdict.BAD, f"nothing listens at {where}", _START)
    if alive.failure is not None:
        return CheckResult(_ABOUT, Verdict.BAD, f"{where}: {alive.failure}", "Restart it, and read its log.")
    advice = "Stop that program, or set TELECMI_HTTP to another port."
    return CheckResult(_ABOUT, Verdict.BAD, f"another program answers at {where}", advice)


def judge_server(ready: Reply, accepted: Reply) -> CheckResult:
    """Judge a server that is alive, by its state and by its answer to a request for the public address."""
    if accepted.status in {_NOT_ACCEPTED, _FORBIDDEN}:
        advice = "Restart it with these settings."
        says = f"it runs with other settings: it refuses requests for this public address ({accepted.status})"
        return CheckResult(_ABOUT, Verdict.BAD, says, advice)
    if ready.status != _OK:
        state = "its database is unreachable" if ready.json().get("database") == "away" else "it starts or stops"
        return CheckResult(_ABOUT, Verdict.BAD, f"alive, but not ready: {state}", "Read its log.")
    if ready.json().get("telecmi") == "failing":
        return CheckResult(_ABOUT, Verdict.DOUBTFUL, "ready, but its last request to TeleCMI failed", "Read its log.")
    return CheckResult(_ABOUT, Verdict.GOOD, "alive and ready")


def _local_url(listen: Address) -> str:
    host = listen.host
    if host != "localhost" and ip_address(host).is_unspecified:  # the server listens at all addresses
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{listen.port}"
