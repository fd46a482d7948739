"""Settings on the command line, and what a command works with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telecmi_mcp import _settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    from telecmi_mcp._app import App
    from telecmi_mcp._settings import Settings


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting that may show in a process list, and ``--sandbox``."""
    for setting in _settings.ALL:
        if setting.flag:
            purpose = f"{setting.purpose} Overrides {setting.variable}."
            parser.add_argument(setting.flag, dest=setting.variable, metavar="VALUE", help=purpose)
    parser.add_argument(
        "--sandbox",
        action="store_true",
        help="Use a pretend TeleCMI with invented contacts: no account, no network.",
    )


def read_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the environment and the flags; a flag that is given wins.

    Raises:
        ConfigurationError: A value cannot be used.
    """
    given = {name: value for name, value in vars(args).items() if name.startswith("TELECMI_") and value is not None}
    settings = _settings.Settings.from_env({**environ, **given})
    return _for_sandbox(settings) if args.sandbox else settings


def open_configured(args: argparse.Namespace, settings: Settings) -> AbstractAsyncContextManager[App]:
    """Open what the settings ask for; over the sandbox, if that was asked for."""
    from telecmi_mcp._app import open_app  # noqa: PLC0415 - late, like all that --help does not need

    if not args.sandbox:
        return open_app(settings)
    from httpx2 import ASGITransport  # noqa: PLC0415

    from telecmi_mcp.sandbox import create_sandbox  # noqa: PLC0415

    return open_app(settings, transport=ASGITransport(app=create_sandbox()))


def _for_sandbox(settings: Settings) -> Settings:
    from pydantic import SecretStr  # noqa: PLC0415 - late, like all that --help does not need

    from telecmi_mcp.sandbox import SANDBOX_TOKEN  # noqa: PLC0415

    return replace(settings, token=SecretStr(SANDBOX_TOKEN), base_url="http://localhost")
