"""``telecmi-mcp team key add|list|revoke``: manages access keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.team.database import opened_database

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from telecmi_mcp._team.auth.access_keys import AccessKey

    Deeds = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name for it

_HEADS = ("name", "made", "used last", "revoked")


def add_operations(operations: Deeds) -> None:
    """Declare what can be done with access keys."""
    summary = "Make, list and revoke access keys."
    parser = operations.add_parser("key", help=summary, description=summary, allow_abbrev=False)
    ways = parser.add_subparsers(metavar="add|list|revoke", required=True, prog=parser.prog)
    _add_way(ways, "add", "Make a key for a caller and show it, once.", _add).add_argument("name", metavar="NAME")
    _add_way(ways, "list", "Say whose keys there are, and when each was used last.", _list)
    _add_way(ways, "revoke", "End the key of a caller.", _revoke).add_argument("name", metavar="NAME")


def _add_way(
    ways: Deeds, name: str, summary: str, operation: Callable[[argparse.Namespace, Mapping[str, str]], int]
) -> argparse.ArgumentParser:
    parser = ways.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(operation=operation)
    return parser


def _add(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import add_key

    with opened_database(environ) as database:
        database.migrate()  # there may be a key before the server has ever started
        with database.connection() as connection:
            key = add_key(connection, args.name)
    print(key.get_secret_value())  # alone on standard output, so that it can go into a file or a vault unseen
    _advise("This is the only time that it is shown: only a hash of it is kept.")
    _advise("Callers send it as the header Authorization: Bearer KEY.")
    return 0


def _list(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import all_keys

    with opened_database(environ) as database:
        database.migrate()
        with database.connection() as connection:
            keys = all_keys(connection)
    if not keys:
        _advise("There are no keys yet: telecmi-mcp team key add NAME.")
        return 0
    rows = [_HEADS, *map(_row, keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _revoke(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import REVOKED_AFTER, revoke_key

    with opened_database(environ) as database:
        database.migrate()
        with database.connection() as connection:
            revoke_key(connection, args.name)
    print(f"Revoked. Every running server refuses it within {REVOKED_AFTER:.0f} seconds.")
    return 0


def _row(key: AccessKey) -> tuple[str, ...]:
    return key.name, _time(key.created_at), _time(key.last_used_at), _time(key.revoked_at)


def _time(moment: datetime | None) -> str:
    return moment.astimezone().isoformat(timespec="seconds") if moment else "-"


def _advise(sentence: str) -> None:
    print(sentence, file=sys.stderr)
