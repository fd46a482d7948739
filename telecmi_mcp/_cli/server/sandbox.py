"""``telecmi-mcp sandbox``: serves the pretend TeleCMI on loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from telecmi_mcp._cli.options import whole_number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

SUMMARY = "Serve a pretend TeleCMI with invented contacts on this computer."

_PORT = 8041
_MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--port",
        type=whole_number(0, _MAX_PORT),
        default=_PORT,
        help=f"TCP port; default {_PORT}, 0 for any free port.",
    )


def run(args: argparse.Namespace, _: Mapping[str, str]) -> int:
    """Serve until interrupted."""
    import uvicorn

    from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox

    try:
        listener = socket.create_server(("127.0.0.1", args.port))
        # Accepted sockets inherit this. Without it, the body of an answer waits 40 ms after its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        print(f"telecmi-mcp: port {args.port} is in use; choose another with --port.")
        return 1
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(_BANNER.format(address=address, token=SANDBOX_TOKEN), flush=True)
    server = uvicorn.Server(uvicorn.Config(create_sandbox(), log_level="warning", lifespan="off"))
    server.run(sockets=[listener])
    return 0


_BANNER = """\
A pretend TeleCMI with 150 invented contacts is at {address} (Ctrl-C stops it). Try:

  curl -s {address}/v3/contact/get -H 'Content-Type: application/json' -d '{{"token":"{token}","limit":2}}'

Or point a server at it:

  TELECMI_BASE_URL={address} TELECMI_TOKEN={token} telecmi-mcp check
"""
