"""Builds the MCP server: its identity, and the handler of each method."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mcp.server import Server, ServerRequestContext
from mcp.server.caching import CacheHint
from mcp_types import ListToolsResult, NotificationParams, PaginatedRequestParams
from opentelemetry import trace

from telecmi_mcp import __version__
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.tools import INSTRUCTIONS
from telecmi_mcp._server import prompt_handlers
from telecmi_mcp._server.tool_handlers import handle_call, listed_tools, put_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from mcp.server.caching import CacheableMethod
    from mcp.server.context import CallNext, HandlerResult, ServerMiddleware

    from telecmi_mcp._app import App

_STATIC = CacheHint(ttl_ms=3_600_000, scope="public")  # the lists are the same for everybody, until the next version
_STATIC_METHODS: Final[Sequence[CacheableMethod]] = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
)


def create_server(
    opened: Callable[[], AbstractAsyncContextManager[App]], *, text: str = "json", structured: bool = True
) -> Server[App]:
    """Return the MCP server, to be run on any transport of the SDK.

    Args:
        opened: Opens what the tools work with, for as long as the server runs:
            ``lambda: open_app(settings)``.
        text: How the text half of an answer is written: ``json`` or ``table``.
        structured: Whether tools have output schemas, and answers a structured half.
    """
    shape = OutputFormat(text=text, structured=structured)

    @asynccontextmanager
    async def lifespan(_: Server[App]) -> AsyncIterator[App]:
        async with opened() as app:
            yield app

    server = Server(
        "telecmi-mcp",
        version=__version__,
        title="TeleCMI contacts",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        cache_hints=dict.fromkeys(_STATIC_METHODS, _STATIC),
        on_list_tools=partial(_list_tools, shape),
        on_call_tool=partial(handle_call, shape),
        on_list_prompts=prompt_handlers.list_prompts,
        on_get_prompt=prompt_handlers.get_prompt,
        on_list_resources=prompt_handlers.list_resources,
        on_list_resource_templates=prompt_handlers.list_resource_templates,
        on_read_resource=prompt_handlers.read_resource,
        on_completion=prompt_handlers.complete,
    )
    server.middleware[:] = [*map(spans_on_demand, server.middleware), put_in]  # the SDK's only one makes spans
    server.add_notification_handler("notifications/initialized", NotificationParams, _welcome)
    return server


def spans_on_demand(
    spans: ServerMiddleware[Any],
    *,
    provider: Callable[[], trace.TracerProvider] = trace.get_tracer_provider,
) -> ServerMiddleware[Any]:
    """Return the middleware that makes spans, passed by while nobody has set what takes them: 27 µs of each message."""

    async def traced(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if isinstance(provider(), trace.ProxyTracerProvider):
            return await call_next(ctx)
        return await spans(ctx, call_next)

    return traced


async def _list_tools(
    shape: OutputFormat, ctx: ServerRequestContext[App, Any], _: PaginatedRequestParams | None
) -> ListToolsResult:
    ctx.lifespan_context.preconnect()  # clients of 2026-07-28 do not say that they are initialized
    return listed_tools(shape)


async def _welcome(ctx: ServerRequestContext[App, Any], _: NotificationParams) -> None:
    ctx.lifespan_context.preconnect()
