"""Middleware that gives tools the names of the server in results without anybody's data, and in errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult, ServerMiddleware

    from telecmi_mcp._mcp.tool_names import ToolNames

_STATIC = frozenset(
    ("initialize", "server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list")
)
"""The methods whose results are texts of this package and nothing else."""


def naming(names: ToolNames) -> ServerMiddleware[Any]:
    """Return the middleware. Handlers name the tools themselves where a result also holds data."""

    async def name_tools(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        try:
            result = await call_next(ctx)
        except MCPError as error:
            raise MCPError(error.code, names.in_text(error.message), error.data) from None
        is_ours = ctx.method in _STATIC or (isinstance(result, dict) and result.get("isError"))
        return names.in_json(result) if is_ours else result

    return name_tools
