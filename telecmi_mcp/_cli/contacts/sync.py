"""``telecmi-mcp sync``: brings the index up to date and shows the progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, open_configured, read_settings
from telecmi_mcp._cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.result import SearchResult

SUMMARY = "Read all contacts into the index on disk."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Read until the index is up to date; 1 if it has not all contacts then."""
    import anyio

    settings = read_settings(args, environ)
    if settings.index == "off":
        print("TELECMI_INDEX is off: there is no index to bring up to date.")
        return 1
    found = anyio.run(_sync, args, settings)
    print(f"{found.indexed:,} contacts in the index; {'complete' if found.complete else 'not complete'}.")
    if found.place:
        print(f"Nothing is kept: {found.place}")
    if settings.index == "memory":
        print("Nothing is kept: set TELECMI_INDEX=disk to keep the index for the server.")
    return 0 if found.complete else 1


async def _sync(args: argparse.Namespace, settings: Settings) -> SearchResult:
    progress = Progress()
    async with open_configured(args, settings) as app:
        try:
            return await app.directory.sync(progress.show)
        finally:
            progress.end()
