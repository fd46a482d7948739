"""Checks the clients on this machine that have the server: whether they can start it, and what their files hold."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._install.detect import survey

if TYPE_CHECKING:
    from telecmi_mcp._install.detect import ClientStatus
    from telecmi_mcp._install.paths import Machine

_ABOUT = "Clients"
_UV = {"uv", "uvx"}


def look_at_clients(machine: Machine) -> CheckResult:
    """Say which clients have the server, and of the first that has trouble with it, which."""
    standings = survey(machine)
    configured = [each for each in standings if each.configured]
    for judge in (_cannot_start, _tells_a_secret):
        for each in configured:
            finding = judge(each)
            if finding is not None:
                return finding
    for each in standings:
        if each.found and each.problem:
            return CheckResult(_ABOUT, Verdict.UNKNOWN, f"the file of {each.title} cannot be read: {each.problem}")
    if not configured:
        advice = "Run telecmi-mcp install CLIENT; telecmi-mcp install --list says which clients are here."
        return CheckResult(_ABOUT, Verdict.UNKNOWN, "none of those that install knows has this server", advice)
    return CheckResult(_ABOUT, Verdict.GOOD, ", ".join(each.title for each in configured))


def _cannot_start(client: ClientStatus) -> CheckResult | None:
    if client.exists is not False:
        return None
    again = f"telecmi-mcp install {client.host}"
    program = PurePath(client.command).stem.lower()
    if program in _UV:
        advice = f"Install uv, or run {again} --force, which needs none."
        return CheckResult(_ABOUT, Verdict.BAD, f"{client.title} starts it with {program}, which is missing", advice)
    return CheckResult(_ABOUT, Verdict.BAD, f"what {client.title} would start is not there", f"Run {again} --force.")


def _tells_a_secret(client: ClientStatus) -> CheckResult | None:
    if not client.exposed:
        return None
    names = " and ".join(client.exposed)
    advice = f"Run telecmi-mcp login, then telecmi-mcp install {client.host} --force, which writes no secret."
    return CheckResult(_ABOUT, Verdict.DOUBTFUL, f"{names} stands in plain text in the file of {client.title}", advice)
