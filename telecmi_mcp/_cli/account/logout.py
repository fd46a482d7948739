"""``telecmi-mcp logout``: removes the stored token, password and index of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_setting_flags, read_settings
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._config.settings import Settings

SUMMARY = "Remove the stored token, password and index of a user."

_KEYRING_TIMEOUT_S = 60.0  # a keyring may ask the user to unlock it
_NOT_REVOKED = (
    "TeleCMI documents no way to revoke a token: it stays valid for up to 30 days, or until the password changes."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser, (variables.USER_ID, variables.BASE_URL))


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Remove what is stored for the user, by default for the last one who signed in, and print what was removed."""
    import anyio

    settings = read_settings(args, environ)
    removed = anyio.run(_sign_out, settings)
    print(_summary(removed, settings))
    if overruling := variables.sign_in_variables(environ):
        print(f"{' and '.join(overruling)}, set here, still signs in.")
    elif removed.next_user_id and not settings.user_id:
        print(f"{removed.next_user_id} is signed in too, and is the one who is used now.")
    return 0


@dataclass(frozen=True, slots=True)
class _Removed:
    """What was removed.

    Attributes:
        user_id: The user; "" if nobody was signed in.
        things: What was removed of the user, in words.
        next_user_id: The user whose sign-in is now the last one; "" for none.
    """

    user_id: str
    things: tuple[str, ...]
    next_user_id: str


async def _sign_out(settings: Settings) -> _Removed:
    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._auth.resolve import login_lock_path, open_saved_sign_ins
    from telecmi_mcp._private_files import file_lock, state_folder

    folder = state_folder()
    sign_ins = open_saved_sign_ins(folder, time_limit=_KEYRING_TIMEOUT_S)
    async with file_lock(login_lock_path(folder), timeout_s=settings.timeout):
        user_id = settings.user_id or await sign_ins.last_user_id(settings.base_url)
        account = Account(settings.base_url, user_id)
        credentials = await sign_ins.find(account.base_url, user_id) if user_id else None
        await RejectedPasswords(folder).forget(account)
        is_known = await sign_ins.forget(account)
        next_user_id = await sign_ins.last_user_id(settings.base_url)
    removed = {
        "the token": credentials is not None and credentials.token is not None,
        "the password": credentials is not None and credentials.password is not None,
        "the sign-in": credentials is None and is_known,
        "the index": _forget_indexes(account),
    }
    return _Removed(user_id, tuple(thing for thing, is_removed in removed.items() if is_removed), next_user_id)


def _forget_indexes(account: Account) -> bool:
    """Remove the indexes of the user for every mask; return True if there was one."""
    from telecmi_mcp._index.account_directory import name_masked, name_owner
    from telecmi_mcp._index.location import cache_folder, forget_index
    from telecmi_mcp._mask import ALL_MASKS

    owner = name_owner(account.base_url, account.user_id)
    return sum(forget_index(cache_folder(), name_masked(owner, mask)) for mask in ALL_MASKS) > 0


def _summary(removed: _Removed, settings: Settings) -> str:
    if not removed.things:
        return f"Nothing is stored for {removed.user_id or 'any user'} at {settings.base_url}."
    *others, last = removed.things
    things = f"{', '.join(others)} and {last}" if others else last
    sentence = f"Removed {things} of {removed.user_id} at {settings.base_url}."
    return f"{sentence}\n{_NOT_REVOKED}" if "the token" in removed.things else sentence
