"""Runs the server on stdio until the input ends or a signal arrives."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import anyio

from telecmi_mcp._server.sessions import serve_session
from telecmi_mcp._stdio.transport import stdio_streams

if TYPE_CHECKING:
    from mcp.server import Server

    from telecmi_mcp._stdio.early_responder import EarlySession

_SIGNAL_BASE = 128


def serve_stdio(server: Server[Any], wire: tuple[int, int], session: EarlySession) -> int:
    """Serve MCP on two descriptors.

    Args:
        server: MCP server.
        wire: Descriptors to read and to write.
        session: Messages that were read and answered early.

    Returns:
        The exit code: 0 after the end of input, 128 plus its number after a signal.
    """
    return anyio.run(_serve_stdio, server, wire, session)


async def _serve_stdio(server: Server[Any], wire: tuple[int, int], session: EarlySession) -> int:
    code = 0

    async def leave_on_signal(scope: anyio.CancelScope) -> None:
        nonlocal code
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                code = _SIGNAL_BASE + number
                scope.cancel()

    async with anyio.create_task_group() as tasks:
        if sys.platform != "win32":  # its event loop has no signal handlers; Ctrl-C raises KeyboardInterrupt
            tasks.start_soon(leave_on_signal, tasks.cancel_scope)
        async with stdio_streams(wire, session) as (read_stream, write_stream):
            await serve_session(server, read_stream, write_stream)
        tasks.cancel_scope.cancel()
    return code
