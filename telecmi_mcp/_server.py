"""The MCP server: our tools under the SDK, and the one place where our errors become tool errors."""

from __future__ import annotations

import logging
import traceback
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from mcp.server import Server, ServerRequestContext
from mcp.server.caching import CacheHint
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    NotificationParams,
    PaginatedRequestParams,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool

from telecmi_mcp import __version__
from telecmi_mcp._shape import Prepared, Shape, as_table
from telecmi_mcp._tools import INSTRUCTIONS, TOOLS, Tool
from telecmi_mcp.errors import TelecmiError, TooManyCalls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from mcp.server.context import CallNext, HandlerResult

    from telecmi_mcp._app import App
    from telecmi_mcp._directory import Report

_log = logging.getLogger(__name__)

_READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)
_STATIC = CacheHint(ttl_ms=3_600_000, scope="public")  # the tools are the same for everybody, until the next version
_EMPTY = CallToolResult(content=[])
_FINISHED: ContextVar[list[dict[str, Any]] | None] = ContextVar("finished", default=None)
_INTERNAL = "Report this to the maintainers of telecmi-mcp: the call failed for a reason that is not yours."


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
    shape = Shape(text=text, structured=structured)

    @asynccontextmanager
    async def lifespan(_: Server[App]) -> AsyncIterator[App]:
        async with opened() as app:
            yield app

    async def list_tools(ctx: ServerRequestContext[App, Any], _: PaginatedRequestParams | None) -> ListToolsResult:
        ctx.lifespan_context.expect_calls()  # clients of 2026-07-28 do not say that they are initialized
        return listed_tools(shape)

    server = Server(
        "telecmi-mcp",
        version=__version__,
        title="TeleCMI contacts",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        cache_hints={"tools/list": _STATIC, "server/discover": _STATIC},
        on_list_tools=list_tools,
        on_call_tool=partial(_handle_call, shape),
    )
    server.middleware.append(_put_in)
    server.add_notification_handler("notifications/initialized", NotificationParams, _welcome)
    return server


async def _welcome(ctx: ServerRequestContext[App, Any], _: NotificationParams) -> None:
    ctx.lifespan_context.expect_calls()


def listed_tools(shape: Shape) -> ListToolsResult:
    """Return what ``tools/list`` answers for a shape, which depends on nothing else."""
    return ListToolsResult(tools=[_listed(tool, shape) for tool in TOOLS])


def _listed(tool: Tool, shape: Shape) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema if shape.structured else None,
        annotations=_READ_ONLY,
    )


async def _handle_call(
    shape: Shape, ctx: ServerRequestContext[App, Any], params: CallToolRequestParams
) -> CallToolResult:
    tool = next((tool for tool in TOOLS if tool.name == params.name), None)
    if tool is None:
        raise MCPError(INVALID_PARAMS, "Unknown tool: tools/list names the tools there are.")
    answer = await _call_tool(shape, ctx, tool, params.arguments or {})
    finished = _FINISHED.get()
    if finished is None:
        return CallToolResult.model_validate(answer)
    finished.append(answer)
    return _EMPTY


async def _put_in(ctx: ServerRequestContext[App, Any], call_next: CallNext) -> HandlerResult:
    """Put the answer of a call into the envelope that the SDK makes for an empty one.

    It would dump a model of the answer, validate that and dump it again: 0.15 ms for a page. What it checks of a
    request and adds for a generation stays its own. Without this middleware answers are the same, only later.
    """
    finished: list[dict[str, Any]] = []
    token = _FINISHED.set(finished)
    try:
        result = await call_next(ctx)
    finally:
        _FINISHED.reset(token)
    return {**result, **finished[0]} if finished and isinstance(result, dict) else result


async def _call_tool(
    shape: Shape, ctx: ServerRequestContext[App, Any], tool: Tool, arguments: dict[str, Any]
) -> dict[str, Any]:
    try:
        return _answer(shape, tool, await _run(tool, ctx, arguments))
    except TelecmiError as error:
        _log.info("%s: %s", tool.name, error.code)
        return _failure(str(error))
    except Exception as error:  # noqa: BLE001 - a defect of ours must not reach the model in its own words
        _log_defect(tool.name, error)
        return _failure(_INTERNAL)


async def _run(tool: Tool, ctx: ServerRequestContext[App, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    wait = ctx.lifespan_context.rate_limit.wait_for_turn()
    if wait:
        raise TooManyCalls(wait)
    return await tool.call(ctx.lifespan_context, arguments, report=_reporter(ctx))


def _reporter(ctx: ServerRequestContext[App, Any]) -> Report:
    """Send progress where the caller asked for it; it must rise from one notification to the next."""
    told = 0

    async def report(read: int, count: int | None) -> None:
        nonlocal told
        if read > told:
            told = read
            await ctx.session.report_progress(read, count, "contacts read")

    return report


def _answer(shape: Shape, tool: Tool, facts: dict[str, Any]) -> dict[str, Any]:
    # Some clients show a model the text alone, others the structured half alone: both hold all the facts.
    if shape.text == "table":
        return _result(as_table(facts, rows=tool.rows, columns=tool.columns), facts if shape.structured else None)
    prepared = Prepared(facts)
    return _result(prepared.json.decode(), prepared if shape.structured else None)


def _result(text: str, facts: dict[str, Any] | None = None) -> dict[str, Any]:
    half = {} if facts is None else {"structuredContent": facts}
    return {"content": [{"type": "text", "text": text}], **half}


def _failure(sentence: str) -> dict[str, Any]:
    return {**_result(sentence), "isError": True}


def _log_defect(name: str, error: Exception) -> None:
    # Where it happened, not what it says: its text may hold anything.
    frames = traceback.extract_tb(error.__traceback__)
    where = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    _log.error("%s failed with %s at %s", name, type(error).__name__, where)
