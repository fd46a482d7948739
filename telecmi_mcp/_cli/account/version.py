"""``telecmi-mcp version``: prints the version, as ``telecmi-mcp --version`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Print the version of telecmi-mcp."


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(_: argparse.Namespace, __: Mapping[str, str]) -> int:
    """Print one line."""
    print(f"telecmi-mcp {__version__}")
    return 0
