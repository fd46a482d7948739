"""``telecmi-mcp sync``: bring the index up to date, and show how far it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli._configuration import add_sandbox_flag, add_setting_flags, open_configured, read_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._found import Found
    from telecmi_mcp._settings import Settings

SUMMARY = "Read all contacts into the index on disk."

_BAR = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Read until the index is up to date; 1 if it has not all contacts then."""
    import anyio  # noqa: PLC0415 - late, like all that --help does not need

    settings = read_settings(args, environ)
    if settings.index == "off":
        print("TELECMI_INDEX is off: there is no index to bring up to date.")
        return 1
    found = anyio.run(_sync, args, settings)
    print(f"{found.indexed:,} contacts in the index; {'complete' if found.complete else 'not complete'}.")
    if settings.index == "memory":
        print("Nothing is kept: set TELECMI_INDEX=disk to keep the index for the server.")
    return 0 if found.complete else 1


async def _sync(args: argparse.Namespace, settings: Settings) -> Found:
    progress = _Progress()
    async with open_configured(args, settings) as app:
        try:
            return await app.directory.sync(progress.show)
        finally:
            progress.end()


class _Progress:
    """A bar on a terminal, which is drawn over; elsewhere a line for each tenth."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._tenth = -1

    async def show(self, read: int, count: int | None) -> None:
        """Show how many contacts were read, and of how many."""
        part = min(1.0, read / count) if count else 0.0
        of = f"{read:,} of {count:,} contacts" if count else f"{read:,} contacts"
        if self._is_terminal:
            bar = "#" * int(part * _BAR)
            print(f"\r[{bar:<{_BAR}}] {of}", end="", file=sys.stderr, flush=True)
        elif int(part * 10) > self._tenth:
            self._tenth = int(part * 10)
            print(of, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the bar's line."""
        if self._is_terminal:
            print(file=sys.stderr)
