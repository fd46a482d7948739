"""``telecmi-mcp search WORDS``: prints the result of a search as a table."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, open_configured, read_settings
from telecmi_mcp._index.request import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.result import SearchResult
    from telecmi_mcp._search import Hit

SUMMARY = "Find contacts by name, phone number, e-mail address, company or title."

_LIMIT, _MAX_LIMIT = 5, 25
_NAME_FIELDS = ("first_name", "last_name")
_WIDTHS = {"match": 8, "name": 26, "phone_no": 15, "email_id": 30}
_DEFAULT_WIDTH = 26


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)
    parser.add_argument(
        "--limit", type=_limit, default=_LIMIT, help=f"Maximum number of matches, 1 to {_MAX_LIMIT}; default {_LIMIT}."
    )
    parser.add_argument("words", nargs="+", metavar="WORDS", help="Any words that describe the contact.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the matches; return 1 if there are none."""
    import anyio

    result = anyio.run(_search, args, read_settings(args, environ))
    for hit in result.hits:
        print("  ".join(cell.ljust(_WIDTHS.get(name, _DEFAULT_WIDTH)) for name, cell in _cells(hit).items()).rstrip())
    for line in filter(None, [result.found.has_more and "There are more.", result.notice]):
        print(line, file=sys.stderr)
    return 0 if result.hits else 1


async def _search(args: argparse.Namespace, settings: Settings) -> SearchResult:
    async with open_configured(args, settings) as app:
        return await app.directory.search(SearchRequest(query=" ".join(args.words), limit=args.limit))


def _cells(hit: Hit) -> dict[str, str]:
    """Return the columns of a match: how it matches, the name, and every other field but the id."""
    fields = {name: value or "" for name, value in hit.contact._asdict().items() if name != "contact_id"}
    name = " ".join(filter(None, map(fields.pop, _NAME_FIELDS)))
    return {"match": hit.match, "name": name, **fields}


def _limit(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _MAX_LIMIT):
        raise argparse.ArgumentTypeError(f"use a whole number from 1 to {_MAX_LIMIT}")
    return int(text)
