"""Writes what is left to do after ``telecmi-mcp install``: the sign-in, or the access key of a team server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._config import variables

if TYPE_CHECKING:
    import argparse

    from telecmi_mcp._config.settings import Settings

_KEYRING_TIMEOUT_S = 60.0
_SECRETS = (variables.TOKEN, variables.PASSWORD)


def sign_in_steps(args: argparse.Namespace, settings: Settings) -> list[str]:
    """Return the lines about the sign-in; none for the sandbox."""
    if args.url is not None:
        return _key_steps(args.url)
    return [] if args.sandbox else _account_steps(settings)


def _key_steps(url: str) -> list[str]:
    import anyio

    from telecmi_mcp._connect.access_keys import AccessKeys
    from telecmi_mcp._connect.endpoint import parse_endpoint
    from telecmi_mcp._private_files import state_folder

    endpoint = parse_endpoint(url)
    if anyio.run(AccessKeys(state_folder()).is_stored, endpoint.origin):
        return [f"An access key for {endpoint.origin} is stored."]
    return [f"Now store the access key: telecmi-mcp connect {endpoint.url} --login"]


def _account_steps(settings: Settings) -> list[str]:
    import anyio

    secrets = [
        setting.variable
        for setting, value in zip(_SECRETS, (settings.token, settings.password), strict=True)
        if value is not None
    ]
    steps = [f"{name} is set here and was not copied, because the file is plain text." for name in secrets]
    if settings.token_file or settings.password_file:
        return steps
    user_ids = anyio.run(_signed_in_users, settings.base_url)
    if settings.user_id in user_ids or (user_ids and not settings.user_id):
        return [*steps, f"Signed in at {settings.base_url}: {settings.user_id or user_ids[-1]}."]
    who = f" --user-id {settings.user_id}" if settings.user_id else ""
    where = "" if settings.base_url == variables.BASE_URL.default else f" --base-url {settings.base_url}"
    return [*steps, f"Now sign in: telecmi-mcp login{who}{where}"]


async def _signed_in_users(base_url: str) -> list[str]:
    from telecmi_mcp._auth.resolve import open_saved_sign_ins
    from telecmi_mcp._private_files import state_folder
    from telecmi_mcp.errors import CredentialStoreUnusable

    try:
        return await open_saved_sign_ins(state_folder(), time_limit=_KEYRING_TIMEOUT_S).user_ids(base_url)
    except CredentialStoreUnusable:
        return []
