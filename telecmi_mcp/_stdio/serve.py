"""Runs the SDK's server on stdio."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mcp.shared.message import SessionMessage

from telecmi_mcp._server.sessions import serve_session
from telecmi_mcp._stdio.run import run_on_stdio

if TYPE_CHECKING:
    from mcp.server import Server

    from telecmi_mcp._stdio.early_responder import EarlySession


def serve_stdio(server: Server[Any], wire: tuple[int, int], session: EarlySession) -> int:
    """Serve MCP on two descriptors.

    Args:
        server: MCP server.
        wire: Descriptors to read and to write.
        session: Messages that were read and answered early.

    Returns:
        The exit code: 0 after the end of input, 128 plus its number after a signal.
    """
    return run_on_stdio(partial(serve_session, server), wire, SessionMessage, session)
