"""``telecmi-mcp team``: manages access keys and credentials in a team server's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.team import keys, sign_ins
from telecmi_mcp._cli.team.database import opened_database

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Look after the database of a team's server: access keys, callers' sign-ins, and the schema."

# A part is a module with add_deeds(deeds), which names what each deed runs: set_defaults(deed=...).
_PARTS = (keys, sign_ins)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    operations = parser.add_subparsers(required=True, prog=parser.prog)
    for part in _PARTS:
        part.add_operations(operations)
    migrate = operations.add_parser("migrate", help="Bring the schema to what this version needs.", allow_abbrev=False)
    migrate.set_defaults(operation=_migrate)
    operations.metavar = "|".join(operations.choices)  # so that whoever names none is told which there are


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what was asked for, in the database of ``TELECMI_DATABASE_URL``."""
    return int(args.operation(args, environ))


def _migrate(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    with opened_database(environ) as database:
        steps = database.migrate()
    print(f"{steps} step{'' if steps == 1 else 's'} applied." if steps else "Nothing to do: the schema is up to date.")
    return 0
