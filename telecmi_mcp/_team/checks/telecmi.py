"""Checks TeleCMI from this machine, without a sign-in, and what the server signs in with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from telecmi_mcp._auth.resolve import has_credential
from telecmi_mcp._auth.token_sources import TokenFile, read_password
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._doctor import check_clock, check_connection, probe_connection
from telecmi_mcp._doctor.result import CheckResult, Verdict, advice_of
from telecmi_mcp._team.accounts.encryption import open_vault
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from pathlib import Path

    from telecmi_mcp._team.config.settings import TeamSettings

_SIGN_IN, _KEYS = "TeleCMI user", "Encryption"


async def check_telecmi(settings: TeamSettings) -> tuple[CheckResult, ...]:
    """Report whether TeleCMI answers, and whether this machine's clock agrees with TeleCMI's."""
    base_url = settings.common.base_url
    probe = await probe_connection(base_url)
    connection = check_connection(base_url, probe)
    if connection.verdict is Verdict.UNKNOWN:  # nothing else here asks TeleCMI, so its silence is the finding
        advice = "Check the network, HTTPS_PROXY and TELECMI_BASE_URL of this machine."
        connection = CheckResult(connection.about, Verdict.BAD, connection.says, advice)
    return (CheckResult("TeleCMI", connection.verdict, connection.says, connection.advice), check_clock(probe))


async def check_credentials(settings: TeamSettings, state: Path) -> CheckResult:
    """Report what the server signs in with: the service's token or password, or the keys of its callers' sign-ins.

    Args:
        settings: The configuration.
        state: The folder of sign-ins that ``telecmi-mcp login`` saved.
    """
    is_service = settings.sign_ins == "service"
    try:
        return await _check_service(settings, state) if is_service else await _check_keys(settings)
    except TelecmiError as why:
        return CheckResult(_SIGN_IN if is_service else _KEYS, Verdict.BAD, why.fact, advice_of(why))


async def _check_service(settings: TeamSettings, state: Path) -> CheckResult:
    common = settings.common
    if common.token_file is not None:
        await TokenFile(common.token_file, KnownSecrets()).current()
    elif common.password_file is not None:
        await read_password(common.password_file)
    elif not await has_credential(common, state):
        advice = "Set TELECMI_USER_ID with TELECMI_PASSWORD_FILE, or TELECMI_TOKEN_FILE."
        return CheckResult(_SIGN_IN, Verdict.BAD, "none in the settings, and none that this user has saved", advice)
    return CheckResult(_SIGN_IN, Verdict.GOOD, "of the service, for all callers")


async def _check_keys(settings: TeamSettings) -> CheckResult:
    await run_sync(open_vault, settings)
    return CheckResult(_KEYS, Verdict.GOOD, "the keys of callers' sign-ins can be used")
