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
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.server_info import INSTRUCTIONS, NAME, TITLE
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS, TOOLS
from telecmi_mcp._server import prompt_handlers, resource_handlers
from telecmi_mcp._server.tool_handlers import handle_call, input_schema, insert_result, listed_tools
from telecmi_mcp._server.version_middleware import fit_result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from mcp.server.caching import CacheableMethod
    from mcp.server.context import ServerMiddleware

    from telecmi_mcp._app import App
    from telecmi_mcp._mcp.tools.tool import Tool

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
) -> Server[App]:
    """Return the MCP server, for any transport of the SDK.

    Args:
        opened: Opens the app for as long as the server runs: ``lambda: open_app(settings)``.
        text: Format of the text half of an answer: ``json`` or ``table``.
        structured: Whether tools have output schemas, and answers a structured half.
        exports: Whether there is the tool ``export_contacts``, which writes files into ``Settings.export_folder`` on
            the computer of the server. Use it only where the client's user owns that computer: over stdio.
    """
    tools = LOCAL_TOOLS if exports else TOOLS
    return build_server(opened, OutputFormat(text=text, structured=structured), tools=tools)


def build_server(
    opened: Callable[[], AbstractAsyncContextManager[Any]],
    output: OutputFormat,
    *,
    tools: Sequence[Tool] = TOOLS,
    middleware: Sequence[ServerMiddleware[Any]] = (),
    tools_scope: Literal["public", "private"] = "public",
) -> Server[Any]:
    """Return the same server with more middleware.

    Args:
        opened: Opens what ``ctx.lifespan_context`` is outside of the middleware; handlers expect an app.
        output: Format of the answers of tools.
        tools: The tools of the server.
        middleware: Runs inside the SDK's own middleware (spans), the first outermost.
        tools_scope: Who may share a cached list of the tools: everybody (``public``), or one caller only (``private``),
            if a middleware leaves tools out for some callers.
    """

    @asynccontextmanager
    async def lifespan(_: Server[Any]) -> AsyncIterator[Any]:
        async with opened() as opened_object:
            yield opened_object

    by_name = {tool.name: tool for tool in tools}
    server = Server(
        NAME,
        version=__version__,
        title=TITLE,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        cache_hints={**dict.fromkeys(_STATIC_METHODS, STATIC), "tools/list": replace(STATIC, scope=tools_scope)},
        get_tool_input_schema=partial(input_schema, by_name),
        on_list_tools=partial(_list_tools, output, tools),
        on_call_tool=partial(handle_call, by_name, output),
        on_list_prompts=prompt_handlers.list_prompts,
        on_get_prompt=prompt_handlers.get_prompt,
        on_list_resources=resource_handlers.list_resources,
        on_list_resource_templates=resource_handlers.list_resource_templates,
        on_read_resource=resource_handlers.read_resource,
        on_completion=resource_handlers.complete,
    )
    server.middleware.extend((fit_result, *middleware, insert_result))
    server.add_notification_handler("notifications/initialized", NotificationParams, _on_initialized)
    return server


async def _list_tools(
    output: OutputFormat,
    tools: Sequence[Tool],
    ctx: ServerRequestContext[App, Any],
    _: PaginatedRequestParams | None,
) -> ListToolsResult:
    ctx.lifespan_context.preconnect()  # clients of 2026-07-28 send no notifications/initialized
    return listed_tools(output, tools)


async def _on_initialized(ctx: ServerRequestContext[App, Any], _: NotificationParams) -> None:
    ctx.lifespan_context.preconnect()
