"""``telecmi-mcp team``: sets up and checks a team server, manages what is in its database, and reads its audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telecmi_mcp._cli.team import audit, check, keys, setup, sign_ins
from telecmi_mcp._cli.team.database import opened_database
from telecmi_mcp._cli.team.operations import add_operation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = (
    "Set up and check a team server, manage its access keys, callers' sign-ins and database schema, "
    "and say who saw a contact."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE",
        help="Settings file of telecmi-mcp team setup; its values override the environment.",
    )
    operations = parser.add_subparsers(required=True, prog=parser.prog)
    setup.add_operations(operations.add_parser)
    check.add_operations(operations.add_parser)
    keys.add_operations(operations.add_parser)
    sign_ins.add_operations(operations.add_parser)
    audit.add_operations(operations.add_parser)
    add_operation(operations.add_parser, "migrate", "Upgrade the database schema for this version.", _migrate)
    operations.metavar = "|".join(operations.choices)  # the message for a missing operation lists them


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the operation with the settings of the environment and of the settings file."""
    if args.settings is None:
        return int(args.operation(args, environ))
    from telecmi_mcp._team.setup.settings_file import read_settings

    return int(args.operation(args, {**environ, **read_settings(args.settings)}))


def _migrate(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    with opened_database(environ) as database:
        steps = database.migrate()
    print(
        f"{steps} migration{'' if steps == 1 else 's'} applied."
        if steps
        else "Nothing to do: the schema is up to date."
    )
    return 0
