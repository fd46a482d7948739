"""``telecmi-mcp list``: prints one page of all contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.contacts.table import next_page, print_contacts, print_notes
from telecmi_mcp._cli.contacts.tool_call import add_common_flags, print_json, run_tool
from telecmi_mcp._cli.options import READING_SETTINGS, read_settings, whole_number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Print all contacts, page by page."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_common_flags(parser, READING_SETTINGS)
    parser.add_argument("--limit", type=whole_number(1, 100), help="Contacts per page, 1 to 100; default 10.")
    parser.add_argument(
        "--page-state", metavar="STATE", help="Print the next page; repeat the --limit of the first page."
    )


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print a page; an empty one may still have a successor."""
    arguments = {"limit": args.limit, "page_state": args.page_state}
    data = run_tool(args, read_settings(args, environ), "list_contacts", arguments)
    if args.json:
        print_json(data)
        return 0
    shown = len(data["contacts"])
    print_contacts(data["contacts"])
    print_notes(
        f"{shown} of {data['count']:,} contacts." if "count" in data else f"{shown} contacts.",
        data.get("notice"),
        next_page(data["page_state"]) if data["has_more"] else None,
    )
    return 0
