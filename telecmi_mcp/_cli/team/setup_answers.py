"""Collects the settings of ``team setup`` from flags, the environment and answers, and checks each at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

from telecmi_mcp._cli import prompts
from telecmi_mcp._cli.team.setup_checks import check_database, check_issuer, judge, parse, read_state
from telecmi_mcp._config import variables as common
from telecmi_mcp._team.config import variables as team
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from telecmi_mcp._config.variables import Setting

_T = TypeVar("_T")

_WORDS = {team.WHO: "callers", team.WHOSE: "sign_ins"}  # whose values are compared here
_SERVICE_SIGN_INS = (common.TOKEN, common.TOKEN_FILE, common.PASSWORD, common.PASSWORD_FILE)


def collect(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a new setup by variable.

    Raises:
        ConfigurationError: A value is missing and there is no terminal to ask for it, or its check fails.
    """
    given = {each.variable: environ[each.variable] for each in (*team.TEAM, *common.ALL) if _has(environ, each)}
    if args.database_url_file is not None:
        given[team.DATABASE_URL.variable] = _read_line(args.database_url_file)
    common.values_of(given)
    values = team.team_values_of(given)
    given |= {each.variable: values[name] for each, name in _WORDS.items() if _has(given, each)}
    if not sys.stdin.isatty():
        _require(given)
        _check_given(given)
        return given
    try:
        _ask_missing(given)
    except EOFError:
        raise ConfigurationError(hint="Answer the questions, or pass flags", fact="the input has ended") from None
    return given


def _has(values: Mapping[str, str], *settings: Setting) -> bool:
    return any(common.is_set(values, each) for each in settings)


def _read_line(path: Path) -> str:
    from telecmi_mcp._private_files import read_private

    try:
        return read_private(path).decode().strip()
    except ConfigurationError as why:
        raise ConfigurationError(hint=why.hint, fact=f"{why.fact}, which --database-url-file names") from None
    except (OSError, ValueError):
        fact = "the file that it names cannot be read"
        raise ConfigurationError(hint="Correct --database-url-file", fact=fact) from None


# Without a terminal


def _require(given: Mapping[str, str]) -> None:
    """Check that the values are given that have no default."""
    callers = given.get(team.WHO.variable, "")
    needed = [team.WHO]
    needed += [] if callers == "anyone" or _has(given, team.ALLOWED_HOSTS) else [team.PUBLIC_URL]
    needed += {"keys": [team.DATABASE_URL], "oauth": [team.ISSUER]}.get(callers, [])
    for setting in needed:
        if not _has(given, setting):
            flag = "--database-url-file" if setting is team.DATABASE_URL else setting.flag
            hint = f"Pass {flag} or set {setting.variable}"
            raise ConfigurationError(hint=hint, fact="there is no terminal to ask for it")


def _check_given(given: Mapping[str, str]) -> None:
    if _has(given, team.DATABASE_URL):
        check_database(given[team.DATABASE_URL.variable])
    if given[team.WHO.variable] == "oauth":
        check_issuer(given)


# At a terminal


def _ask_missing(given: dict[str, str]) -> None:
    """Ask for what is not given, and check what is."""
    if _has(given, team.DATABASE_URL):
        check_database(given[team.DATABASE_URL.variable])
    elif url := _until_accepted(_ask_database):
        given[team.DATABASE_URL.variable] = url
    if not _has(given, team.PUBLIC_URL, team.ALLOWED_HOSTS):
        question = f"Public URL ({team.PUBLIC_URL.accepts}; empty if only this machine calls)"
        given[team.PUBLIC_URL.variable] = _until_accepted(lambda: _ask_setting(team.PUBLIC_URL, question))
    if not _has(given, team.WHO):
        given[team.WHO.variable] = _until_accepted(lambda: _ask_callers(given))
    if given[team.WHO.variable] == "oauth":
        _complete_issuer(given)
    _ask_sign_ins(given)


def _until_accepted(ask: Callable[[], _T]) -> _T:
    """Ask again until the answer is valid and its check succeeds."""
    while True:
        try:
            return ask()
        except ConfigurationError as why:
            print(f"  {why}")


def _ask_setting(setting: Setting, question: str, default: str = "") -> str:
    text = prompts.ask(question, default)
    team.team_values_of({setting.variable: text})
    return text


def _ask_callers(given: Mapping[str, str]) -> str:
    is_public = _has(given, team.PUBLIC_URL, team.ALLOWED_HOSTS)
    with_keys = ("keys",) if _has(given, team.DATABASE_URL) else ()
    words = (*with_keys, "oauth") if is_public else ("anyone", *with_keys)
    return _ask_word("Who may call", words)


def _ask_word(question: str, words: tuple[str, ...]) -> str:
    word = prompts.ask(f"{question} ({', '.join(words)})", words[0]).lower()
    if word not in words:
        raise ConfigurationError(hint=f"Answer {' or '.join(words)}", fact="this was something else")
    return word


def _complete_issuer(given: dict[str, str]) -> None:
    if _has(given, team.ISSUER):
        check_issuer(given)
        return

    def ask() -> str:
        issuer = _ask_setting(team.ISSUER, f"OAuth issuer ({team.ISSUER.accepts})")
        check_issuer({**given, team.ISSUER.variable: issuer})
        return issuer

    given[team.ISSUER.variable] = _until_accepted(ask)


def _ask_sign_ins(given: dict[str, str]) -> None:
    """Ask whose TeleCMI sign-in is used, and for that of the service."""
    can_be_callers = given[team.WHO.variable] != "anyone" and _has(given, team.DATABASE_URL)
    if can_be_callers and not _has(given, team.WHOSE):
        question = "Whose TeleCMI sign-in is used: one of the service for all, or one of each caller"
        given[team.WHOSE.variable] = _until_accepted(lambda: _ask_word(question, team.SIGN_INS))
    if given.get(team.WHOSE.variable, "service") == "service" and not _has(given, *_SERVICE_SIGN_INS):
        given |= _until_accepted(lambda: _ask_service_user(given))


def _ask_service_user(given: Mapping[str, str]) -> dict[str, str]:
    user_id = given.get(common.USER_ID.variable, "") or prompts.ask(
        "TeleCMI user id that reads for all callers (such as 103_1111112; empty to add it later)"
    )
    if not user_id:
        return {}
    password = prompts.ask_password().get_secret_value()
    found = {common.USER_ID.variable: user_id, common.PASSWORD.variable: password}
    common.values_of(found)
    return found


def _ask_database() -> str:
    """Ask for the address, and for the password if the database wants one; return the address with it."""
    text = prompts.ask("Database (postgresql://USER@HOST/NAME, without its password; empty for none)")
    if not text:
        return ""
    address = parse(text)
    if address.password is not None:
        hint = "Change this password, which was visible, and enter the address without it"
        raise ConfigurationError(hint=hint, fact="a password is asked for apart, and hidden")
    state = read_state(address.alone)
    if state.is_password_missing:
        address = address._replace(password=prompts.ask_password("Password of the database (input is hidden): "))
        state = read_state(address.alone)
    judge(state)
    return address.whole.get_secret_value()
