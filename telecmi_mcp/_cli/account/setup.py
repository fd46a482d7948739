"""``telecmi-mcp setup``: runs login, install and check in a row, and shows a first question to ask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.account.client_choice import add_client_arguments
from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, read_settings
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Sign in, add this server to clients, check it, and show a first question to ask: in one go."

_FIRST_QUESTION = "How many contacts do we have in TeleCMI, and what are our biggest companies?"
_SANDBOX_QUESTION = "What is Priya's number at Acme?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_client_arguments(parser)
    add_setting_flags(parser, (variables.USER_ID, variables.BASE_URL))
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the steps until one fails, and return its exit code."""
    from telecmi_mcp._cli import main

    steps, left = _steps(args, environ), 0
    for number, (title, words) in enumerate(steps, start=1):
        print(f"{number}. {title}: telecmi-mcp {' '.join(words)}\n", flush=True)
        code = main(words)
        print(flush=True)
        if code and words[0] == "install" and _has_client(environ):
            left = code  # a client is left to do by hand, as install said
        elif code:
            print("telecmi-mcp: setup ends here. Run it again: it does no step twice.", file=sys.stderr)
            return code
    question = _SANDBOX_QUESTION if args.sandbox else _FIRST_QUESTION
    print(f"{len(steps) + 1}. A first question: start the client again, and ask it:\n\n  {question}")
    return left


def _has_client(environ: Mapping[str, str]) -> bool:
    from telecmi_mcp._install.detect import detect_clients
    from telecmi_mcp._install.paths import Machine

    return any(each.configured for each in detect_clients(Machine.here(environ)))


def _steps(args: argparse.Namespace, environ: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return the titles and the words of the commands to run."""
    flags = _flags(args)
    which = args.clients or (["--all"] if args.all else [])
    steps = [
        ("Add the server to clients", ["install", *which, *flags]),
        ("Check", ["check", *flags]),
    ]
    if not args.sandbox and not _is_signed_in(args, environ):
        steps.insert(0, ("Sign in to TeleCMI", ["login", *flags]))
    return steps


def _flags(args: argparse.Namespace) -> list[str]:
    given = [
        word
        for setting in (variables.USER_ID, variables.BASE_URL)
        if (value := getattr(args, setting.variable, None)) is not None
        for word in (setting.flag, value)
    ]
    return [*given, *(["--sandbox"] if args.sandbox else [])]


def _is_signed_in(args: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    import anyio

    from telecmi_mcp._auth.resolve import has_credential
    from telecmi_mcp._private_files import state_folder

    return anyio.run(has_credential, read_settings(args, environ), state_folder())
