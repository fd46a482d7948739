"""``telecmi-mcp team sign-in|sign-out|list|new-key|rekey``: manages the TeleCMI credentials of callers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_setting_flags, read_settings
from telecmi_mcp._cli.team.database import opened_database
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Account, Credentials
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._team.accounts.credential_store import Listed, TeamSignIns
    from telecmi_mcp._team.db.database import Database

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


def add_operations(operations: Deeds) -> None:
    """Declare what can be done with callers' sign-ins."""
    sign_in = _add(operations, "sign-in", "Sign in to TeleCMI for a caller, and keep it, encrypted.", _sign_in)
    sign_in.add_argument("name", metavar="NAME", help="The caller: the name of an access key, or an OAuth subject.")
    add_setting_flags(sign_in, (variables.USER_ID, variables.BASE_URL, variables.TIMEOUT))
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
    sign_out = _add(operations, "sign-out", "Forget what a caller reads with.", _sign_out)
    sign_out.add_argument("name", metavar="NAME")
    add_setting_flags(sign_out, (variables.BASE_URL,))
    _add(operations, "list", "Say which callers are signed in, as whom, and since when.", _list)
    _add(operations, "new-key", "Print a fresh key for TELECMI_ENCRYPTION_KEYS.", _new_key)
    _add(operations, "rekey", "Encrypt all sign-ins with the newest key.", _rekey)


def _add(operations: Deeds, name: str, summary: str, operation: Deed) -> argparse.ArgumentParser:
    parser = operations.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(operation=operation)
    return parser


def _sign_in(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio

    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._cli import prompts

    settings = read_settings(args, {**environ, **dict.fromkeys(_OF_THE_SERVICE, "")})
    _check_name("NAME", args.name)
    _check_name("--organisation", args.organisation or "-")
    with opened_database(environ) as database:
        sign_ins = _opened_sign_ins(database, environ)  # before a person has typed anything
        account = Account(settings.base_url, settings.user_id or prompts.ask_user_id())
        if args.token:
            made = anyio.run(_with_token, sign_ins, account, args)
        else:
            password = prompts.read_password_line() if args.password_stdin else prompts.ask_password()
            made = anyio.run(_with_password, database, sign_ins, settings, account, password, args)
    print(_told(args.name, made))
    return 0


async def _with_token(sign_ins: TeamSignIns, account: Account, args: argparse.Namespace) -> Credentials:
    import time

    from telecmi_mcp._auth.credentials import Credentials
    from telecmi_mcp._cli.prompts import read_token_line

    credentials = Credentials(account, read_token_line(), time.time(), organisation=args.organisation)
    await sign_ins.keep(args.name, credentials)
    return credentials


async def _with_password(  # noqa: PLR0917 - all that a login takes
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
        async with LoginLocks(database, patience=settings.timeout, is_needed=True).held(account):
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
    print(f"Forgotten.\n{_FOLLOWED}\n{_REVOKED}" if known else "Nothing is kept of this caller.")
    return 0


def _list(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import anyio

    from telecmi_mcp._team.accounts.credential_store import TeamSignIns

    with opened_database(environ) as database:
        database.migrate()
        listed = anyio.run(TeamSignIns(database, None).listed)
    rows = [_HEADS, *map(_row, listed)]
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
    print(f"{count} sign-in{'' if count == 1 else 's'} encrypted anew; none needs an older key.")
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
            fact="sign-ins are encrypted",
        )
    database.migrate()
    return TeamSignIns(database, vault)


def _check_name(what: str, text: str) -> None:
    from telecmi_mcp._team.auth.callers import MAX_NAME, is_name
    from telecmi_mcp.errors import ConfigurationError

    if not is_name(text):
        raise ConfigurationError(
            hint=f"Correct {what}", fact=f"it takes 1 to {MAX_NAME} printable characters, without a space at its ends"
        )


def _row(listed: Listed) -> tuple[str, ...]:
    since = listed.since.astimezone().isoformat(timespec="seconds")
    renews = "yes" if listed.renews else "no"
    return listed.caller, listed.user_id, listed.organisation or "-", renews, since, listed.base_url


def _told(name: str, credentials: Credentials) -> str:
    user = credentials.account.user_id
    whose = f"organisation {credentials.organisation}, by user {user}" if credentials.organisation else f"user {user}"
    renewal = (
        "It renews itself." if credentials.password else "Nothing renews it: sign in again before its 30 days end."
    )
    return f"{name} reads the contacts of {whose} at {credentials.account.base_url}. {renewal}\n{_FOLLOWED}"
