"""``telecmi-mcp sync``: brings the index up to date and shows the progress."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import INDEX_SETTINGS, add_sandbox_flag, add_setting_flags, open_configured, read_settings
from telecmi_mcp._cli.progress import Progress
from telecmi_mcp.errors import ConfigurationError, FileUnusable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.result import Freshness

SUMMARY = "Read all contacts into the index on disk."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser, INDEX_SETTINGS)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Read all contacts into the index; return 1 if some are missing."""
    import anyio

    settings = read_settings(args, environ)
    _require_index_on_disk(settings)
    result = anyio.run(_sync, args, settings)
    print(f"{result.indexed:,} contacts in the index; {'complete' if result.complete else 'not complete'}.")
    if result.place:
        print(f"The index was not saved: {result.place}", file=sys.stderr)
    return 0 if result.complete and not result.place else 1


def _require_index_on_disk(settings: Settings) -> None:
    """Check, before a contact is read, that the contacts can be kept.

    Raises:
        ConfigurationError: The settings select no index on disk.
        FileUnusable: The cache folder cannot be used.
    """
    from telecmi_mcp._index.files import probe_folder
    from telecmi_mcp._index.location import cache_folder

    if settings.index != "disk":
        hint = "Pass --index disk, or set TELECMI_INDEX=disk for the server and the commands"
        raise ConfigurationError(hint=hint, fact="without an index on disk, a sync keeps nothing")
    if reason := probe_folder(cache_folder()):
        hint = "Make the cache folder usable, which telecmi-mcp index status names"
        raise FileUnusable(None, hint=hint, fact=f"the contacts cannot be kept, because {reason}")


async def _sync(args: argparse.Namespace, settings: Settings) -> Freshness:
    progress = Progress()
    async with open_configured(args, settings) as app:
        try:
            return await app.directory.sync(progress.show)
        except BaseException:
            progress.end()
            if progress.read:
                print("The contacts that were read are kept; the same command continues.", file=sys.stderr)
            raise
        finally:
            progress.end()
