"""Adds the settings as command-line flags, and builds settings and apps from them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from telecmi_mcp._config import variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager

    from telecmi_mcp._app import App
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._config.variables import Setting


CONNECT_SETTINGS = (variables.TIMEOUT, variables.TOOLS, variables.TOOL_PREFIX, variables.LOG_LEVEL)
"""Settings of ``connect``; the two about tools say which tools the team server has, for the time when it is down."""

ACCOUNT_SETTINGS = (variables.USER_ID, variables.BASE_URL, variables.TIMEOUT)
"""Settings of a command that signs in."""

READING_SETTINGS = (*ACCOUNT_SETTINGS, variables.MASK)
"""Settings of a command that reads contacts from TeleCMI."""

INDEX_SETTINGS = (*READING_SETTINGS, variables.INDEX, variables.INDEX_MAX_AGE)
"""Settings of a command that needs the index."""

_IN_PROCESS = "http://localhost"


class _Choices(tuple[str, ...]):
    """The values of a setting, for help and tab completion.

    Argparse does not refuse other values with them: the settings check the value, because a client may pass "" or a
    literal ``${...}`` for an unset one, and case does not matter.
    """

    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


def add_setting_flags(parser: argparse.ArgumentParser, settings: Iterable[Setting] = variables.ALL) -> None:
    """Add a flag for each setting that is not secret; a process list shows flags."""
    group = parser.add_argument_group(
        "settings", "A flag overrides its variable. docs/settings.md has those of secrets."
    )
    for setting in settings:
        if setting.flag:
            group.add_argument(
                setting.flag,
                dest=setting.variable,
                metavar=None if setting.choices else "VALUE",
                choices=_Choices(setting.choices) if setting.choices else None,
                help=_help_of(setting),
            )


def _help_of(setting: Setting) -> str:
    """Return the purpose of a setting, its variable, what it takes, and its default."""
    takes = "" if setting.choices else f"; {setting.accepts}"
    return f"{setting.purpose} ({setting.variable}{takes}{f'; default {setting.default}' if setting.default else ''})"


def add_sandbox_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--sandbox``."""
    parser.add_argument(
        "--sandbox",
        action="store_true",
        help="Use a pretend TeleCMI with invented contacts: no account, no network.",
    )


def whole_number(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """Return an argparse type for a whole number of this range."""

    def parse(text: str) -> int:
        if text.isdecimal() and minimum <= int(text) and (maximum is None or int(text) <= maximum):
            return int(text)
        to = "" if maximum is None else f" to {maximum}"
        raise argparse.ArgumentTypeError(f"use a whole number from {minimum}{to}")

    return parse


def read_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the environment and the flags; a flag overrides its variable.

    Raises:
        ConfigurationError: A value is invalid.
    """
    from telecmi_mcp._config.settings import Settings

    settings = Settings.from_env(with_flags(args, environ))
    return for_sandbox(settings) if getattr(args, "sandbox", False) else settings


def read_values(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the settings without importing the settings class: see ``variables.values_of``.

    Raises:
        ConfigurationError: A value is invalid.
    """
    return variables.values_of(with_flags(args, environ))


def open_configured(
    args: argparse.Namespace, settings: Settings, secrets: KnownSecrets | None = None
) -> AbstractAsyncContextManager[App]:
    """Open the app of these settings; with ``--sandbox``, over the sandbox."""
    from telecmi_mcp._app import open_app
    from telecmi_mcp._private_files import state_folder

    if not args.sandbox:
        is_given = settings.token is not None or settings.token_file is not None
        return open_app(settings, state=None if is_given else state_folder(), secrets=secrets)
    from httpx2 import ASGITransport

    from telecmi_mcp.sandbox import create_sandbox

    return open_app(settings, transport=ASGITransport(app=create_sandbox()))


def with_flags(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment, overridden by the flags that were given."""
    given = {name: value for name, value in vars(args).items() if name.startswith("TELECMI_") and value is not None}
    return {**environ, **given}


def for_sandbox(settings: Settings) -> Settings:
    """Return the settings with the sandbox's token and no other credentials."""
    from dataclasses import replace

    from pydantic import SecretStr

    from telecmi_mcp.sandbox import SANDBOX_TOKEN

    token = SecretStr(SANDBOX_TOKEN)
    return replace(settings, token=token, token_file=None, password=None, password_file=None, base_url=_IN_PROCESS)
