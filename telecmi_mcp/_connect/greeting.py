"""Asks the team server for its version, as the first request of a client does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from mcp_types import JSONRPCRequest, JSONRPCResponse

from telecmi_mcp import __version__
from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS
from telecmi_mcp._mcp.server_info import NAME
from telecmi_mcp._sanitize import clean
from telecmi_mcp.errors import NotTeamServer, TeamServerUnresponsive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from telecmi_mcp._connect.team_server import TeamServer

_TIMEOUT_S = 15.0
_MAX_VERSION_CHARS = 40
_HELLO = {
    "protocolVersion": HANDSHAKE_VERSIONS[-1],
    "capabilities": {},
    "clientInfo": {"name": NAME, "version": __version__},
}


async def ask_version(server: TeamServer) -> str:
    """Return the version of ``telecmi-mcp`` that the team server runs.

    Raises:
        TelecmiError: It gave no answer, or is another MCP server.
    """
    hello = JSONRPCRequest(jsonrpc="2.0", id=0, method="initialize", params=_HELLO)
    with anyio.move_on_after(_TIMEOUT_S):
        answer = await server.ask(hello, {}, _ignore)
        info = answer.result.get("serverInfo") if isinstance(answer, JSONRPCResponse) else None
        if not isinstance(info, dict) or info.get("name") != NAME:
            raise NotTeamServer(fact="what answers there is not telecmi-mcp")
        return clean(str(info.get("version")), limit=_MAX_VERSION_CHARS)
    raise TeamServerUnresponsive(_TIMEOUT_S)


async def _ignore(_: Mapping[str, Any]) -> None:
    """Take no notice of progress, which this request does not ask for."""
