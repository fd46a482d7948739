"""``telecmi-mcp login``: signs in once, for all servers of this user."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import ACCOUNT_SETTINGS, add_setting_flags, read_settings
from telecmi_mcp._cli.wording import carry_flags
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import SecretStr

    from telecmi_mcp._auth.credentials import Account, Credentials
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._models import SignedIn

SUMMARY = "Sign in to TeleCMI, and store the token in the OS keyring or a private file."

_KEYRING_TIMEOUT_S = 60.0  # a keyring may ask the user to unlock it
_DAY_S = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser, ACCOUNT_SETTINGS)
    parser.add_argument(
        "--store",
        choices=("keyring", "file"),
        default="keyring",
        help="Store the token in the OS keyring (the default), or in a file that only you can read.",
    )
    parser.add_argument(
        "--remember-password",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="Store the password too, so that the server renews the token. By default it is not stored.",
    )
    parser.add_argument("--password-stdin", action="store_true", help="Read the password from standard input.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Ask for the password, sign in, store the token, and print when it expires."""
    import anyio

    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._cli import prompts

    settings = read_settings(args, environ)
    if overruling := variables.sign_in_variables(environ):
        print(f"Note: {_overruled(overruling)}", file=sys.stderr)
    anyio.run(_check_store, args.store)  # before the user types a password
    account = Account(settings.base_url, settings.user_id or prompts.ask_user_id())
    password = prompts.read_password_line() if args.password_stdin else prompts.ask_password()
    choice = _Choice(args.store, remember=args.remember_password)
    kept, signed_in = anyio.run(_sign_in, settings, account, password, choice)
    print(_summary(kept, signed_in))
    print(_readers(kept, args, environ))
    return 0


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is stored, and where."""

    store: str
    remember: bool


async def _check_store(name: str) -> None:
    from telecmi_mcp._auth.resolve import open_stores
    from telecmi_mcp._private_files import state_folder

    await open_stores(state_folder(), time_limit=_KEYRING_TIMEOUT_S)[name].check()


async def _sign_in(
    settings: Settings, account: Account, password: SecretStr, choice: _Choice
) -> tuple[Credentials, SignedIn]:
    from telecmi_mcp._api.http import Channel
    from telecmi_mcp._auth.login import Login
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._auth.resolve import login_lock_path, open_saved_sign_ins
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._private_files import file_lock, state_folder

    folder = state_folder()
    channel = Channel(settings.base_url)
    login = Login(channel, RejectedPasswords(folder), KnownSecrets(), timeout=settings.timeout)
    try:
        async with file_lock(login_lock_path(folder), timeout_s=settings.timeout):
            credentials, signed_in = await login.interactive(account, password)
            kept = replace(credentials, store=choice.store, password=password if choice.remember else None)
            await open_saved_sign_ins(folder, time_limit=_KEYRING_TIMEOUT_S).keep(kept)
    finally:
        await channel.aclose()
    return kept, signed_in


def _summary(kept: Credentials, signed_in: SignedIn) -> str:
    from telecmi_mcp._api.token_source import LIFETIME_DAYS
    from telecmi_mcp._auth.resolve import STORES

    who = f"{signed_in.name} ({kept.account.user_id})" if signed_in.name else kept.account.user_id
    end = time.strftime("%Y-%m-%d", time.localtime(kept.issued_at + LIFETIME_DAYS * _DAY_S))
    renewal = "The server renews it." if kept.password else "Then sign in again, or use --remember-password now."
    return (
        f"Signed in as {who} at {kept.account.base_url}.\n"
        f"TeleCMI documents that a token is valid for {LIFETIME_DAYS} days: until {end}. {renewal}\n"
        f"Stored in {STORES[kept.store]}."
    )


def _readers(kept: Credentials, args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """Return who reads the sign-in, or what keeps a server from reading it."""
    from telecmi_mcp._auth.credentials import Account

    if overruling := variables.sign_in_variables(environ):
        return _overruled(overruling)
    base_url = variables.value_of(environ, variables.BASE_URL).rstrip("/")
    user_id = variables.value_of(environ, variables.USER_ID)
    if kept.account != Account(base_url, user_id or kept.account.user_id):
        return carry_flags("A server needs the same flags: run telecmi-mcp install CLIENT.", args)
    return "Every telecmi-mcp of this user reads it there; none needs TELECMI_TOKEN."


def _overruled(names: Sequence[str]) -> str:
    return f"{' and '.join(names)}, set here, overrules every sign-in: a server that has it too does not use this one."
