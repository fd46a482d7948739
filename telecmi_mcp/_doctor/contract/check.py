"""Runs the contract check with the token of an app, and returns its report."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp._doctor.contract.exchange import MAX_REQUESTS, PAUSE_S, Exchange, Sender
from telecmi_mcp._doctor.contract.plan import REQUESTS, observe
from telecmi_mcp._doctor.contract.points import POINTS
from telecmi_mcp._doctor.contract.report import ContractReport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telecmi_mcp._app import App


def describe_requests(host: str) -> str:
    """Return what the check sends, for a person who decides whether it may."""
    requests = "\n".join(f"  {request}" for request in REQUESTS)
    return (
        f"This check sends at most {MAX_REQUESTS} requests to {host}, one at a time, with {PAUSE_S:g} s between them.\n"
        "They only read contacts, with your own sign-in. The check stops if TeleCMI rejects the token\n"
        "or limits the rate. If no token is stored, the first request is a login with your password.\n\n"
        f"{requests}\n\n"
        "The report has no contact, token, id or text of TeleCMI."
    )


async def check_contract(
    app: App,
    *,
    service: str,
    pause_s: float = PAUSE_S,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> ContractReport:
    """Send the requests with the token of an app, and name the form of each point.

    Args:
        app: Has the channel and the token. A token that is stored is used as it is, so that no login runs beside.
        service: Name of the service in the report.
        pause_s: Seconds between two requests.
        sleep: Waits for the pause.
        clock: Returns seconds, for durations.

    Raises:
        TelecmiError: There is no token; the class says why.
    """
    held = await app.tokens.held()
    token = held or await app.tokens.current()
    logins = 0 if held else 1
    timeout_s = app.settings.timeout
    sender = Sender(
        app.client.channel, token, requests=logins, pause_s=pause_s, timeout_s=timeout_s, sleep=sleep, clock=clock
    )
    seen = await observe(sender)
    return ContractReport(
        service=service,
        requests=sender.requests,
        stopped=seen.stopped,
        points={point.name: point.find(seen) for point in POINTS},
        calls=tuple(_describe(exchange) for exchange in seen.exchanges),
    )


def _describe(exchange: Exchange) -> dict[str, str | int]:
    """Return a request and its answer without fields: a limit may tell the number of contacts."""
    return {
        "request": exchange.name,
        "http_status": exchange.status,
        "code": exchange.code,
        "ms": exchange.duration_ms,
    }
