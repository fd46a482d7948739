"""``telecmi-mcp team``: manages access keys and credentials in a team server's database, and reads its audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.team import audit, keys, sign_ins
from telecmi_mcp._cli.team.database import opened_database
from telecmi_mcp._cli.team.operations import add_operation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Manage a team server: access keys, sign-ins of callers, the database schema, and who saw a contact."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    operations = parser.add_subparsers(required=True, prog=parser.prog)
    keys.add_operations(operations.add_parser)
    sign_ins.add_operations(operations.add_parser)
    audit.add_operations(operations.add_parser)
    add_operation(operations.add_parser, "migrate", "Upgrade the database schema for this version.", _migrate)
    operations.metavar = "|".join(operations.choices)  # the message for a missing operation lists them


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the operation; all but the audit need the database of ``TELECMI_DATABASE_URL``."""
    return int(args.operation(args, environ))


def _migrate(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    with opened_database(environ) as database:
        steps = database.migrate()
    print(
        f"{steps} migration{'' if steps == 1 else 's'} applied."
        if steps
        else "Nothing to do: the schema is up to date."
    )
    return 0
