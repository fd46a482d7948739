"""``telecmi-mcp serve --http``: runs one server for a team."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from telecmi_mcp._cli.open_files import raise_open_files, too_few_open_files
from telecmi_mcp._cli.options import add_setting_flags, for_sandbox, with_flags
from telecmi_mcp._team.config import variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.context import Team
    from telecmi_mcp._team.http.serve import AdminListener

_LISTED = (variables.ALLOWED_HOSTS, variables.ALLOWED_ORIGINS)


def add_team_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--http``, and a flag for each setting of the team server that is not secret."""
    setting = variables.HTTP
    parser.add_argument(
        setting.flag,
        dest="http",
        nargs="?",
        const="",
        metavar="[HOST]:PORT",
        help="Serve a team over HTTP at this address; 8000 is 127.0.0.1:8000, and :8000 is 0.0.0.0:8000. "
        f"Default: {setting.variable}, or {setting.default}. "
        "The flags below need --http.",
    )
    add_setting_flags(parser, (each for each in variables.TEAM if each not in {setting, *_LISTED}))
    for each in _LISTED:
        purpose = f"{each.purpose} Repeat it for several values. Overrides {each.variable}."
        parser.add_argument(each.flag, dest=each.variable, action="append", metavar="VALUE", help=purpose)


def run_team_server(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until a signal arrives, then exit the process at once.

    Raises:
        ConfigurationError: A setting is invalid.
    """
    settings = _read(args, environ)
    code = _serve(args, settings)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is closed; a thread that waits for an unreachable database need not end


def _serve(args: argparse.Namespace, settings: TeamSettings) -> int:
    from telecmi_mcp._config.logging import configure_logging  # after the settings were checked
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.http.asgi import build_app
    from telecmi_mcp._team.http.connections import (
        MAX_CONNECTIONS,
        MIN_OPEN_FILES,
        RESERVED_FILES,
        ConnectionLimit,
        max_connections_for,
    )
    from telecmi_mcp._team.http.serve import serve_http

    open_files = raise_open_files(MAX_CONNECTIONS + RESERVED_FILES)
    if open_files < MIN_OPEN_FILES:
        raise too_few_open_files()
    connections = max_connections_for(open_files)
    secrets = KnownSecrets()
    configure_logging(settings.common, secrets)
    admin, watch = _open_admin(settings, secrets)
    app = build_app(settings, max_connections=connections, secrets=secrets, watch=watch, **_backend(args))
    return serve_http(app, settings, ConnectionLimit(connections), admin=admin)


def _open_admin(
    settings: TeamSettings, secrets: KnownSecrets
) -> tuple[AdminListener | None, Callable[[Team | None], object]]:
    """Return the listener of administrators, if the settings name one, and what must be told of the team."""
    if settings.admin_listen is None:
        return None, lambda _: None
    from telecmi_mcp._team.context import require_extra

    require_extra(settings)
    from telecmi_mcp._team.admin.app import MAX_CONNECTIONS, STATUS, AdminPages, build_admin_app
    from telecmi_mcp._team.http.connections import ConnectionLimit
    from telecmi_mcp._team.http.serve import AdminListener

    pages = AdminPages(settings)
    app = build_admin_app(pages, settings, settings.admin_listen, secrets=secrets)
    return AdminListener(app, settings.admin_listen, ConnectionLimit(MAX_CONNECTIONS), STATUS), pages.watch


def _backend(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the app reads from: TeleCMI with the stored sign-ins, or the sandbox."""
    if not args.sandbox:
        from telecmi_mcp._private_files import state_folder

        return {"state": state_folder()}
    from httpx2 import ASGITransport

    from telecmi_mcp.sandbox import create_sandbox

    return {"transport": ASGITransport(app=create_sandbox())}


def _read(args: argparse.Namespace, environ: Mapping[str, str]) -> TeamSettings:
    """Return the settings of the environment and the flags; a flag overrides its variable."""
    from telecmi_mcp._team.config.settings import TeamSettings

    given = vars(args)
    listed = {each.variable: ",".join(given[each.variable]) for each in _LISTED if given[each.variable]}
    address = {variables.HTTP.variable: args.http} if args.http else {}
    settings = TeamSettings.from_env({**with_flags(args, environ), **listed, **address})
    return replace(settings, common=for_sandbox(settings.common)) if args.sandbox else settings
