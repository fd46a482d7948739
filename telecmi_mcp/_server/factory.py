"""Builds the MCP server: its identity, and the handler of each method."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from mcp.server import Server, ServerRequestContext
from mcp.server.caching import CacheHint
from mcp_types import ListToolsResult, NotificationParams, PaginatedRequestParams

from telecmi_mcp import __version__
from telecmi_mcp._config.variables import check_tools
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.server_info import NAME, TITLE
from telecmi_mcp._mcp.toolsets import ALL, Toolset, toolset_of
from telecmi_mcp._server import prompt_handlers, resource_handlers
from telecmi_mcp._server.naming import naming
from telecmi_mcp._server.request_params import raise_if_paged, read_params
from telecmi_mcp._server.tool_handlers import handle_call, input_schema, insert_result, listed_tools
from telecmi_mcp._server.version_middleware import fit_result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from mcp.server.caching import CacheableMethod
    from mcp.server.context import ServerMiddleware

    from telecmi_mcp._app import App
    from telecmi_mcp._tool_names import ToolNames

STATIC = CacheHint(ttl_ms=3_600_000, scope="public")
"""Cache hint of the lists, which are the same for every caller until the next version."""

_STATIC_METHODS: Final[Sequence[CacheableMethod]] = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
)


def create_server(
    opened: Callable[[], AbstractAsyncContextManager[App]],
    *,
    text: str = "json",
    structured: bool = True,
    exports: bool = False,
    tools: str = "all",
    tool_prefix: str = "",
) -> Server[App]:
    """Return the MCP server, for any transport of the SDK.

    Args:
        opened: Opens the app for as long as the server runs: ``lambda: open_app(settings)``.
        text: Format of the text half of an answer: ``json`` or ``table``.
        structured: Whether tools have output schemas, and answers a structured half.
        exports: Whether there is the tool ``export_contacts``, which writes files into ``Settings.export_folder`` on
            the computer of the server. Use it only where the client's user owns that computer: over stdio.
        tools: Which tools there are: ``Settings.tools``.
        tool_prefix: Text before the name of every tool: ``Settings.tool_prefix``.

    Raises:
        ConfigurationError: ``chatgpt`` with a prefix, with tables, or without a structured half.
    """
    check_tools({"tools": tools, "tool_prefix": tool_prefix, "text": text, "structured": structured})
    toolset = toolset_of(tools, tool_prefix, exports=exports)
    return build_server(opened, OutputFormat(text=text, structured=structured), toolset=toolset)


def build_server(
    opened: Callable[[], AbstractAsyncContextManager[Any]],
    output: OutputFormat,
    *,
    toolset: Toolset = ALL,
    middleware: Sequence[ServerMiddleware[Any]] = (),
    tools_scope: Literal["public", "private"] = "public",
) -> Server[Any]:
    """Return the same server with more middleware.

    Args:
        opened: Opens what ``ctx.lifespan_context`` is outside of the middleware; handlers expect an app.
        output: Format of the answers of tools.
        toolset: The tools of the server, and what belongs to them.
        middleware: Runs inside the SDK's own middleware (spans) and ours for params, the first outermost.
        tools_scope: Who may share a cached list of the tools: everybody (``public``), or one caller only (``private``),
            if a middleware leaves tools out for some callers.
    """

    @asynccontextmanager
    async def lifespan(_: Server[Any]) -> AsyncIterator[Any]:
        async with opened() as opened_object:
            yield opened_object

    by_name, names = toolset.by_name, toolset.names
    server = Server(
        NAME,
        version=__version__,
        title=TITLE,
        instructions=toolset.instructions,
        lifespan=lifespan,
        cache_hints={**dict.fromkeys(_STATIC_METHODS, STATIC), "tools/list": replace(STATIC, scope=tools_scope)},
        get_tool_input_schema=partial(input_schema, by_name),
        on_list_tools=partial(_list_tools, output, toolset),
        on_call_tool=partial(handle_call, by_name, names, output),
        **({} if toolset.has_only_tools else _other_handlers(names)),
    )
    ours = (*([naming(names)] if names else []), fit_result, read_params)
    server.middleware.extend((*ours, *middleware, insert_result))
    server.add_notification_handler("notifications/initialized", NotificationParams, _on_initialized)
    return server


def _other_handlers(names: ToolNames) -> dict[str, Any]:
    """Return the handlers of prompts, resources and completions."""
    return {
        "on_list_prompts": prompt_handlers.list_prompts,
        "on_get_prompt": partial(prompt_handlers.get_prompt, names),
        "on_list_resources": resource_handlers.list_resources,
        "on_list_resource_templates": resource_handlers.list_resource_templates,
        "on_read_resource": partial(resource_handlers.read_resource, names),
        "on_completion": resource_handlers.complete,
    }


async def _list_tools(
    output: OutputFormat,
    toolset: Toolset,
    ctx: ServerRequestContext[App, Any],
    params: PaginatedRequestParams | None,
) -> ListToolsResult:
    raise_if_paged(ctx, params)
    ctx.lifespan_context.preconnect()  # clients of 2026-07-28 send no notifications/initialized
    return listed_tools(output, toolset)


async def _on_initialized(ctx: ServerRequestContext[App, Any], _: NotificationParams) -> None:
    ctx.lifespan_context.preconnect()
