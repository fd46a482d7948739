"""Parses the command line of ``telecmi-mcp``, runs one command and returns its exit code.

Each command imports what it needs inside its functions, so that ``--help`` stays fast.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

# Each command is a module with SUMMARY, add_arguments(parser) and run(args, environ), which returns the exit code.
COMMANDS = {
    "serve": "server.serve",
    "login": "account.login",
    "logout": "account.logout",
    "install": "account.install",
    "setup": "account.setup",
    "search": "contacts.search",
    "get": "contacts.get",
    "list": "contacts.list",
    "count": "contacts.count",
    "lookup": "contacts.lookup",
    "sync": "contacts.sync",
    "export": "contacts.export",
    "index": "contacts.index",
    "audit": "contacts.audit",
    "check": "account.check",
    "demo": "server.demo",
    "sandbox": "server.sandbox",
    "team": "team.commands",
    "connect": "server.connect",
    "completion": "account.completion",
    "version": "account.version",
}


class _Parser(argparse.ArgumentParser):
    """Ends a command line that it does not accept with one line and the exit code 2.

    The line repeats the name of an option, but no value: a value may be a secret, and clients log what a server prints.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments; argparse calls this of each subparser, whose options only this parser knows."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            from telecmi_mcp._cli.usage import explain_unknown

            self.error(explain_unknown(unknown, self.format_usage()))
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Print one line on stderr and exit."""
        from telecmi_mcp._cli.exit_codes import USAGE
        from telecmi_mcp._cli.usage import explain_error

        text = explain_error(message)
        self.exit(USAGE, f"{self.prog}: {text}{'' if text.endswith('?') else '.'} See {self.prog} --help.\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; without a command, serve MCP on stdio, as clients expect.

    Returns:
        The exit code; see ``exit_codes``.
    """
    words = _with_default(sys.argv[1:] if argv is None else argv)
    try:
        if words[0] != "serve":  # it writes bytes, opens closed streams itself, and starts sooner without this import
            import_module("telecmi_mcp._cli.streams").prepare_streams()
        return _parse_and_run(words)
    except (Exception, KeyboardInterrupt) as error:
        code = _end_early(error)
        if code is None:
            raise
        return code


def _end_early(error: BaseException) -> int | None:
    """Return the exit code after Ctrl-C or a fault of the output; ``None`` after any other error."""
    from telecmi_mcp._cli import exit_codes, streams

    if isinstance(error, KeyboardInterrupt):
        return exit_codes.INTERRUPTED
    if streams.is_broken_pipe(error):
        streams.discard_output()
        return exit_codes.BROKEN_PIPE
    unwritable = streams.unwritable(error)
    if unwritable is None:
        return None
    _print_error(str(unwritable))
    streams.discard_output()
    return exit_codes.exit_code_of(unwritable)


def _parse_and_run(words: Sequence[str]) -> int:
    try:
        return _run(build_parser(words).parse_args(words))
    finally:
        print(end="", flush=True)  # also after --help and wrong usage, which leave by SystemExit


def _run(args: argparse.Namespace) -> int:
    from telecmi_mcp._cli.open_files import require_open_files
    from telecmi_mcp.errors import TelecmiError

    try:
        require_open_files()
        return int(_import_command(args.command).run(args, os.environ))
    except TelecmiError as error:
        from telecmi_mcp._cli.exit_codes import exit_code_of
        from telecmi_mcp._cli.wording import address_person, carry_flags

        sentence = address_person(str(error), keep_tools=args.command == "team")
        _print_error(carry_flags(sentence, args))
        return exit_code_of(error)


def _print_error(sentence: str) -> None:
    from telecmi_mcp._cli.terminal import RED, colored

    print(colored("telecmi-mcp:", RED, sys.stderr), sentence, file=sys.stderr)


def _with_default(argv: Sequence[str]) -> list[str]:
    flags_only = not argv or (argv[0].startswith("-") and argv[0] not in {"-h", "--help", "--version"})
    return ["serve", *argv] if flags_only else list(argv)


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for a command line: with the command that it names, or else with every command."""
    parser = _Parser(
        prog="telecmi-mcp",
        description="TeleCMI contacts for language models, over the Model Context Protocol.",
        epilog="Without a command, telecmi-mcp serves MCP on stdio. docs/settings.md lists the environment variables.",
    )
    parser.add_argument("--version", action="version", version=f"telecmi-mcp {_version()}")
    # A given prog saves argparse from formatting a usage text. Of all commands, only the named one is imported.
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, prog=parser.prog)
    for name in words[:1] if words[0] in COMMANDS else COMMANDS:
        command = _import_command(name)
        arguments = commands.add_parser(name, help=command.SUMMARY, description=command.SUMMARY, allow_abbrev=False)
        command.add_arguments(arguments)
        if name == "serve" and _asks_for_team(words):  # only then is the team server imported
            import_module("telecmi_mcp._cli.team.server").add_team_flags(arguments)
    return parser


def _import_command(name: str) -> ModuleType:
    return import_module(f"telecmi_mcp._cli.{COMMANDS[name]}")


def _asks_for_team(words: Sequence[str]) -> bool:
    return any(word.partition("=")[0] in {"--http", "-h", "--help"} for word in words)


def _version() -> str:
    from telecmi_mcp import __version__

    return __version__
