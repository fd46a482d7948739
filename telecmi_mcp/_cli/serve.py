"""``telecmi-mcp serve``: MCP on standard input and output."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli._configuration import add_sandbox_flag, add_setting_flags, open_configured, read_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Serve MCP on stdio (the default)."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until input ends or a signal comes; then leave the process at once."""
    settings = read_settings(args, environ)
    gc.disable()  # the imports leave some 120,000 objects that stay: to look through them again and again is waste
    from telecmi_mcp._logging import configure_logging  # noqa: PLC0415 - bad settings are told before the slow imports
    from telecmi_mcp._secrets import KnownSecrets  # noqa: PLC0415
    from telecmi_mcp._serve import serve_stdio  # noqa: PLC0415
    from telecmi_mcp._server import create_server  # noqa: PLC0415
    from telecmi_mcp._stdio import fill_standard_descriptors  # noqa: PLC0415

    fill_standard_descriptors()
    secrets = KnownSecrets()
    configure_logging(settings, secrets)
    gc.freeze()
    gc.enable()
    try:
        code = serve_stdio(create_server(lambda: open_configured(args, settings, secrets)))
    except KeyboardInterrupt:  # how Windows ends it
        code = 130
    # Everything is closed. What is left, taking the interpreter apart, takes longer than all of that.
    sys.stderr.flush()
    os._exit(code)
