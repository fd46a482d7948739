"""``telecmi-mcp completion SHELL``: prints the script with which a shell completes the command line of telecmi-mcp."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Print a script for tab completion in bash, zsh or fish."

_SHELLS = ("bash", "zsh", "fish")
_EVERY_COMMAND = ("--help",)  # a command line that names no command, and asks for the options of the team server
_HOW = """\
bash: add to ~/.bashrc:        eval "$(telecmi-mcp completion bash)"
zsh:  run, with that folder in fpath: telecmi-mcp completion zsh > ~/.zfunc/_telecmi-mcp
fish: run:                     telecmi-mcp completion fish > ~/.config/fish/completions/telecmi-mcp.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from argparse import RawDescriptionHelpFormatter

    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = _HOW
    parser.add_argument("shell", choices=_SHELLS, metavar="SHELL", help=f"One of {', '.join(_SHELLS)}.")


def run(args: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Print the script, which holds all commands, options and choices of this version."""
    import shtab

    from telecmi_mcp._cli import build_parser

    print(shtab.complete(build_parser(_EVERY_COMMAND), shell=args.shell))
    return 0
