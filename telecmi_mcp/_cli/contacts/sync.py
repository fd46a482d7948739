"""``telecmi-mcp sync``: brings the index up to date and shows the progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, open_configured, read_settings
from telecmi_mcp._cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.result import Freshness

SUMMARY = "Read all contacts into the index on disk."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Read all contacts into the index; return 1 if some are missing."""
    import anyio

    settings = read_settings(args, environ)
    if settings.index == "off":
        print("TELECMI_INDEX is off: there is no index to sync.")
        return 1
    result = anyio.run(_sync, args, settings)
    print(f"{result.indexed:,} contacts in the index; {'complete' if result.complete else 'not complete'}.")
    if result.place:
        print(f"The index was not saved: {result.place}")
    if settings.index == "memory":
        print("The index was not saved: set TELECMI_INDEX=disk to keep it for the server.")
    return 0 if result.complete else 1


async def _sync(args: argparse.Namespace, settings: Settings) -> Freshness:
    progress = Progress()
    async with open_configured(args, settings) as app:
        try:
            return await app.directory.sync(progress.show)
        finally:
            progress.end()
