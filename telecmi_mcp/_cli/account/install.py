"""``telecmi-mcp install``: adds this server to a client's configuration, or removes it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import CONNECT_SETTINGS, add_sandbox_flag, add_setting_flags, read_settings
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

SUMMARY = "Add this server to a client's configuration, or remove it."

_LOCK_TIMEOUT_S = 150.0  # another process may wait twice for a client's own command
_KEYRING_TIMEOUT_S = 60.0
_MAX_COMMAND_CHARS = 200
_SECRETS = (variables.TOKEN, variables.PASSWORD)
_SECRET_FILES = (variables.TOKEN_FILE, variables.PASSWORD_FILE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("client", nargs="?", choices=NAMES, metavar="CLIENT", help=f"One of {', '.join(NAMES)}.")
    operation = parser.add_mutually_exclusive_group()
    operation.add_argument("--list", action="store_true", help="List the clients, and which of them have this server.")
    operation.add_argument(
        "--print", action="store_true", help="Print what install would write or run; change nothing."
    )
    operation.add_argument("--uninstall", action="store_true", help="Remove exactly what install added.")
    parser.add_argument(
        "--force",
        action="store_true",
        help="Replace or remove an entry that install did not write; create the folder of a missing client.",
    )
    parser.add_argument("--json", action="store_true", help="With --list: print one JSON object, for programs.")
    parser.add_argument("--url", help="Connect the client to the team's server at this URL, with telecmi-mcp connect.")
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the operation, and print what was done and what is left to do."""
    from telecmi_mcp.errors import ConfigurationError

    if args.json and not args.list:
        raise ConfigurationError(hint="Use --json with --list", fact="only the list has a JSON form")
    if args.sandbox and args.url is not None:
        raise ConfigurationError(hint="Use --url or --sandbox", fact="a team's server has contacts of its own")
    if args.url is not None:
        args.url = _checked_url(args.url)
    if args.list:
        print(_list_clients(args, environ))
    elif args.client is None:
        raise ConfigurationError(hint="Name a client, or use --list", fact=f"the clients are {', '.join(NAMES)}")
    elif args.uninstall:
        print(_uninstall(_config_target(args, environ), args, environ))
    elif args.print:
        print(_manual_steps(_config_target(args, environ), _server(args, environ, read_settings(args, environ))))
    else:
        print(_install(_config_target(args, environ), args, environ))
    return 0


def _checked_url(text: str) -> str:
    from telecmi_mcp._connect.endpoint import parse_endpoint

    return parse_endpoint(text).url


def _config_target(args: argparse.Namespace, environ: Mapping[str, str]) -> ConfigTarget:
    from telecmi_mcp._install.apply import ConfigTarget
    from telecmi_mcp._install.clients import CLIENTS
    from telecmi_mcp._install.paths import Machine
    from telecmi_mcp._install.record import InstallRecords
    from telecmi_mcp._private_files import state_folder

    return ConfigTarget(CLIENTS[args.client], Machine.here(environ), InstallRecords(state_folder()), force=args.force)


def _server(args: argparse.Namespace, environ: Mapping[str, str], settings: Settings) -> Server:
    """Return how a client starts this program: with the current settings that are not secret."""
    from telecmi_mcp._install.launch_command import find_server

    words = ("serve", "--sandbox") if args.sandbox else ("serve",)
    if args.url is not None:
        words = ("connect", args.url)
    server = find_server(sys.argv[0], sys.executable, sys.prefix, environ, words)
    return replace(server, env=_settings_to_write(args, environ, settings))


def _settings_to_write(args: argparse.Namespace, environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Return the given settings that are not secret; paths of secret files are absolute."""
    given = {**environ, **{name: value for name, value in vars(args).items() if value is not None}}
    if args.url is not None:
        return {
            each.variable: given[each.variable].strip() for each in CONNECT_SETTINGS if variables.is_set(given, each)
        }
    of_account = (variables.USER_ID, variables.BASE_URL, *_SECRET_FILES) if args.sandbox else ()
    chosen = {
        setting.variable: str(given[setting.variable]).strip()
        for setting in variables.ALL
        if not setting.secret and setting not in of_account and variables.is_set(given, setting)
    }
    files = {variables.TOKEN_FILE: settings.token_file, variables.PASSWORD_FILE: settings.password_file}
    return chosen | {
        setting.variable: str(path.absolute()) for setting, path in files.items() if setting.variable in chosen and path
    }


def _install(target: ConfigTarget, args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    from telecmi_mcp._install.apply import install
    from telecmi_mcp.errors import ClientConfigError

    settings = read_settings(args, environ)
    server = _server(args, environ, settings)
    try:
        change = _run_locked(lambda: install(target, server))
    except ClientConfigError as error:
        print(f"{_command_output(error, settings)}{_manual_steps(target, server)}")
        raise
    title = target.client.title
    done = f"Installed in {title}" if change.changed else f"{title} already has this server; nothing was changed"
    return "\n".join([f"{done}: {_files(change)}.", *_next_steps(target, change), *_sign_in_steps(args, settings)])


def _uninstall(target: ConfigTarget, args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    from telecmi_mcp._install.apply import uninstall
    from telecmi_mcp.errors import ClientConfigError, ConfigurationError

    try:
        server = _server(args, environ, read_settings(args, environ))
    except ConfigurationError:  # an entry can be removed even where this program could not be installed
        server = None
    try:
        change = _run_locked(lambda: uninstall(target, server))
    except ClientConfigError as error:
        print(f"{_command_output(error)}The file is {target.file}")
        raise
    if not change.changed:
        return f"{target.client.title} does not have this server; nothing was changed: {change.file}."
    logout = "logout" if args.url is None else f"connect {args.url} --logout"
    return f"Removed from {target.client.title}: {_files(change)}.\nTo remove the sign-in too: telecmi-mcp {logout}"


def _run_locked(operation: Callable[[], Change]) -> Change:
    """Run an operation while no other telecmi-mcp changes a configuration."""
    import anyio

    from telecmi_mcp._private_files import file_lock, state_folder
    from telecmi_mcp.errors import ClientConfigError, DeadlineExceeded

    async def locked() -> Change:
        async with file_lock(state_folder() / "hosts.lock", timeout_s=_LOCK_TIMEOUT_S):
            return operation()

    try:
        return anyio.run(locked)
    except DeadlineExceeded:
        raise ClientConfigError(hint="Try again", fact="another telecmi-mcp is changing it") from None


def _manual_steps(target: ConfigTarget, server: Server) -> str:
    """Return the text that belongs in the file, or the command to run."""
    from telecmi_mcp._install.client_cli import add_command, format_command
    from telecmi_mcp._install.entry import NAME, build_entry

    entry = build_entry(target.client, server)
    if target.client.program:
        return f"Run this command:\n\n{format_command(add_command(target.client, entry), target.machine)}\n"
    return f"Add this to {target.file}\n\n{target.form.show(target.client.key, NAME, entry)}\n"


def _command_output(error: ClientConfigError, settings: Settings | None = None) -> str:
    """Return the output of a client's own command, without secrets."""
    from telecmi_mcp._config.secrets import KnownSecrets

    secrets = KnownSecrets()
    if settings is not None:
        secrets.add(settings.token, settings.password)
    return f"{secrets.hide(error.detail)}\n\n" if error.detail else ""


def _files(change: Change) -> str:
    return f"{change.file} (backup: {change.backup.name})" if change.backup else str(change.file)


def _next_steps(target: ConfigTarget, change: Change) -> list[str]:
    afterwards = [target.client.afterwards] if change.changed else []
    if not change.recorded:
        afterwards.append("The state folder is not writable, so --uninstall may need --force.")
    return afterwards


def _sign_in_steps(args: argparse.Namespace, settings: Settings) -> list[str]:
    if args.url is not None:
        return _key_steps(args.url)
    return [] if args.sandbox else _account_steps(settings)


def _key_steps(url: str) -> list[str]:
    import anyio

    from telecmi_mcp._connect.access_keys import AccessKeys
    from telecmi_mcp._connect.endpoint import parse_endpoint
    from telecmi_mcp._private_files import state_folder

    endpoint = parse_endpoint(url)
    if anyio.run(AccessKeys(state_folder()).is_stored, endpoint.origin):
        return [f"An access key for {endpoint.origin} is stored."]
    return [f"Now store the access key: telecmi-mcp connect {endpoint.url} --login"]


def _account_steps(settings: Settings) -> list[str]:
    import anyio

    secrets = [
        setting.variable
        for setting, value in zip(_SECRETS, (settings.token, settings.password), strict=True)
        if value is not None
    ]
    steps = [f"{name} is set here and was not copied, because the file is plain text." for name in secrets]
    if settings.token_file or settings.password_file:
        return steps
    user_ids = anyio.run(_signed_in_users, settings.base_url)
    if settings.user_id in user_ids or (user_ids and not settings.user_id):
        return [*steps, f"Signed in at {settings.base_url}: {settings.user_id or user_ids[-1]}."]
    who = f" --user-id {settings.user_id}" if settings.user_id else ""
    where = "" if settings.base_url == variables.BASE_URL.default else f" --base-url {settings.base_url}"
    return [*steps, f"Now sign in: telecmi-mcp login{who}{where}"]


async def _signed_in_users(base_url: str) -> list[str]:
    from telecmi_mcp._auth.resolve import open_saved_sign_ins
    from telecmi_mcp._private_files import state_folder
    from telecmi_mcp.errors import CredentialStoreUnusable

    try:
        return await open_saved_sign_ins(state_folder(), time_limit=_KEYRING_TIMEOUT_S).user_ids(base_url)
    except CredentialStoreUnusable:
        return []


def _list_clients(args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    from telecmi_mcp._install.detect import detect_clients
    from telecmi_mcp._install.paths import Machine

    statuses = [each for each in detect_clients(Machine.here(environ)) if args.client in {None, each.host}]
    if args.json:
        return json.dumps({"clients": [asdict(status) for status in statuses]})
    rows = [("CLIENT", "FOUND", "CONFIGURED", "FILE"), *(_row(status) for status in statuses)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def _row(status: ClientStatus) -> tuple[str, str, str, str]:
    from telecmi_mcp._sanitize import clean

    configured = {True: "yes", False: "no", None: "unknown"}[status.configured]
    notes = f" ({status.problem})" if status.problem else ""
    if status.exists is False:
        notes = f" (its command does not exist: {clean(status.command, limit=_MAX_COMMAND_CHARS)})"
    return status.host, "yes" if status.found else "no", configured, status.file + notes
