"""Checks the settings for unfilled placeholders and for secrets in the wrong variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from telecmi_mcp._config import variables
from telecmi_mcp._doctor.result import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_UNFILLED = re.compile(r"\s*\$\{[^}]*\}\s*")
_TOKENLIKE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}|[A-Za-z0-9_-]{24,}")  # a JWT, or a long random text
_WRONG_NAMES = ("TELECMI_API_KEY", "TELECMI_API_TOKEN", "TELECMI_KEY", "TELECMI_SECRET", "TELECMI_USER_TOKEN")


def check_settings(environ: Mapping[str, str], flags: Collection[str] = ()) -> CheckResult:
    """Report which settings are set, and which a client passed as a literal ``${...}``.

    Args:
        environ: The values of the settings, of flags too.
        flags: The variables of the settings that were given as flags.
    """
    unfilled = [each.variable for each in variables.ALL if _UNFILLED.fullmatch(environ.get(each.variable, ""))]
    if unfilled:
        names = " and ".join(unfilled)
        return CheckResult(
            "Settings",
            Verdict.DOUBTFUL,
            f"{names}: the client passed the literal text ${{...}}, which counts as not set",
            f"Set {names} in the client's settings, or remove {'it' if len(unfilled) == 1 else 'them'}.",
        )
    given = [
        setting.flag if setting.variable in flags else setting.variable
        for setting in variables.ALL
        if variables.is_set(environ, setting)
    ]
    return CheckResult("Settings", Verdict.GOOD, ", ".join(given) or "none set; all defaults apply")


def check_secrets(environ: Mapping[str, str]) -> CheckResult:
    """Report a value that looks like a token in a variable that is not secret, or that nothing reads."""
    for says, advice in (*_misplaced(environ), *_misnamed(environ)):
        return CheckResult("Secrets", Verdict.BAD, says, advice)
    return CheckResult("Secrets", Verdict.GOOD, "none exposed")


def _misplaced(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    user_id = variables.USER_ID
    if variables.is_set(environ, user_id) and _TOKENLIKE.fullmatch(environ[user_id.variable].strip()):
        yield (
            f"{user_id.variable} holds what looks like a token",
            f"Move it to {variables.TOKEN.variable}, or run telecmi-mcp login: the user id is not treated as secret.",
        )
    for file in (variables.TOKEN_FILE, variables.PASSWORD_FILE):
        if variables.is_set(environ, file) and _TOKENLIKE.fullmatch(environ[file.variable].strip()):
            yield (
                f"{file.variable} holds what looks like a token, not a path",
                f"Move it to {file.variable.removesuffix('_FILE')}, or run telecmi-mcp login.",
            )
    if _has_user_or_query(environ.get(variables.BASE_URL.variable, "")):
        yield (
            f"{variables.BASE_URL.variable} contains a user name or a query, which logs and error messages repeat",
            f"Remove it from {variables.BASE_URL.variable}: a token belongs in {variables.TOKEN.variable}.",
        )


def _misnamed(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in _WRONG_NAMES:
        if environ.get(name):
            yield f"{name} is set, but nothing reads it", f"Rename it to {variables.TOKEN.variable}."


def _has_user_or_query(address: str) -> bool:
    try:
        url = urlsplit(address)
    except ValueError:
        return False
    return "@" in url.netloc or bool(url.query)
