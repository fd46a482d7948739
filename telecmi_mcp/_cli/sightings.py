"""Prints who saw a contact, for ``telecmi-mcp audit`` and ``telecmi-mcp team audit``."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telecmi_mcp._audit.contact_hashes import ContactHasher
    from telecmi_mcp._audit.search import Report, Sighting

_MAX_NAME_CHARS = 128
_WIDTHS = (25, 24)


def add_sighting_arguments(parser: argparse.ArgumentParser, *, by_default: str) -> None:
    """Add the arguments of both commands.

    Args:
        parser: The parser of the command.
        by_default: What is read without FILE.
    """
    parser.add_argument("--contact", required=True, metavar="ID", help="The id of the contact.")
    parser.add_argument(
        "--since", type=_time, metavar="WHEN", help="Only calls since then: 2026-11-01, or 2026-11-01T09:30+05:30."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    files = f"Files of the audit, also compressed by gzip; - for standard input. By default {by_default}."
    parser.add_argument("files", nargs="*", metavar="FILE", help=files)


def print_sightings(args: argparse.Namespace, files: Sequence[str], hashers: Sequence[ContactHasher]) -> int:
    """Read the files and print who saw the contact; return 1 if nobody did.

    Raises:
        FileUnusable: A file cannot be read.
    """
    from telecmi_mcp._audit.search import find_sightings, read_lines

    lines = chain.from_iterable(map(read_lines, files))
    report = find_sightings(lines, args.contact.strip(), hashers, since=args.since)
    if args.json:
        print(json.dumps(_data(report)))
    else:
        for sighting in report.sightings:
            print(_row(sighting))
        for note in _notes(report, args.contact.strip()):
            print(note, file=sys.stderr)
    return 0 if any(not sighting.unlisted for sighting in report.sightings) else 1


def _data(report: Report) -> dict[str, object]:
    return {
        "sightings": [
            {
                "time": sighting.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "caller": sighting.caller,
                "tool": sighting.tool,
                "certain": not sighting.unlisted,
                **({"unlisted": sighting.unlisted} if sighting.unlisted else {}),
            }
            for sighting in report.sightings
        ],
        "lines": report.lines,
        "other_lines": report.other_lines,
        "unnamed": report.unnamed,
        "other_key": report.other_key,
        "dropped": report.dropped,
    }


def _row(sighting: Sighting) -> str:
    from telecmi_mcp._sanitize import clean

    at = sighting.time.astimezone().isoformat(timespec="seconds")
    caller, tool = (clean(text, limit=_MAX_NAME_CHARS) or "-" for text in (sighting.caller, sighting.tool))
    perhaps = f"  perhaps: {sighting.unlisted:,} contacts without ids" if sighting.unlisted else ""
    return f"{at:{_WIDTHS[0]}}  {caller:{_WIDTHS[1]}}  {tool}{perhaps}"


def _notes(report: Report, contact_id: str) -> Iterator[str]:
    certain = sum(not sighting.unlisted for sighting in report.sightings)
    yield f"Answers that showed this contact: {certain:,}. Lines of the audit that were read: {report.lines:,}."
    if perhaps := len(report.sightings) - certain:
        yield f"Answers that may have shown it, by an export or by groups of names, numbers or addresses: {perhaps:,}."
    if report.unnamed:
        yield f"Answers with contacts that name none, because the server had no key: {report.unnamed:,}."
    if report.other_key:
        yield f"Lines with another key, which must be added to the file of the keys: {report.other_key:,}."
    if report.dropped:
        yield f"Lines that a server could not write: {report.dropped:,}."
    if report.other_lines:
        yield f"Lines of other programs, which were skipped: {report.other_lines:,}."
    if not _is_uuid(contact_id):
        yield "The id is no UUID, which the ids of TeleCMI's contacts are."


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()  # a time without a zone is local
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("use a date, such as 2026-11-01") from None
