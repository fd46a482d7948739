"""Running the server on stdio until input ends or a signal comes."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import anyio

from telecmi_mcp._stdio.transport import stdio_streams

if TYPE_CHECKING:
    from mcp.server import Server

    from telecmi_mcp._stdio.early_responder import Begun

_SIGNAL_BASE = 128


def serve_stdio(server: Server[Any], wire: tuple[int, int], begun: Begun) -> int:
    """Serve MCP on two descriptors.

    Args:
        server: What answers.
        wire: What is read and what is written.
        begun: What was read and said before.

    Returns:
        The exit code: 0 after the end of input, 128 plus its number after a signal.
    """
    return anyio.run(_serve_stdio, server, wire, begun)


async def _serve_stdio(server: Server[Any], wire: tuple[int, int], begun: Begun) -> int:
    code = 0

    async def watch(scope: anyio.CancelScope) -> None:
        nonlocal code
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                code = _SIGNAL_BASE + number
                scope.cancel()

    async with anyio.create_task_group() as tasks:
        if sys.platform != "win32":  # its event loop takes no signal handlers: Ctrl-C raises there
            tasks.start_soon(watch, tasks.cancel_scope)
        async with stdio_streams(wire, begun) as (read_stream, write_stream):
            await server.run(read_stream, write_stream, server.create_initialization_options())
        tasks.cancel_scope.cancel()
    return code
