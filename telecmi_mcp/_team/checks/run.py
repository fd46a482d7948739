"""Runs all checks at once, each within a time limit."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.checks.copies import check_copies, describe_copies
from telecmi_mcp._team.checks.database import (
    check_access_keys,
    check_caller_sign_ins,
    check_database,
    check_direct_database,
    check_schema,
)
from telecmi_mcp._team.checks.database_state import read_database_state
from telecmi_mcp._team.checks.issuer import check_issuer
from telecmi_mcp._team.checks.listening import check_server
from telecmi_mcp._team.checks.public_url import check_public_url
from telecmi_mcp._team.checks.telecmi import check_credentials, check_telecmi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from telecmi_mcp._team.checks.database_state import DatabaseState
    from telecmi_mcp._team.config.settings import TeamSettings

TIME_LIMIT_S: Final = 20.0
"""Seconds of one check, whatever does not answer."""


@dataclass(frozen=True, slots=True)
class Results:
    """What the checks found.

    Attributes:
        findings: The results, in a fixed order.
        copies: Number, contacts, completeness and age of the index of each account.
    """

    findings: tuple[CheckResult, ...]
    copies: tuple[dict[str, Any], ...] = ()


async def run_checks(settings: TeamSettings, state: Path, *, time_limit: float = TIME_LIMIT_S) -> Results:
    """Check a team server's settings, database, identity provider, addresses and TeleCMI; change nothing.

    Args:
        settings: The configuration of the server.
        state: The folder of sign-ins that ``telecmi-mcp login`` saved.
        time_limit: Maximum seconds of one check.
    """
    checks: dict[str, Callable[[], Awaitable[Results]]] = {
        "Database": partial(_check_database, settings),
        "Issuer": partial(_several, check_issuer, settings),
        "Server": partial(_one, check_server, settings),
        "Public URL": partial(_several, check_public_url, settings),
        "TeleCMI user": partial(_one, check_credentials, settings, state),
        "TeleCMI": partial(_several, check_telecmi, settings),
    }
    done: dict[str, Results] = {}
    async with open_tasks() as tasks:
        for about, check in checks.items():
            tasks.start_soon(_within, time_limit, about, check, done)
    ordered = [done[about] for about in checks]
    return Results(
        tuple(finding for each in ordered for finding in each.findings),
        tuple(copy for each in ordered for copy in each.copies),
    )


async def _within(
    seconds: float, about: str, check: Callable[[], Awaitable[Results]], done: dict[str, Results]
) -> None:
    says, advice = f"no result within {seconds:g} s", "Check again, and look at the network between the two."
    done[about] = Results((CheckResult(about, Verdict.BAD, says, advice),))
    with anyio.move_on_after(seconds):
        done[about] = await check()


async def _check_database(settings: TeamSettings) -> Results:
    if settings.database_url is None:
        says = "none: no keys, no sign-ins of callers, and an index in the memory of each process"
        return Results((CheckResult("Database", Verdict.GOOD, says),))
    state = await run_sync(read_database_state, settings.database_url, abandon_on_cancel=True)
    usable = check_database(state)
    if usable.verdict is not Verdict.GOOD:
        return Results((usable,))
    direct = check_direct_database(await _direct_state(settings), is_pooler=state.is_pooler)
    schema, now = check_schema(state), time.time()
    if schema.verdict is not Verdict.GOOD:
        return Results((usable, *direct, schema))
    callers = *check_access_keys(state, settings), *check_caller_sign_ins(state, settings)
    copies = check_copies(state.indexes, max_age=settings.common.index_max_age, now=now)
    return Results((usable, *direct, schema, *callers, *copies), tuple(describe_copies(state.indexes, now=now)))


async def _direct_state(settings: TeamSettings) -> DatabaseState | None:
    if settings.database_direct_url is None:
        return None
    return await run_sync(read_database_state, settings.database_direct_url, abandon_on_cancel=True)


async def _one(check: Callable[..., Awaitable[CheckResult]], *arguments: object) -> Results:
    return Results((await check(*arguments),))


async def _several(check: Callable[..., Awaitable[tuple[CheckResult, ...]]], *arguments: object) -> Results:
    return Results(await check(*arguments))
