"""``telecmi-mcp team``: what is kept in the database of a team's server, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli import _team_keys, _team_sign_ins
from telecmi_mcp._cli._team_database import opened_database

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Look after the database of a team's server: access keys, callers' sign-ins, and the schema."

# A part is a module with add_deeds(deeds), which names what each deed runs: set_defaults(deed=...).
_PARTS = (_team_keys, _team_sign_ins)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    deeds = parser.add_subparsers(required=True, prog=parser.prog)
    for part in _PARTS:
        part.add_deeds(deeds)
    migrate = deeds.add_parser("migrate", help="Bring the schema to what this version needs.", allow_abbrev=False)
    migrate.set_defaults(deed=_migrate)
    deeds.metavar = "|".join(deeds.choices)  # so that whoever names none is told which there are


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what was asked for, in the database of ``TELECMI_DATABASE_URL``."""
    return int(args.deed(args, environ))


def _migrate(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    with opened_database(environ) as database:
        steps = database.migrate()
    print(f"{steps} step{'' if steps == 1 else 's'} applied." if steps else "Nothing to do: the schema is up to date.")
    return 0
