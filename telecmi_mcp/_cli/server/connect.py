"""``telecmi-mcp connect``: connects a stdio client to a team server, and stores the access key for it."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import CONNECT_SETTINGS, add_setting_flags, with_flags

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from pydantic import SecretStr

    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._connect.access_keys import AccessKeys
    from telecmi_mcp._connect.endpoint import Endpoint

SUMMARY = "Connect a client on stdio to a team server, or store the access key for it."

_KEYRING_TIMEOUT_S = 15.0  # a call waits for it; --login gives the user more time to unlock the keyring


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("url", metavar="URL", help="URL of the team server, such as https://mcp.example.com/mcp.")
    operation = parser.add_mutually_exclusive_group()
    operation.add_argument(
        "--login",
        action="store_true",
        help="Ask for the access key, or read it from standard input, check it, and store it for the URL's origin.",
    )
    operation.add_argument("--logout", action="store_true", help="Remove the stored access key.")
    parser.add_argument(
        "--store",
        choices=("keyring", "file"),
        default="keyring",
        help="With --login: store the key in the OS keyring (the default), or in a file that only you can read.",
    )
    add_setting_flags(parser, CONNECT_SETTINGS)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until the input ends or a signal arrives; or store or remove a key."""
    from telecmi_mcp._connect.endpoint import parse_endpoint

    endpoint = parse_endpoint(args.url)
    if args.login:
        return _log_in(endpoint, args.store)
    if args.logout:
        return _log_out(endpoint)
    _serve_and_exit(endpoint, args, environ)
    return 0


def _log_in(endpoint: Endpoint, store: str) -> int:
    import anyio

    from telecmi_mcp._auth.resolve import STORES
    from telecmi_mcp._cli.prompts import ask_access_key

    keys = _access_keys()
    anyio.run(keys.check_store, store)  # before the user types the key
    key = ask_access_key()
    finding = anyio.run(_check_key, endpoint, key)
    anyio.run(keys.keep, endpoint.origin, key, store)
    print(f"{finding}\nThe key for {endpoint.origin} is stored in {STORES[store]}; it is sent nowhere else.")
    print("Next: telecmi-mcp install CLIENT --url " + endpoint.url)
    return 0


async def _check_key(endpoint: Endpoint, key: SecretStr) -> str:
    """Return what the server says to a key.

    Raises:
        AccessKeyRejected: It rejects the key.
    """
    from telecmi_mcp._connect.greeting import ask_version
    from telecmi_mcp._connect.team_server import TeamServer
    from telecmi_mcp.errors import AccessKeyRejected, TelecmiError

    async def read_key() -> SecretStr:
        return key

    server = TeamServer(endpoint, read_key)
    try:
        return f"The team server accepts the key: telecmi-mcp {await ask_version(server)}."
    except AccessKeyRejected:
        raise
    except TelecmiError as error:
        return f"The key was not checked. {error}"
    finally:
        await server.aclose()


def _log_out(endpoint: Endpoint) -> int:
    import anyio

    is_known = anyio.run(_access_keys().forget, endpoint.origin)
    print(f"{'Removed the' if is_known else 'There is no'} access key for {endpoint.origin}.")
    return 0


def _access_keys() -> AccessKeys:
    from telecmi_mcp._connect.access_keys import AccessKeys
    from telecmi_mcp._private_files import state_folder

    return AccessKeys(state_folder())


def _serve_and_exit(endpoint: Endpoint, args: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Serve as ``telecmi-mcp serve`` does, with the same exit codes."""
    from telecmi_mcp._config.settings import Settings

    given = with_flags(args, environ)
    # Others may be meant for other commands, and must not keep this one from starting.
    names = [setting.variable for setting in CONNECT_SETTINGS]
    settings = Settings.from_env({name: given[name] for name in names if name in given})
    gc.disable()  # the imports create objects that stay; scanning them repeatedly is wasted time
    from telecmi_mcp._stdio.descriptors import claimed, fill_standard_descriptors

    fill_standard_descriptors()
    try:
        with claimed() as wire:
            code = _serve(endpoint, settings, wire)
    except KeyboardInterrupt:  # before the event loop runs, and how Windows ends it
        code = 130
    sys.stderr.flush()
    os._exit(code)  # everything is closed; a thread that waits for a keyring need not end


def _serve(endpoint: Endpoint, settings: Settings, wire: tuple[int, int]) -> int:
    from telecmi_mcp._config.logging import configure_logging
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._connect.access_keys import AccessKeys, CurrentKey
    from telecmi_mcp._connect.fallback import Fallback
    from telecmi_mcp._connect.relay import Message, Relay
    from telecmi_mcp._connect.team_server import TeamServer
    from telecmi_mcp._private_files import state_folder
    from telecmi_mcp._stdio.run import run_on_stdio

    secrets = KnownSecrets()
    configure_logging(settings, secrets)
    gc.freeze()
    gc.enable()
    key = CurrentKey(AccessKeys(state_folder(), time_limit=_KEYRING_TIMEOUT_S), endpoint.origin, secrets)
    fallback = Fallback(tools=settings.tools, tool_prefix=settings.tool_prefix)
    relay = Relay(TeamServer(endpoint, key.read), fallback, timeout_s=settings.timeout)
    return run_on_stdio(relay.serve, wire, Message)
