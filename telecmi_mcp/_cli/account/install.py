"""``telecmi-mcp install``: adds this server to a client's configuration, or removes it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, read_settings
from telecmi_mcp._config import variables
from telecmi_mcp._install import NAMES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._install.apply import Change, ConfigTarget
    from telecmi_mcp._install.detect import ClientStatus
    from telecmi_mcp._install.entry import Server
    from telecmi_mcp.errors import ClientConfigError

SUMMARY = "Put this server into a client's configuration, or take it out again."

_PATIENCE = 150.0  # another one may wait twice for a client's own command
_KEYRING_SECONDS = 60.0
_LONGEST_COMMAND = 200
_SECRETS = (variables.TOKEN, variables.PASSWORD)
_SECRET_FILES = (variables.TOKEN_FILE, variables.PASSWORD_FILE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("client", nargs="?", choices=NAMES, metavar="CLIENT", help=f"One of {', '.join(NAMES)}.")
    operation = parser.add_mutually_exclusive_group()
    operation.add_argument("--list", action="store_true", help="Say which clients are here, and which have the server.")
    operation.add_argument("--print", action="store_true", help="Say what would be written or run, and do nothing.")
    operation.add_argument("--uninstall", action="store_true", help="Take out exactly what was put in.")
    parser.add_argument(
        "--force",
        action="store_true",
        help="Replace or remove an entry that install did not write; make the folder of a client that is not here.",
    )
    parser.add_argument("--json", action="store_true", help="With --list: print one JSON object, for programs.")
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what was asked, and say what was done and what is left to do."""
    from telecmi_mcp.errors import ConfigurationError

    if args.json and not args.list:
        raise ConfigurationError(hint="Use --json with --list", fact="the rest is said to people")
    if args.list:
        print(_listed(args, environ))
    elif args.client is None:
        raise ConfigurationError(hint="Name a client, or use --list", fact=f"they are {', '.join(NAMES)}")
    elif args.uninstall:
        print(_uninstall(_config_target(args, environ), args, environ))
    elif args.print:
        print(_by_hand(_config_target(args, environ), _server(args, environ, read_settings(args, environ))))
    else:
        print(_install(_config_target(args, environ), args, environ))
    return 0


def _config_target(args: argparse.Namespace, environ: Mapping[str, str]) -> ConfigTarget:
    from telecmi_mcp._install.apply import ConfigTarget
    from telecmi_mcp._install.clients import CLIENTS
    from telecmi_mcp._install.paths import Machine
    from telecmi_mcp._install.record import InstallRecords
    from telecmi_mcp._private_files import state_folder

    return ConfigTarget(CLIENTS[args.client], Machine.here(environ), InstallRecords(state_folder()), force=args.force)


def _server(args: argparse.Namespace, environ: Mapping[str, str], settings: Settings) -> Server:
    """How a client is to start this program: with the settings of now, except those that are secret."""
    from telecmi_mcp._install.launch_command import find_server

    words = ("serve", "--sandbox") if args.sandbox else ("serve",)
    server = find_server(sys.argv[0], sys.executable, sys.prefix, environ, words)
    return replace(server, env=_carried(args, environ, settings))


def _carried(args: argparse.Namespace, environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The settings that were given and are not secret; the files of secrets by paths that hold everywhere."""
    given = {**environ, **{name: value for name, value in vars(args).items() if value is not None}}
    of_account = (variables.USER_ID, variables.BASE_URL, *_SECRET_FILES) if args.sandbox else ()
    carried = {
        setting.variable: str(given[setting.variable]).strip()
        for setting in variables.ALL
        if not setting.secret and setting not in of_account and variables.is_set(given, setting)
    }
    files = {variables.TOKEN_FILE: settings.token_file, variables.PASSWORD_FILE: settings.password_file}
    return carried | {
        setting.variable: str(path.absolute())
        for setting, path in files.items()
        if setting.variable in carried and path
    }


def _install(desk: ConfigTarget, args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    from telecmi_mcp._install.apply import put_in
    from telecmi_mcp.errors import ClientConfigError

    settings = read_settings(args, environ)
    server = _server(args, environ, settings)
    try:
        change = _alone(lambda: put_in(desk, server))
    except ClientConfigError as error:
        print(f"{_said(error, settings)}{_by_hand(desk, server)}")
        raise
    title = desk.host.title
    done = f"Installed in {title}" if change.changed else f"{title} has this server already: nothing was changed"
    return "\n".join([f"{done}: {_files(change)}.", *_left_to_do(desk, settings, change, sandbox=args.sandbox)])


def _uninstall(desk: ConfigTarget, args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    from telecmi_mcp._install.apply import take_out
    from telecmi_mcp.errors import ClientConfigError, ConfigurationError

    try:
        server = _server(args, environ, read_settings(args, environ))
    except ConfigurationError:  # what cannot be installed can be taken out all the same
        server = None
    try:
        change = _alone(lambda: take_out(desk, server))
    except ClientConfigError as error:
        print(f"{_said(error)}The file is {desk.file}")
        raise
    if not change.changed:
        return f"{desk.host.title} does not have this server: nothing was changed: {change.file}."
    return f"Taken out of {desk.host.title}: {_files(change)}.\nTo forget the sign-in too: telecmi-mcp logout"


def _alone(operation: Callable[[], Change]) -> Change:
    """Do something while no other telecmi-mcp changes a configuration."""
    import anyio

    from telecmi_mcp._private_files import file_lock, state_folder
    from telecmi_mcp.errors import ClientConfigError, DeadlineExceeded

    async def locked() -> Change:
        async with file_lock(state_folder() / "hosts.lock", timeout_s=_PATIENCE):
            return operation()

    try:
        return anyio.run(locked)
    except DeadlineExceeded:
        raise ClientConfigError(hint="Try again", fact="another telecmi-mcp is at work on it") from None


def _by_hand(desk: ConfigTarget, server: Server) -> str:
    """What belongs into the file, or the command to run."""
    from telecmi_mcp._install.client_cli import adding, on_a_line
    from telecmi_mcp._install.entry import NAME, shape

    entry = shape(desk.host, server)
    if desk.host.program:
        return f"The command is\n\n{on_a_line(adding(desk.host, entry), desk.machine)}\n"
    return f"This belongs into {desk.file}\n\n{desk.form.show(desk.host.key, NAME, entry)}\n"


def _said(error: ClientConfigError, settings: Settings | None = None) -> str:
    """What a client's own command said, without secrets."""
    from telecmi_mcp._config.secrets import KnownSecrets

    secrets = KnownSecrets()
    if settings is not None:
        secrets.add(settings.token, settings.password)
    return f"{secrets.hide(error.detail)}\n\n" if error.detail else ""


def _files(change: Change) -> str:
    return f"{change.file} (as it was before: {change.backup.name})" if change.backup else str(change.file)


def _left_to_do(desk: ConfigTarget, settings: Settings, change: Change, *, sandbox: bool) -> list[str]:
    afterwards = [desk.host.afterwards] if change.changed else []
    if not change.recording:
        afterwards.append("The state folder cannot be written, so --uninstall may need --force.")
    return afterwards if sandbox else [*afterwards, *_about_signing_in(settings)]


def _about_signing_in(settings: Settings) -> list[str]:
    import anyio

    secrets = [
        setting.variable
        for setting, value in zip(_SECRETS, (settings.token, settings.password), strict=True)
        if value is not None
    ]
    told = [f"{name} is set here and was not copied: the file is plain text." for name in secrets]
    if settings.token_file or settings.password_file:
        return told
    user_ids = anyio.run(_signed_in, settings.base_url)
    if settings.user_id in user_ids or (user_ids and not settings.user_id):
        return [*told, f"Signed in at {settings.base_url}: {settings.user_id or user_ids[-1]}."]
    who = f" --user-id {settings.user_id}" if settings.user_id else ""
    where = "" if settings.base_url == variables.BASE_URL.default else f" --base-url {settings.base_url}"
    return [*told, f"Now sign in: telecmi-mcp login{who}{where}"]


async def _signed_in(base_url: str) -> list[str]:
    from telecmi_mcp._auth.resolve import open_saved_sign_ins
    from telecmi_mcp._private_files import state_folder
    from telecmi_mcp.errors import CredentialStoreUnusable

    try:
        return await open_saved_sign_ins(state_folder(), time_limit=_KEYRING_SECONDS).user_ids(base_url)
    except CredentialStoreUnusable:
        return []


def _listed(args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    from telecmi_mcp._install.detect import survey
    from telecmi_mcp._install.paths import Machine

    standings = [each for each in survey(Machine.here(environ)) if args.client in {None, each.host}]
    if args.json:
        return json.dumps({"clients": [asdict(standing) for standing in standings]})
    rows = [("CLIENT", "FOUND", "CONFIGURED", "FILE"), *(_row(standing) for standing in standings)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def _row(standing: ClientStatus) -> tuple[str, str, str, str]:
    from telecmi_mcp._sanitize import clean

    configured = {True: "yes", False: "no", None: "not known"}[standing.configured]
    notes = f" ({standing.problem})" if standing.problem else ""
    if standing.exists is False:
        notes = f" (its command is not there: {clean(standing.command, limit=_LONGEST_COMMAND)})"
    return standing.host, "yes" if standing.found else "no", configured, standing.file + notes
