"""``telecmi-mcp logout``: removes the stored token, password and index of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_setting_flags, read_settings
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

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
    """Remove what is stored for the user, by default for the last one who signed in."""
    import anyio

    print(anyio.run(_sign_out, read_settings(args, environ)))
    return 0


async def _sign_out(settings: Settings) -> str:
    from telecmi_mcp._auth.credentials import Account
    from telecmi_mcp._auth.rejected_passwords import RejectedPasswords
    from telecmi_mcp._auth.resolve import login_lock_path, open_saved_sign_ins
    from telecmi_mcp._index.account_directory import name_masked, name_owner
    from telecmi_mcp._index.location import cache_folder, forget_index
    from telecmi_mcp._mask import ALL_MASKS
    from telecmi_mcp._private_files import file_lock, state_folder

    folder = state_folder()
    sign_ins = open_saved_sign_ins(folder, time_limit=_KEYRING_TIMEOUT_S)
    async with file_lock(login_lock_path(folder), timeout_s=settings.timeout):
        user_id = settings.user_id or await sign_ins.last_user_id(settings.base_url)
        account = Account(settings.base_url, user_id)
        await RejectedPasswords(folder).forget(account)
        known = await sign_ins.forget(account)
    for mask in ALL_MASKS:
        forget_index(cache_folder(), name_masked(name_owner(settings.base_url, user_id), mask))
    if not known:
        return f"Nothing is stored for {user_id or 'any user'} at {settings.base_url}."
    return f"Removed the token, the password and the index of {user_id} at {settings.base_url}.\n{_NOT_REVOKED}"
