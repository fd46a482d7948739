"""``telecmi-mcp count``: counts and groups contacts, and finds duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from telecmi_mcp._cli.contacts.filter_flags import add_filter_flags, filter_arguments
from telecmi_mcp._cli.contacts.table import print_notes
from telecmi_mcp._cli.contacts.tool_call import add_common_flags, print_json, run_tool
from telecmi_mcp._cli.options import INDEX_SETTINGS, read_settings, whole_number
from telecmi_mcp._models import GroupBy

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Count and group contacts, and find duplicates."

_COUNT_WIDTH = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_common_flags(parser, INDEX_SETTINGS)
    add_filter_flags(parser)
    parser.add_argument(
        "--group-by",
        choices=get_args(GroupBy),
        metavar="VALUE",
        help=f"Count the contacts of each {', '.join(get_args(GroupBy))}; the last three show duplicates.",
    )
    parser.add_argument(
        "--min-count", type=whole_number(1), metavar="N", help="Smallest group; default 2 for duplicates, else 1."
    )
    parser.add_argument(
        "--max-groups", type=whole_number(1, 100), metavar="N", help="Maximum number of groups, 1 to 100; default 10."
    )


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the number, or the groups, largest first; return 1 if not all contacts were counted."""
    arguments = {
        **filter_arguments(args),
        "group_by": args.group_by,
        "min_count": args.min_count,
        "max_groups": args.max_groups,
    }
    data = run_tool(args, read_settings(args, environ), "count_contacts", arguments, needs_all=lambda _: True)
    if args.json:
        print_json(data)
    else:
        _print_counts(data)
    return 0 if data["complete"] else 1


def _print_counts(data: dict[str, Any]) -> None:
    groups = data.get("groups")
    if groups is None:
        print(str(data["total"]))
    for group in groups or []:
        print(f"{group['count']:>{_COUNT_WIDTH},}  {group['value']}")
    print_notes(
        None if groups is None else _summary(data),
        f"Companies: {'; '.join(data['companies'])}" if data.get("companies") else None,
        data.get("notice"),
    )


def _summary(data: dict[str, Any]) -> str:
    """Return one sentence: how many contacts there are, and which are in no group that is shown."""
    parts = [f"{data['total']:,} contacts"]
    if data["more_groups"]:
        plural = "s" * (data["more_groups"] > 1)
        parts.append(f"{data['more_groups']:,} more group{plural} (--max-groups shows up to 100)")
    if data["in_no_group"]:
        parts.append(f"{data['in_no_group']:,} without a value")
    return f"{'; '.join(parts)}."
