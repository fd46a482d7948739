"""Answers requests in place of a team server that gave no answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCResponse

from telecmi_mcp._connect.routing_headers import stateless_version
from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS, STATELESS_VERSIONS
from telecmi_mcp._stdio.early_answers import advertised_for, read_advertised, results

if TYPE_CHECKING:
    from mcp_types import JSONRPCRequest

    from telecmi_mcp._connect.responses import Answer
    from telecmi_mcp.errors import TelecmiError

_log = logging.getLogger(__name__)

START_METHODS = frozenset({"initialize", "server/discover", "tools/list"})
"""Methods with which a client starts; this package can answer them as a server of its own version does."""


class Fallback:
    """Answers of this package.

    A client that gets its start answered works as soon as the server does. A model sees only errors of tools.

    Args:
        tools: Which tools the server has: ``all`` or ``chatgpt``.
        tool_prefix: Text before the name of every tool of the server.
    """

    def __init__(self, *, tools: str = "all", tool_prefix: str = "") -> None:
        advertised = read_advertised()
        self._advertised = (
            None if advertised is None else advertised_for(advertised, tools=tools, tool_prefix=tool_prefix)
        )

    def answer(self, request: JSONRPCRequest, session_version: str, error: TelecmiError) -> Answer:
        """Return what this package knows, or the error in the form that the method has for it.

        Args:
            request: The request.
            session_version: Version that ``initialize`` negotiated; "" if there was none.
            error: Why there is no answer of the server.
        """
        _log.warning("%s: %s", request.method if request.method in START_METHODS else "request", error)
        known = self._known_result(request, session_version)
        if known is not None:
            return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=known)
        if request.method == "tools/call":
            return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=_tool_error(request, str(error)))
        return protocol_error(request, ErrorData(code=INTERNAL_ERROR, message=str(error)))

    def _known_result(self, request: JSONRPCRequest, session_version: str) -> dict[str, Any] | None:
        if self._advertised is None or request.method not in START_METHODS:
            return None
        # Without output schemas: the server may be one whose answers have no structured content.
        known = results(self._advertised, _version_of(request, session_version), structured=False)
        result = known.get(request.method)
        return {**result, "ttlMs": 0} if result and "ttlMs" in result else result


def protocol_error(request: JSONRPCRequest, error: ErrorData) -> JSONRPCError:
    """Return an error of the protocol as the answer to a request."""
    return JSONRPCError(jsonrpc="2.0", id=request.id, error=error)


def _version_of(request: JSONRPCRequest, session_version: str) -> str:
    version = stateless_version(request)
    if version is not None:
        return version if version in STATELESS_VERSIONS else ""
    requested = (request.params or {}).get("protocolVersion") if request.method == "initialize" else session_version
    return requested if requested in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]


def _tool_error(request: JSONRPCRequest, sentence: str) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": sentence}], "isError": True}
    return result if stateless_version(request) is None else {**result, "resultType": "complete"}
