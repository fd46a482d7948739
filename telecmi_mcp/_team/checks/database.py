"""Checks the database: whether it can be used, its schema, and the callers in it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._team.checks.database_state import Failure

if TYPE_CHECKING:
    from telecmi_mcp._team.checks.database_state import DatabaseState, KeyEnd
    from telecmi_mcp._team.config.settings import TeamSettings

MIN_VERSION: Final = 13
"""First version of PostgreSQL that works."""

_ABOUT, _DIRECT = "Database", "Direct URL"
_FAILURES = {
    Failure.UNREACHABLE: (
        "it cannot be reached, or it refuses this user without asking for a password",
        "Check host and port in TELECMI_DATABASE_URL, PostgreSQL itself, and whether its pg_hba.conf admits this user.",
    ),
    Failure.NO_DATABASE: (
        "the server has no database of this name",
        "Create it (createdb --encoding=UTF8 NAME), or correct its name in TELECMI_DATABASE_URL.",
    ),
    Failure.NO_CREDENTIAL: (
        "it asks for a password, and there is none",
        "Add passfile=PATH to TELECMI_DATABASE_URL; the file has mode 0600 and a line HOST:PORT:NAME:USER:PASSWORD.",
    ),
    Failure.REFUSED: (
        "it refuses the user, the password, or further connections",
        "Correct the user in TELECMI_DATABASE_URL or the password in its file, and read PostgreSQL's log.",
    ),
    Failure.STATEMENT: (
        "it rejected a statement or did not answer it in time",
        "Read PostgreSQL's log, and check that the user of TELECMI_DATABASE_URL owns the schema telecmi_mcp.",
    ),
}


def check_database(state: DatabaseState) -> CheckResult:
    """Report whether the database answers, is of a kind that works, and gives its user the needed rights."""
    if state.failure is not None:
        return CheckResult(_ABOUT, Verdict.BAD, *_FAILURES[state.failure])
    fault = _unsuitable(state) or _missing_right(state)
    if fault:
        return CheckResult(_ABOUT, Verdict.BAD, *fault)
    version = state.version.partition(" ")[0]  # without the name of the package
    return CheckResult(_ABOUT, Verdict.GOOD, f"PostgreSQL {version}, {state.encoding}, with the needed rights")


def check_direct_database(state: DatabaseState | None, *, is_pooler: bool) -> tuple[CheckResult, ...]:
    """Report whether locks have a session of PostgreSQL; nothing if the database itself gives them one.

    Args:
        state: The state at the address for locks; ``None`` if there is no such address.
        is_pooler: Whether the other address leads to a pooler.
    """
    variable = "TELECMI_DATABASE_DIRECT_URL"
    if state is None:
        if not is_pooler:
            return ()
        advice = f"Set {variable} to the address of PostgreSQL itself."
        says = "a pooler answers, and locks need PostgreSQL itself"
        return (CheckResult(_DIRECT, Verdict.BAD, says, advice),)
    if state.failure is not None:
        says, advice = _FAILURES[state.failure]
        return (CheckResult(_DIRECT, Verdict.BAD, says, advice.replace("TELECMI_DATABASE_URL", variable)),)
    if state.is_pooler:
        advice = f"Correct {variable}: it takes the address of PostgreSQL itself."
        return (CheckResult(_DIRECT, Verdict.BAD, "it leads to a pooler too", advice),)
    return (CheckResult(_DIRECT, Verdict.GOOD, "PostgreSQL itself answers, for locks"),)


def check_schema(state: DatabaseState) -> CheckResult:
    """Report whether the schema is of this version."""
    if not state.missing_steps:
        return CheckResult("Schema", Verdict.GOOD, "of this version")
    steps = f"{state.missing_steps} migration{'' if state.missing_steps == 1 else 's'}"
    advice = "Start the server, which applies them, or run telecmi-mcp team migrate."
    return CheckResult("Schema", Verdict.BAD, f"{steps} missing", advice)


def check_access_keys(state: DatabaseState, settings: TeamSettings) -> tuple[CheckResult, ...]:
    """Report how many callers have a key, and which keys end soon; nothing if callers have no keys."""
    number = state.callers_with_keys
    if settings.callers != "keys" or number is None:
        return ()
    if not number:
        advice = "Create one: telecmi-mcp team key add NAME."
        return (CheckResult("Keys", Verdict.DOUBTFUL, "no caller has a key", advice),)
    counted = CheckResult("Keys", Verdict.GOOD, f"{number:,} caller{'' if number == 1 else 's'} with a key")
    return (counted, *map(_ending, state.ending_keys))


def check_caller_sign_ins(state: DatabaseState, settings: TeamSettings) -> tuple[CheckResult, ...]:
    """Report how many callers have a TeleCMI sign-in; nothing if all read with the service's."""
    number = state.callers_signed_in
    if settings.sign_ins != "callers" or number is None:
        return ()
    if not number:
        advice = "Sign one in: telecmi-mcp team sign-in NAME --user-id ID."
        return (CheckResult("Sign-ins", Verdict.DOUBTFUL, "no caller is signed in to TeleCMI", advice),)
    return (CheckResult("Sign-ins", Verdict.GOOD, f"{number:,} caller{'' if number == 1 else 's'} with a sign-in"),)


def _ending(key: KeyEnd) -> CheckResult:
    when = "within a day" if key.days < 1 else f"in {key.days} day{'' if key.days == 1 else 's'}"
    advice = f"Replace it: telecmi-mcp team key rotate {shlex.quote(key.caller)}."
    return CheckResult("Keys", Verdict.DOUBTFUL, f"the key {key.key_id} of {key.caller} ends {when}", advice)


def _unsuitable(state: DatabaseState) -> tuple[str, str] | None:
    if state.version_number < MIN_VERSION * 10_000:
        return f"PostgreSQL {state.version} is too old", f"Upgrade it to PostgreSQL {MIN_VERSION} or later."
    if state.encoding != "UTF8":
        return f"its encoding is {state.encoding}, not UTF8", "Create another one: createdb --encoding=UTF8 NAME."
    if state.is_read_only:
        return "it is a standby or read-only", "Name the primary in TELECMI_DATABASE_URL."
    return None


def _missing_right(state: DatabaseState) -> tuple[str, str] | None:
    if not state.may_create_schema:
        advice = "Run as its owner: GRANT CREATE ON DATABASE name TO user."
        return "its user may not create the schema telecmi_mcp", advice
    if not state.may_use_schema or state.closed_tables:
        what = "use the schema telecmi_mcp" if not state.may_use_schema else f"write {state.closed_tables} tables"
        advice = "Use the user who created the schema, or make this user its owner with its tables."
        return f"its user may not {what}", advice
    return None
