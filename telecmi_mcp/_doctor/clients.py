"""Checks which clients have this server, whether they can start it, and whether their files hold secrets."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._install.detect import detect_clients

if TYPE_CHECKING:
    from telecmi_mcp._install.detect import ClientStatus
    from telecmi_mcp._install.paths import Machine

_ABOUT = "Clients"
_UV = {"uv", "uvx"}


def check_clients(machine: Machine) -> CheckResult:
    """Report the clients that have this server, or the first problem of one of them."""
    statuses = detect_clients(machine)
    configured = [each for each in statuses if each.configured]
    for result in (*map(_cannot_start, configured), *map(_exposes_secret, configured), *map(_is_sandbox, configured)):
        if result is not None:
            return result
    for each in statuses:
        if each.found and each.problem:
            return CheckResult(
                _ABOUT, Verdict.UNKNOWN, f"the configuration of {each.title} cannot be read: {each.problem}"
            )
    if not configured:
        advice = "Run telecmi-mcp install CLIENT; telecmi-mcp install --list shows the clients on this computer."
        return CheckResult(_ABOUT, Verdict.UNKNOWN, "no known client has this server", advice)
    return CheckResult(_ABOUT, Verdict.GOOD, ", ".join(each.title for each in configured))


def _cannot_start(client: ClientStatus) -> CheckResult | None:
    if client.exists is not False:
        return None
    command = f"telecmi-mcp install {client.host}"
    program = PurePath(client.command).stem.lower()
    if program in _UV:
        advice = f"Install uv, or run {command} --force, which writes an entry without uv."
        return CheckResult(
            _ABOUT, Verdict.BAD, f"{client.title} starts the server with {program}, which is missing", advice
        )
    return CheckResult(
        _ABOUT,
        Verdict.BAD,
        f"the command in the configuration of {client.title} does not exist",
        f"Run {command} --force.",
    )


def _is_sandbox(client: ClientStatus) -> CheckResult | None:
    if not client.is_sandbox:
        return None
    advice = f"Run telecmi-mcp install {client.host} when you want your own contacts there."
    return CheckResult(_ABOUT, Verdict.DOUBTFUL, f"{client.title} has the sandbox, with invented contacts", advice)


def _exposes_secret(client: ClientStatus) -> CheckResult | None:
    if not client.exposed:
        return None
    names = " and ".join(client.exposed)
    advice = f"Run telecmi-mcp login, then telecmi-mcp install {client.host} --force, which writes no secret."
    return CheckResult(
        _ABOUT, Verdict.DOUBTFUL, f"the configuration of {client.title} has {names} in plain text", advice
    )
