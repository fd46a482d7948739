"""``telecmi-mcp sandbox``: serves the pretend TeleCMI on loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import whole_number
from telecmi_mcp._cli.server.sandbox_faults import FAULTS, describe_faults, play_faults
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Serve a pretend TeleCMI with invented contacts on this computer."

_PORT = 8041
_MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from argparse import RawDescriptionHelpFormatter

    parser.formatter_class, parser.epilog = RawDescriptionHelpFormatter, describe_faults()
    parser.add_argument(
        "--port",
        type=whole_number(0, _MAX_PORT),
        default=_PORT,
        help=f"TCP port; default {_PORT}, 0 for any free port.",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        choices=tuple(FAULTS),
        metavar="FAULT",
        help="Play one of the faults below; may be repeated.",
    )


def run(args: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Serve until interrupted."""
    import uvicorn

    from telecmi_mcp.sandbox import SANDBOX_PASSWORD, SANDBOX_TOKEN, SANDBOX_USER_ID, create_sandbox

    try:
        listener = socket.create_server(("127.0.0.1", args.port))
        # Accepted sockets inherit this. Without it, the body of an answer waits 40 ms after its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        raise ConfigurationError(hint="Choose another port with --port", fact="this one cannot be used") from None
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    sandbox = create_sandbox()
    play_faults(sandbox, args.fault)
    print(
        _BANNER.format(
            address=address,
            token=SANDBOX_TOKEN,
            user_id=SANDBOX_USER_ID,
            password=SANDBOX_PASSWORD,
            faults=f"It plays: {', '.join(args.fault)}.\n\n" if args.fault else "",
        ),
        flush=True,
    )
    server = uvicorn.Server(uvicorn.Config(sandbox, log_level="warning", lifespan="off"))
    server.run(sockets=[listener])
    return 0


_BANNER = """\
A pretend TeleCMI with 150 invented contacts is at {address} (Ctrl-C stops it).

{faults}Try:

  curl -s {address}/v3/contact/get -H 'Content-Type: application/json' -d '{{"token":"{token}","limit":2}}'

Or point a server at it:

  TELECMI_BASE_URL={address} TELECMI_TOKEN={token} telecmi-mcp check

Or sign in as {user_id} with the password {password}:

  telecmi-mcp login --base-url {address} --user-id {user_id}
"""
