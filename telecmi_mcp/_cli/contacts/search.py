"""``telecmi-mcp search WORDS``: prints the result of a search as a table."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, open_configured, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.result import SearchResult

SUMMARY = "Find contacts: by name, number, e-mail, company or title."

_LIMIT, _MAX_LIMIT = 5, 25
_WIDTHS = (8, 26, 15, 30)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)
    parser.add_argument("--limit", type=_limit, default=_LIMIT, help=f"Most matches, 1 to {_MAX_LIMIT}; {_LIMIT}.")
    parser.add_argument("words", nargs="+", metavar="WORDS", help="What is known of whom you look for.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the matches; 1 if there are none."""
    import anyio

    found = anyio.run(_search, args, read_settings(args, environ))
    for hit in found.hits:
        contact = hit.contact
        name = " ".join(filter(None, [contact.first_name, contact.last_name]))
        cells = (hit.match, name, contact.phone_no or "", contact.email_id or "", contact.company or "")
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, (*_WIDTHS, 0), strict=True)).rstrip())
    for line in filter(None, [found.has_more and "There are more.", found.notice]):
        print(line, file=sys.stderr)
    return 0 if found.hits else 1


async def _search(args: argparse.Namespace, settings: Settings) -> SearchResult:
    async with open_configured(args, settings) as app:
        return await app.directory.search(" ".join(args.words), limit=args.limit)


def _limit(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _MAX_LIMIT):
        raise argparse.ArgumentTypeError(f"it takes a whole number from 1 to {_MAX_LIMIT}")
    return int(text)
