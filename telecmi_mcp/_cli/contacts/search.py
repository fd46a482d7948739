"""``telecmi-mcp search [WORDS]``: prints the contacts that match words and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._cli.contacts.filter_flags import add_filter_flags, filter_arguments
from telecmi_mcp._cli.contacts.table import next_page, print_contacts, print_notes
from telecmi_mcp._cli.contacts.tool_call import add_common_flags, print_json, run_tool
from telecmi_mcp._cli.options import INDEX_SETTINGS, read_settings, whole_number
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_MORE = "There are more: pass --index disk, which can print the next pages, or a --limit of up to 100."

SUMMARY = "Find contacts by name, phone number, e-mail address, company or title, and by filters."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_common_flags(parser, INDEX_SETTINGS)
    add_filter_flags(parser)
    parser.add_argument("--limit", type=whole_number(1, 100), help="Maximum number of matches, 1 to 100; default 10.")
    parser.add_argument(
        "--page-state", metavar="STATE", help="Print the next page; repeat the words and filters of the first page."
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORDS", help="Any words that describe the contact; optional with a filter."
    )


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the matches; return 1 if there are none."""
    query, filters = " ".join(args.words).strip(), filter_arguments(args)
    if not (query or filters):
        hint = "Pass WORDS, --company, --job-title or --missing"
        raise ConfigurationError(hint=hint, fact="there is nothing to search for")
    settings = read_settings(args, environ)
    arguments = {"query": query or None, **filters, "limit": args.limit, "page_state": args.page_state}
    data = run_tool(
        args, settings, "search_contacts", arguments, needs_all=lambda data: bool(filters) or not data["total"]
    )
    if args.json:
        print_json(data)
    else:
        print_contacts(data["matches"])
        print_notes(*_notes(data, is_kept=settings.index == "disk"))
    return 0 if data["total"] else 1


def _notes(data: dict[str, Any], *, is_kept: bool) -> list[str | None]:
    """Return the notes of an answer.

    Args:
        data: The answer.
        is_kept: Whether another process can continue at the page state, which is a position in one index.
    """
    notes = [f"{data['total']:,} found." if data["total"] else None, data.get("notice")]
    if companies := data.get("companies"):
        notes.append(f"Companies: {'; '.join(companies)}")
    if data["has_more"]:
        is_usable = is_kept and "page_state" in data
        notes.append(next_page(data["page_state"]) if is_usable else _MORE)
    return notes
