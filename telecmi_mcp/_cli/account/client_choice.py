"""Chooses the clients of ``telecmi-mcp install``: by name, all on this computer, or by numbers from a list."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from telecmi_mcp._install import FORMER_NAMES, NAMES

if TYPE_CHECKING:
    from telecmi_mcp._install.detect import ClientStatus
    from telecmi_mcp._install.paths import Machine

_MAX_COMMAND_CHARS = 200


def client_name(word: str) -> str:
    """Return the name of the client that a word of the command line names.

    Raises:
        ArgumentTypeError: There is no such client.
    """
    name = FORMER_NAMES.get(word, word)
    if name not in NAMES:
        raise argparse.ArgumentTypeError(f"invalid choice: {word!r} (choose from {', '.join(NAMES)})")
    return name


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that ``choose_clients`` reads, for a command that asks where they are missing."""
    parser.add_argument(
        "clients",
        nargs="*",
        type=client_name,
        metavar="CLIENT",
        help=f"One or more of {', '.join(NAMES)}. Without one, the command asks which of those on this computer.",
    )
    parser.add_argument("--all", action="store_true", help="All clients that were found on this computer.")


def choose_clients(args: argparse.Namespace, machine: Machine) -> list[str]:
    """Return the names of the clients to change, each once.

    Without names these are clients on this computer; with ``--uninstall``, those that have this server.

    Raises:
        ConfigurationError: There is none, or no terminal to ask which, or the input names none.
    """
    from telecmi_mcp._install.detect import detect_clients
    from telecmi_mcp.errors import ConfigurationError

    if args.clients:
        return list(dict.fromkeys(args.clients))
    statuses = detect_clients(machine)
    offered = [each for each in statuses if (each.configured if args.uninstall else each.found)]
    if not offered:
        fact = "no known client has this server" if args.uninstall else "no known client was found on this computer"
        raise ConfigurationError(hint="Name a client", fact=fact)
    if args.all:
        return [each.host for each in offered]
    if not sys.stdin.isatty():
        found = ", ".join(each.host for each in offered)
        raise ConfigurationError(hint="Name clients, or use --all", fact=f"there is no terminal to ask; found {found}")
    return _ask(offered)


def _ask(offered: list[ClientStatus]) -> list[str]:
    from telecmi_mcp.errors import ConfigurationError

    for number, each in enumerate(offered, start=1):
        print(f"{number:3}  {each.title}{' (has this server)' if each.configured else ''}")
    print("Which? Numbers such as 1 3, or all: ", end="", flush=True)
    words = re.split(r"[\s,]+", sys.stdin.readline().strip().lower())
    if words == ["all"]:
        return [each.host for each in offered]
    numbers = {str(number): each.host for number, each in enumerate(offered, start=1)}
    if not words[0] or not numbers.keys() >= set(words):
        raise ConfigurationError(hint="Enter numbers of the list, such as 1 3, or all", fact="nothing was changed")
    return [numbers[word] for word in dict.fromkeys(words)]


def list_clients(args: argparse.Namespace, machine: Machine) -> str:
    """Return the table of the clients, or with ``--json`` one JSON object."""
    from telecmi_mcp._install.detect import detect_clients

    statuses = [each for each in detect_clients(machine) if not args.clients or each.host in args.clients]
    if args.json:
        return json.dumps({"clients": [asdict(status) for status in statuses]})
    rows = [("CLIENT", "FOUND", "CONFIGURED", "FILE"), *(_row(status) for status in statuses)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def _row(status: ClientStatus) -> tuple[str, str, str, str]:
    from telecmi_mcp._sanitize import clean

    configured = {True: "yes", False: "no", None: "unknown"}[status.configured]
    notes = f" ({status.problem})" if status.problem else ""
    if status.exists is False:
        notes = f" (its command does not exist: {clean(status.command, limit=_MAX_COMMAND_CHARS)})"
    return status.host, "yes" if status.found else "no", configured, status.file + notes
