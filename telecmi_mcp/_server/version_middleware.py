"""Fits each result to the protocol version of its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._mcp.revisions import SERVED_VERSIONS, fit_to_version

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult


async def fit_result(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Leave out what the client's version does not know, and name every version in the answer to a discovery."""
    result = await call_next(ctx)
    if not isinstance(result, dict):
        return result
    if ctx.method == "server/discover":  # the SDK names the stateless versions only
        return {**result, "supportedVersions": list(SERVED_VERSIONS)}
    return fit_to_version(result["protocolVersion"] if ctx.method == "initialize" else ctx.protocol_version, result)
