"""``telecmi-mcp team sign-in|sign-out|list|new-key|rekey``: whose TeleCMI token callers read with."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from telecmi_mcp import _variables
from telecmi_mcp._cli._configuration import add_setting_flags, read_settings
from telecmi_mcp._cli._team_database import opened_database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from telecmi_mcp._settings import Settings
    from telecmi_mcp._sign_ins import Account, Grant
    from telecmi_mcp._team._database import Database
    from telecmi_mcp._team._sign_ins._sign_ins import Listed, TeamSignIns

    Deed = Callable[[argparse.Namespace, Mapping[str, str]], int]
    Deeds = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it

_FOLLOWED = "Every running server follows within seconds."
_REVOKED = "TeleCMI documents no way to revoke a token: it lives on for up to 30 days, or until the password changes."
# What a server of that environment signs itself in with, which is no caller's.
_OF_THE_SERVICE = (
    "TELECMI_TOKEN",
    "TELECMI_TOKEN_FILE",
    "TELECMI_PASSWORD",
    "TELECMI_PASSWORD_FILE",
    "TELECMI_USER_ID",
)
_HEADS = ("caller", "user id", "organisation", "renews itself", "since", "TeleCMI")


def add_deeds(deeds: Deeds) -> None:
    """Declare what can be done with callers' sign-ins."""
    sign_in = _add(deeds, "sign-in", "Sign in to TeleCMI for a caller, and keep it, encrypted.", _sign_in)
    sign_in.add_argument("name", metavar="NAME", help="The caller: the name of an access key, or an OAuth subject.")
    add_setting_flags(sign_in, (_variables.USER_ID, _variables.BASE_URL, _variables.TIMEOUT))
    sign_in.add_argument(
        "--organisation",
        metavar="LABEL",
        default="",
        help="Callers with the same label see the same contacts: they share a mirror, and one sign-in reads for all.",
    )
    sign_in.add_argument(
        "--remember-password",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="Keep the password too, so that the token renews itself (the default).",
    )
    how = sign_in.add_mutually_exclusive_group()
    how.add_argument("--password-stdin", action="store_true", help="Read the password from standard input.")
    how.add_argument("--token", action="store_true", help="Read a token from standard input, and make no login.")
    sign_out = _add(deeds, "sign-out", "Forget what a caller reads with.", _sign_out)
    sign_out.add_argument("name", metavar="NAME")
    add_setting_flags(sign_out, (_variables.BASE_URL,))
    _add(deeds, "list", "Say which callers are signed in, as whom, and since when.", _list)
    _add(deeds, "new-key", "Print a fresh key for TELECMI_ENCRYPTION_KEYS.", _new_key)
    _add(deeds, "rekey", "Encrypt all sign-ins with the newest key.", _rekey)


def _add(deeds: Deeds, name: str, summary: str, deed: Deed) -> argparse.ArgumentParser:
    parser = deeds.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(deed=deed)
    return parser


def _sign_in(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio  # noqa: PLC0415 - late, like all that --help does not need

    from telecmi_mcp._cli import _passwords  # noqa: PLC0415
    from telecmi_mcp._sign_ins import Account  # noqa: PLC0415

    settings = read_settings(args, {**environ, **dict.fromkeys(_OF_THE_SERVICE, "")})
    _check_name("NAME", args.name)
    _check_name("--organisation", args.organisation or "-")
    with opened_database(environ) as database:
        sign_ins = _opened_sign_ins(database, environ)  # before a person has typed anything
        account = Account(settings.base_url, settings.user_id or _passwords.ask_user_id())
        if args.token:
            made = anyio.run(_with_token, sign_ins, account, args)
        else:
            password = _passwords.read_password_line() if args.password_stdin else _passwords.ask_password()
            made = anyio.run(_with_password, database, sign_ins, settings, account, password, args)
    print(_told(args.name, made))
    return 0


async def _with_token(sign_ins: TeamSignIns, account: Account, args: argparse.Namespace) -> Grant:
    import time  # noqa: PLC0415 - late, like all that --help does not need

    from telecmi_mcp._cli._passwords import read_token_line  # noqa: PLC0415
    from telecmi_mcp._sign_ins import Grant  # noqa: PLC0415

    grant = Grant(account, read_token_line(), time.time(), organisation=args.organisation)
    await sign_ins.keep(args.name, grant)
    return grant


async def _with_password(  # noqa: PLR0913, PLR0917 - all that a login takes
    database: Database,
    sign_ins: TeamSignIns,
    settings: Settings,
    account: Account,
    password: SecretStr,
    args: argparse.Namespace,
) -> Grant:
    from dataclasses import replace  # noqa: PLC0415 - late, like all that --help does not need

    from telecmi_mcp._http import Channel  # noqa: PLC0415
    from telecmi_mcp._login import Login  # noqa: PLC0415
    from telecmi_mcp._refusals import Refusals  # noqa: PLC0415
    from telecmi_mcp._secrets import KnownSecrets  # noqa: PLC0415
    from telecmi_mcp._team._sign_ins._logins import LoginLocks, SharedMarks  # noqa: PLC0415

    channel = Channel(settings.base_url)
    refusals = Refusals(SharedMarks(database, is_needed=True))
    login = Login(channel, refusals, KnownSecrets(), timeout=settings.timeout)
    try:
        async with LoginLocks(database, patience=settings.timeout, is_needed=True).held(account):
            grant, _ = await login.by_hand(account, password)
            kept = replace(grant, password=password if args.remember_password else None, organisation=args.organisation)
            await sign_ins.keep(args.name, kept)
    finally:
        await channel.aclose()
    return kept


def _sign_out(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio  # noqa: PLC0415 - late, like all that --help does not need

    from telecmi_mcp._team._sign_ins._sign_ins import TeamSignIns  # noqa: PLC0415

    base_url = read_settings(args, environ).base_url
    with opened_database(environ) as database:
        database.migrate()
        known = anyio.run(TeamSignIns(database, None).forget, args.name, base_url)
    print(f"Forgotten.\n{_FOLLOWED}\n{_REVOKED}" if known else "Nothing is kept of this caller.")
    return 0


def _list(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio  # noqa: PLC0415 - late, like all that --help does not need

    from telecmi_mcp._team._sign_ins._sign_ins import TeamSignIns  # noqa: PLC0415

    with opened_database(environ) as database:
        database.migrate()
        listed = anyio.run(TeamSignIns(database, None).listed)
    rows = [_HEADS, *map(_row, listed)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _new_key(_: argparse.Namespace, __: Mapping[str, str]) -> int:
    from telecmi_mcp._team._sign_ins._vault import new_key  # noqa: PLC0415 - late, like all that --help does not need

    print(new_key())
    return 0


def _rekey(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio  # noqa: PLC0415 - late, like all that --help does not need

    with opened_database(environ) as database:
        count = anyio.run(_opened_sign_ins(database, environ).rekey)
    print(f"{count} sign-in{'' if count == 1 else 's'} encrypted anew; none needs an older key.")
    return 0


def _opened_sign_ins(database: Database, environ: Mapping[str, str]) -> TeamSignIns:
    from pydantic import SecretStr  # noqa: PLC0415 - late, like all that --help does not need

    from telecmi_mcp._team._settings import TeamSettings  # noqa: PLC0415
    from telecmi_mcp._team._sign_ins._sign_ins import TeamSignIns  # noqa: PLC0415
    from telecmi_mcp._team._sign_ins._vault import open_vault  # noqa: PLC0415
    from telecmi_mcp._team._variables import ENCRYPTION_KEYS, team_values_of  # noqa: PLC0415
    from telecmi_mcp.errors import ConfigurationError  # noqa: PLC0415

    values = team_values_of(environ)
    keys, path = values["encryption_keys"], values["encryption_keys_file"]
    vault = open_vault(TeamSettings(encryption_keys=SecretStr(keys) if keys else None, encryption_keys_file=path))
    if vault is None:
        raise ConfigurationError(
            hint=f"Set {ENCRYPTION_KEYS.variable} to what telecmi-mcp team new-key prints",
            fact="sign-ins are encrypted",
        )
    database.migrate()
    return TeamSignIns(database, vault)


def _check_name(what: str, text: str) -> None:
    from telecmi_mcp._team._callers import MAX_NAME, is_name  # noqa: PLC0415 - late, like all the others
    from telecmi_mcp.errors import ConfigurationError  # noqa: PLC0415

    if not is_name(text):
        raise ConfigurationError(
            hint=f"Correct {what}", fact=f"it takes 1 to {MAX_NAME} printable characters, without a space at its ends"
        )


def _row(listed: Listed) -> tuple[str, ...]:
    since = listed.since.astimezone().isoformat(timespec="seconds")
    renews = "yes" if listed.renews else "no"
    return listed.caller, listed.user_id, listed.organisation or "-", renews, since, listed.base_url


def _told(name: str, grant: Grant) -> str:
    user = grant.account.user_id
    whose = f"organisation {grant.organisation}, by user {user}" if grant.organisation else f"user {user}"
    renewal = "It renews itself." if grant.password else "Nothing renews it: sign in again before its 30 days end."
    return f"{name} reads the contacts of {whose} at {grant.account.base_url}. {renewal}\n{_FOLLOWED}"
