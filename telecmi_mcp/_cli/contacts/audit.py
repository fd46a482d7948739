"""``telecmi-mcp audit``: prints who saw a contact, from the audit file of this user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._cli.sightings import add_sighting_arguments, print_sightings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Print who saw a contact, from the file of TELECMI_AUDIT_FILE."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_sighting_arguments(parser, by_default="that of TELECMI_AUDIT_FILE")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the calls; return 1 if there are none."""
    from telecmi_mcp._audit.contact_hashes import read_hashers
    from telecmi_mcp._audit.file import KEY_FILE
    from telecmi_mcp._config.variables import AUDIT_FILE, values_of
    from telecmi_mcp._private_files import state_folder
    from telecmi_mcp.errors import ConfigurationError

    path = values_of(environ)["audit_file"]
    if not (args.files or path):
        fact = "there is no audit to read"
        raise ConfigurationError(hint=f"Set {AUDIT_FILE.variable}, or name a FILE", fact=fact)
    if not (state_folder() / KEY_FILE).exists():
        hint = f"Start a server with {AUDIT_FILE.variable} first, as the same user"
        raise ConfigurationError(hint=hint, fact="the state folder has no key of an audit")
    hashers = read_hashers(state_folder() / KEY_FILE, source=f"{KEY_FILE} in the state folder")
    return print_sightings(args, args.files or [str(path)], hashers)
