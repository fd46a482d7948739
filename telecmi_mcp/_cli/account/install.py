"""``telecmi-mcp install``: adds this server to a client's configuration, or removes it."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from telecmi_mcp._cli.account.client_choice import add_client_arguments, choose_clients, list_clients
from telecmi_mcp._cli.account.install_steps import sign_in_steps
from telecmi_mcp._cli.options import CONNECT_SETTINGS, add_sandbox_flag, add_setting_flags, read_settings
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._install.apply import Change, ConfigTarget
    from telecmi_mcp._install.entry import Server
    from telecmi_mcp._install.paths import Machine
    from telecmi_mcp.errors import ClientConfigError

SUMMARY = "Add this server to a client's configuration, or remove it."

_LOCK_TIMEOUT_S = 150.0  # another process may wait twice for a client's own command
_SECRET_FILES = (variables.TOKEN_FILE, variables.PASSWORD_FILE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_client_arguments(parser)
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
    parser.add_argument("--url", help="Connect the client to the team server at this URL, with telecmi-mcp connect.")
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the operation, and print what was done and what is left to do."""
    from telecmi_mcp._install.paths import Machine

    _check_flags(args)
    machine = Machine.here(environ)
    if args.list:
        print(list_clients(args, machine))
        return 0
    if args.uninstall:
        return _uninstall_all(_config_targets(args, machine), args, environ)
    settings = read_settings(args, environ)
    server = _server(args, environ, settings)
    targets = _config_targets(args, machine)
    if args.print:
        print("\n".join(_steps(target, server) for target in targets))
        return 0
    failed = _each(targets, lambda target: _install(target, server, settings))
    for line in sign_in_steps(args, settings) if failed < len(targets) else []:
        print(line)
    return 1 if failed else 0


def _check_flags(args: argparse.Namespace) -> None:
    from telecmi_mcp.errors import ConfigurationError

    if args.json and not args.list:
        raise ConfigurationError(hint="Use --json with --list", fact="only the list has a JSON form")
    if args.all and args.clients:
        raise ConfigurationError(hint="Name clients, or use --all", fact="both were given")
    if args.sandbox and args.url is not None:
        raise ConfigurationError(hint="Use --url or --sandbox", fact="a team server has contacts of its own")
    if args.url is not None:
        args.url = _checked_url(args.url)


def _each(targets: Sequence[ConfigTarget], operation: Callable[[ConfigTarget], str]) -> int:
    """Run the operation for each client, and print each result; return how many failed.

    Raises:
        ClientConfigError: The operation failed for the only client.
    """
    from telecmi_mcp.errors import ClientConfigError

    failed = 0
    for target in targets:
        try:
            print(operation(target), flush=True)
        except ClientConfigError as error:
            if len(targets) == 1:
                raise
            failed += 1
            print(f"telecmi-mcp: {target.client.title}: {error}", file=sys.stderr, flush=True)
    return failed


def _checked_url(text: str) -> str:
    from telecmi_mcp._connect.endpoint import parse_endpoint

    return parse_endpoint(text).url


def _config_targets(args: argparse.Namespace, machine: Machine) -> list[ConfigTarget]:
    from telecmi_mcp._install.apply import ConfigTarget
    from telecmi_mcp._install.clients import CLIENTS
    from telecmi_mcp._install.record import InstallRecords
    from telecmi_mcp._private_files import state_folder

    install_records = InstallRecords(state_folder())
    names = choose_clients(args, machine)
    return [ConfigTarget(CLIENTS[name], machine, install_records, force=args.force) for name in names]


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


def _install(target: ConfigTarget, server: Server, settings: Settings) -> str:
    from telecmi_mcp._install.apply import install
    from telecmi_mcp.errors import ClientConfigError

    try:
        change = _run_locked(lambda: install(target, server))
    except ClientConfigError as error:
        print(f"{_command_output(error, settings)}{_steps(target, server)}", flush=True)
        raise
    title = target.client.title
    done = f"Installed in {title}" if change.changed else f"{title} already has this server; nothing was changed"
    return "\n".join([f"{done}: {_files(change)}.", *_next_steps(target, change)])


def _steps(target: ConfigTarget, server: Server) -> str:
    from telecmi_mcp._install.manual import manual_steps

    return manual_steps(target, server)


def _uninstall_all(targets: Sequence[ConfigTarget], args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from telecmi_mcp.errors import ConfigurationError

    try:
        server = _server(args, environ, read_settings(args, environ))
    except ConfigurationError:  # an entry can be removed even where this program could not be installed
        server = None
    removed: list[str] = []
    failed = _each(targets, lambda target: _uninstall(target, server, removed))
    if removed:
        logout = "logout" if args.url is None else f"connect {args.url} --logout"
        print(f"To remove the sign-in too: telecmi-mcp {logout}")
    return 1 if failed else 0


def _uninstall(target: ConfigTarget, server: Server | None, removed: list[str]) -> str:
    """Remove the server, also from files of older versions of the client; note in ``removed`` that there was one."""
    from telecmi_mcp._install.apply import uninstall
    from telecmi_mcp.errors import ClientConfigError

    lines: list[str] = []
    for each in target.with_old_files():
        try:
            change = _run_locked(partial(uninstall, each, server))
        except ClientConfigError as error:
            print("\n".join([*lines, f"{_command_output(error)}The file is {each.file}"]), flush=True)
            raise
        if change.changed:
            lines.append(f"Removed from {target.client.title}: {_files(change)}.")
            removed.append(target.client.name)
    return "\n".join(lines) or f"{target.client.title} does not have this server; nothing was changed: {target.file}."


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
