"""``telecmi-mcp team key add|list|revoke``: manages access keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.team.database import opened_database
from telecmi_mcp._cli.team.operations import add_operation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from datetime import datetime

    from telecmi_mcp._cli.team.operations import AddParser
    from telecmi_mcp._team.auth.access_keys import AccessKey

_HEADER = ("name", "created", "last used", "revoked")


def add_operations(add_parser: AddParser) -> None:
    """Add the operations on access keys."""
    summary = "Create, list and revoke access keys."
    parser = add_parser("key", help=summary, description=summary, allow_abbrev=False)
    add = parser.add_subparsers(metavar="add|list|revoke", required=True, prog=parser.prog).add_parser
    add_operation(add, "add", "Create a key for a caller and print it once.", _add).add_argument("name", metavar="NAME")
    add_operation(add, "list", "List the keys and when each was last used.", _list)
    add_operation(add, "revoke", "Revoke the key of a caller.", _revoke).add_argument("name", metavar="NAME")


def _add(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import add_key

    with opened_database(environ) as database:
        database.migrate()  # a key may be created before the server starts for the first time
        with database.connection() as connection:
            key = add_key(connection, args.name)
    print(key.get_secret_value())  # alone on standard output, so that it can be redirected without being seen
    _print_note("The key is not shown again: only its hash is stored.")
    _print_note("Callers send it in the header Authorization: Bearer KEY.")
    return 0


def _list(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import all_keys

    with opened_database(environ) as database:
        database.require_schema()
        with database.connection() as connection:
            keys = all_keys(connection)
    if not keys:
        _print_note("There are no keys yet. Create one: telecmi-mcp team key add NAME")
        return 0
    rows = [_HEADER, *map(_row, keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _revoke(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._team.auth.access_keys import REVOKED_AFTER_S, revoke_key

    with opened_database(environ) as database:
        database.migrate()
        with database.connection() as connection:
            revoke_key(connection, args.name)
    print(f"Revoked. Every running server rejects it within {REVOKED_AFTER_S:.0f} seconds.")
    return 0


def _row(key: AccessKey) -> tuple[str, ...]:
    return key.name, _time(key.created_at), _time(key.last_used_at), _time(key.revoked_at)


def _time(moment: datetime | None) -> str:
    return moment.astimezone().isoformat(timespec="seconds") if moment else "-"


def _print_note(sentence: str) -> None:
    print(sentence, file=sys.stderr)
