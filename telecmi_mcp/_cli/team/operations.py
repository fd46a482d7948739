"""Adds one operation to the parser of ``telecmi-mcp team``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    AddParser = Callable[..., argparse.ArgumentParser]
    Operation = Callable[[argparse.Namespace, Mapping[str, str]], int]


def add_operation(add_parser: AddParser, name: str, summary: str, operation: Operation) -> argparse.ArgumentParser:
    """Add a parser whose arguments are passed to the operation.

    Args:
        add_parser: The method ``add_parser`` of what ``add_subparsers`` returned.
        name: The word of the command line.
        summary: One sentence for the help.
        operation: The function that runs; it returns the exit code.
    """
    parser = add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(operation=operation)
    return parser
