"""The flags of the filters, which ``search`` and ``count`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._models import Contact

if TYPE_CHECKING:
    import argparse

_FIELDS = Contact._fields[1:]  # no contact lacks its id


def add_filter_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--company``, ``--job-title`` and ``--missing``."""
    parser.add_argument("--company", metavar="NAME", help="Only contacts at this company; no typos.")
    parser.add_argument("--job-title", metavar="WORDS", help="Only contacts whose title has these whole words.")
    parser.add_argument(
        "--missing",
        nargs="+",
        action="extend",
        choices=_FIELDS,
        metavar="FIELD",
        help=f"Only contacts that lack every one of these fields: {', '.join(_FIELDS)}.",
    )


def filter_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """Return the filters that were given, as arguments of a tool."""
    given = {"company": args.company, "job_title": args.job_title, "missing": args.missing}
    return {name: value for name, value in given.items() if value}
