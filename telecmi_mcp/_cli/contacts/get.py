"""``telecmi-mcp get ID``: prints one contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.contacts.table import print_notes
from telecmi_mcp._cli.contacts.tool_call import add_common_flags, print_json, run_tool
from telecmi_mcp._cli.options import READING_SETTINGS, read_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Print one contact by its id."

_NAME_WIDTH = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_common_flags(parser, READING_SETTINGS)
    parser.add_argument("contact_id", metavar="ID", help="The contact's id, a UUID, as search and list print it.")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the fields of the contact that have a value, one a line."""
    data = run_tool(args, read_settings(args, environ), "get_contact", {"contact_id": args.contact_id})
    if args.json:
        print_json(data)
        return 0
    notice = data.pop("notice", None)
    for name, value in data.items():
        print(f"{name:<{_NAME_WIDTH}}  {value}")
    print_notes(notice)
    return 0
