"""Checks the settings as a client passed them: unfilled placeholders, and secrets in places that are not secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telecmi_mcp._config import variables
from telecmi_mcp._doctor.result import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_UNFILLED = re.compile(r"\s*\$\{[^}]*\}\s*")
_TOKENLIKE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}|[A-Za-z0-9_-]{24,}")  # three parts of base64, or long
_WRONG_NAMES = ("TELECMI_API_KEY", "TELECMI_API_TOKEN", "TELECMI_KEY", "TELECMI_SECRET", "TELECMI_USER_TOKEN")


def look_at_settings(environ: Mapping[str, str]) -> CheckResult:
    """Say which settings are set, and which a client left as a literal ``${...}``."""
    unfilled = [name for name in _names() if _UNFILLED.fullmatch(environ.get(name, ""))]
    if unfilled:
        names = " and ".join(unfilled)
        return CheckResult(
            "Settings",
            Verdict.DOUBTFUL,
            f"{names}: the client passed the literal ${{...}} on, which counts as not set",
            f"Fill {names} in in the client's settings, or take {'it' if len(unfilled) == 1 else 'them'} out.",
        )
    given = [setting.variable for setting in variables.ALL if variables.is_set(environ, setting)]
    return CheckResult("Settings", Verdict.GOOD, ", ".join(given) or "none, all as by default")


def look_for_secrets(environ: Mapping[str, str]) -> CheckResult:
    """Say whether something that looks like a token stands where others can read it, or where nobody looks."""
    for says, advice in (*_misplaced(environ), *_misnamed(environ)):
        return CheckResult("Secrets", Verdict.BAD, says, advice)
    return CheckResult("Secrets", Verdict.GOOD, "none where it should not be")


def _names() -> list[str]:
    return [setting.variable for setting in variables.ALL]


def _misplaced(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    user_id = variables.USER_ID
    if variables.is_set(environ, user_id) and _TOKENLIKE.fullmatch(environ[user_id.variable].strip()):
        yield (
            f"{user_id.variable} holds what looks like a token",
            f"Move it to {variables.TOKEN.variable}, or run telecmi-mcp login: a user id is not kept secret.",
        )
    for file in (variables.TOKEN_FILE, variables.PASSWORD_FILE):
        if variables.is_set(environ, file) and _TOKENLIKE.fullmatch(environ[file.variable].strip()):
            yield (
                f"{file.variable} holds what looks like a token, not a path",
                f"Move it to {file.variable.removesuffix('_FILE')}, or run telecmi-mcp login.",
            )
    if _has_user_or_query(environ.get(variables.BASE_URL.variable, "")):
        yield (
            f"{variables.BASE_URL.variable} has a user or a query, which logs and error messages repeat",
            f"Take it out of {variables.BASE_URL.variable}: a token belongs in {variables.TOKEN.variable}.",
        )


def _misnamed(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in _WRONG_NAMES:
        if environ.get(name):
            yield f"{name} is set, and nothing reads it", f"Call it {variables.TOKEN.variable}."


def _has_user_or_query(address: str) -> bool:
    try:
        url = urlsplit(address)
    except ValueError:
        return False
    return "@" in url.netloc or bool(url.query)
