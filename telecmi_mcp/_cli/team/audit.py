"""``telecmi-mcp team audit``: prints who saw a contact, from the audit of a team server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.sightings import add_sighting_arguments, print_sightings
from telecmi_mcp._cli.team.operations import add_operation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from telecmi_mcp._cli.team.operations import AddParser


def add_operations(add_parser: AddParser) -> None:
    """Add the operation on the audit."""
    parser = add_operation(add_parser, "audit", "Print who saw a contact, from the lines of the audit.", _audit)
    add_sighting_arguments(parser, by_default="standard input")


def _audit(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp._audit.contact_hashes import read_hashers
    from telecmi_mcp._team.config.variables import AUDIT_KEYS_FILE, team_values_of
    from telecmi_mcp.errors import ConfigurationError

    keys = team_values_of(environ)["audit_keys_file"]
    if keys is None:
        fact = "the audit names contacts by a secret key"
        raise ConfigurationError(hint=f"Set {AUDIT_KEYS_FILE.variable}", fact=fact)
    hashers = read_hashers(keys, source=AUDIT_KEYS_FILE.variable)
    return print_sightings(args, args.files or ["-"], hashers)
