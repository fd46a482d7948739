"""``telecmi-mcp team sign-in|sign-out|list|new-key|rekey``: manages the TeleCMI credentials of callers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_setting_flags, read_settings
from telecmi_mcp._cli.team.database import opened_database
from telecmi_mcp._cli.team.operations import add_operation
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Account, Credentials
    from telecmi_mcp._cli.team.operations import AddParser
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._team.accounts.credential_store import Listed, TeamSignIns
    from telecmi_mcp._team.db.database import Database

_APPLIED = "Every running server applies this within seconds."
_NOT_REVOKED = (
    "TeleCMI documents no way to revoke a token: it stays valid for up to 30 days, or until the password changes."
)
# The service's own credentials, which belong to no caller.
_SERVICE_VARIABLES = (
    "TELECMI_TOKEN",
    "TELECMI_TOKEN_FILE",
    "TELECMI_PASSWORD",
    "TELECMI_PASSWORD_FILE",
    "TELECMI_USER_ID",
)
_HEADER = ("caller", "user id", "organisation", "renewed", "since", "TeleCMI")


def add_operations(add_parser: AddParser) -> None:
    """Add the operations on callers' sign-ins."""
    sign_in = add_operation(
        add_parser, "sign-in", "Sign in to TeleCMI for a caller, and store the token encrypted.", _sign_in
    )
    sign_in.add_argument("name", metavar="NAME", help="The caller: the name of an access key, or an OAuth subject.")
    add_setting_flags(sign_in, (variables.USER_ID, variables.BASE_URL, variables.TIMEOUT))
    sign_in.add_argument(
        "--organisation",
        metavar="LABEL",
        default="",
        help="Callers with the same label see the same contacts: they share one index, and one sign-in reads for all.",
    )
    sign_in.add_argument(
        "--remember-password",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="Store the password too, so that the server renews the token (the default).",
    )
    how = sign_in.add_mutually_exclusive_group()
    how.add_argument("--password-stdin", action="store_true", help="Read the password from standard input.")
    how.add_argument("--token", action="store_true", help="Read a token from standard input instead of signing in.")
    sign_out = add_operation(add_parser, "sign-out", "Remove the stored credentials of a caller.", _sign_out)
    sign_out.add_argument("name", metavar="NAME")
    add_setting_flags(sign_out, (variables.BASE_URL,))
    add_operation(add_parser, "list", "List the callers that are signed in, with user id and date.", _list)
    add_operation(add_parser, "new-key", "Print a new key for TELECMI_ENCRYPTION_KEYS.", _new_key)
    add_operation(add_parser, "rekey", "Encrypt all sign-ins with the newest key.", _rekey)


def _sign_in(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio

    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._cli import prompts

    settings = read_settings(args, {**environ, **dict.fromkeys(_SERVICE_VARIABLES, "")})
    _check_name("NAME", args.name)
    _check_name("--organisation", args.organisation or "-")
    with opened_database(environ) as database:
        sign_ins = _opened_sign_ins(database, environ)  # before the user types a password
        account = Account(settings.base_url, settings.user_id or prompts.ask_user_id())
        if args.token:
            credentials = anyio.run(_with_token, sign_ins, account, args)
        else:
            password = prompts.read_password_line() if args.password_stdin else prompts.ask_password()
            credentials = anyio.run(_with_password, database, sign_ins, settings, account, password, args)
    print(_summary(args.name, credentials))
    return 0


async def _with_token(sign_ins: TeamSignIns, account: Account, args: argparse.Namespace) -> Credentials:
    import time

    from telecmi_mcp._auth.credentials import Credentials
    from telecmi_mcp._cli.prompts import read_token_line

    credentials = Credentials(account, read_token_line(), time.time(), organisation=args.organisation)
    await sign_ins.keep(args.name, credentials)
    return credentials


async def _with_password(  # noqa: PLR0917 - what a login needs
    database: Database,
    sign_ins: TeamSignIns,
    settings: Settings,
    account: Account,
    password: SecretStr,
    args: argparse.Namespace,
) -> Credentials:
    from dataclasses import replace

    from telecmi_mcp._api.http import Channel
    from telecmi_mcp._auth.login import Login
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.accounts.login_locks import LoginLocks, SharedPasswordHashes

    channel = Channel(settings.base_url)
    rejected_passwords = RejectedPasswords(SharedPasswordHashes(database, is_needed=True))
    login = Login(channel, rejected_passwords, KnownSecrets(), timeout=settings.timeout)
    try:
        async with LoginLocks(database, timeout=settings.timeout, is_needed=True).held(account):
            credentials, _ = await login.interactive(account, password)
            kept = replace(
                credentials, password=password if args.remember_password else None, organisation=args.organisation
            )
            await sign_ins.keep(args.name, kept)
    finally:
        await channel.aclose()
    return kept


def _sign_out(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio

    from telecmi_mcp._team.accounts.credential_store import TeamSignIns

    base_url = read_settings(args, environ).base_url
    with opened_database(environ) as database:
        database.migrate()
        known = anyio.run(TeamSignIns(database, None).forget, args.name, base_url)
    print(f"Removed.\n{_APPLIED}\n{_NOT_REVOKED}" if known else "Nothing is stored for this caller.")
    return 0


def _list(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio

    from telecmi_mcp._team.accounts.credential_store import TeamSignIns

    with opened_database(environ) as database:
        database.require_schema()
        listed = anyio.run(TeamSignIns(database, None).listed)
    rows = [_HEADER, *map(_row, listed)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _new_key(_: argparse.Namespace, __: Mapping[str, str]) -> int:
    from telecmi_mcp._team.accounts.encryption import new_key

    print(new_key())
    return 0


def _rekey(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio

    with opened_database(environ) as database:
        count = anyio.run(_opened_sign_ins(database, environ).rekey)
    print(f"{count} sign-in{'' if count == 1 else 's'} re-encrypted; none needs an older key.")
    return 0


def _opened_sign_ins(database: Database, environ: Mapping[str, str]) -> TeamSignIns:
    from pydantic import SecretStr

    from telecmi_mcp._team.accounts.credential_store import TeamSignIns
    from telecmi_mcp._team.accounts.encryption import open_vault
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.config.variables import ENCRYPTION_KEYS, team_values_of
    from telecmi_mcp.errors import ConfigurationError

    values = team_values_of(environ)
    keys, path = values["encryption_keys"], values["encryption_keys_file"]
    vault = open_vault(TeamSettings(encryption_keys=SecretStr(keys) if keys else None, encryption_keys_file=path))
    if vault is None:
        raise ConfigurationError(
            hint=f"Set {ENCRYPTION_KEYS.variable} to what telecmi-mcp team new-key prints",
            fact="sign-ins are stored encrypted",
        )
    database.migrate()
    return TeamSignIns(database, vault)


def _check_name(what: str, text: str) -> None:
    from telecmi_mcp._team.auth.callers import MAX_NAME, is_name
    from telecmi_mcp.errors import ConfigurationError

    if not is_name(text):
        raise ConfigurationError(
            hint=f"Correct {what}", fact=f"use 1 to {MAX_NAME} printable characters, without spaces at the ends"
        )


def _row(listed: Listed) -> tuple[str, ...]:
    since = listed.since.astimezone().isoformat(timespec="seconds")
    renews = "yes" if listed.renews else "no"
    return listed.caller, listed.user_id, listed.organisation or "-", renews, since, listed.base_url


def _summary(name: str, credentials: Credentials) -> str:
    user = credentials.account.user_id
    whose = f"organisation {credentials.organisation}, by user {user}" if credentials.organisation else f"user {user}"
    renewal = (
        "The server renews the token."
        if credentials.password
        else "The token is not renewed: sign in again within 30 days."
    )
    return f"{name} reads the contacts of {whose} at {credentials.account.base_url}. {renewal}\n{_APPLIED}"
