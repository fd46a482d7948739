"""``telecmi-mcp index status|clear``: shows or removes the indexes on disk."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import INDEX_SETTINGS, add_sandbox_flag, add_setting_flags, read_settings
from telecmi_mcp.errors import IndexUnusable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._config.settings import Settings

SUMMARY = "Show or remove the index on disk."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser, INDEX_SETTINGS)
    add_sandbox_flag(parser)
    parser.add_argument(
        "operation",
        choices=["status", "clear"],
        metavar="status|clear",
        help="status: show the index; clear: remove all indexes.",
    )


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Show the index, or remove all indexes."""
    settings = read_settings(args, environ)
    if args.operation == "clear":
        print(_clear())
        return 0
    import anyio

    print(_status(settings, anyio.run(_owner, settings)))
    return 0


async def _owner(settings: Settings) -> str:
    """Return the account whose index the server would use, without a request."""
    from telecmi_mcp._auth.resolve import open_saved_sign_ins
    from telecmi_mcp._auth.token_sources import FixedToken, TokenFile
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._index.account_directory import name_masked, name_owner, owner_of
    from telecmi_mcp._mask import Mask
    from telecmi_mcp._private_files import state_folder

    mask = Mask(settings.mask)
    if settings.token is not None:
        return await owner_of(settings.base_url, FixedToken(settings.token), mask)
    if settings.token_file is not None:
        return await owner_of(settings.base_url, TokenFile(settings.token_file, KnownSecrets()), mask)
    sign_ins = open_saved_sign_ins(state_folder(), time_limit=settings.timeout)
    user_id = settings.user_id or await sign_ins.last_user_id(settings.base_url)
    return name_masked(name_owner(settings.base_url, user_id), mask)


def _status(settings: Settings, owner: str) -> str:
    from telecmi_mcp._index.files import probe_folder
    from telecmi_mcp._index.location import cache_folder, find_index, inspect_index
    from telecmi_mcp._index.sync_state import SyncState

    reason, status = probe_folder(cache_folder()), None
    with suppress(IndexUnusable):  # probe_folder gives the reason
        path = find_index(cache_folder(), owner)
        status = inspect_index(path) if path else None
    lines = [f"  {'TELECMI_INDEX':<13} {settings.index}", f"  {'folder':<13} {cache_folder()}"]
    if reason:
        lines.append(f"  {'in memory':<13} because {reason}")
    if status is None:
        return "\n".join([*lines, "", "This account has no index on disk."])
    sync_state = SyncState.from_state(status.state)
    whole = f"complete as of {_time(sync_state.as_of)}" if sync_state.is_whole else "not complete yet"
    lines += [
        f"  {'file':<13} {status.path.name}, {status.size:,} bytes",
        f"  {'contacts':<13} {'unreadable' if status.contacts is None else f'{status.contacts:,}, {whole}'}",
        f"  {'in use':<13} {'by a running process' if status.has_writer else 'no'}",
    ]
    return "\n".join(lines)


def _clear() -> str:
    from telecmi_mcp._index.location import cache_folder, clear_indexes

    removed = clear_indexes(cache_folder())
    return f"Removed {removed} index{'' if removed == 1 else 'es'} from {cache_folder()}."


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
