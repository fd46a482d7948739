"""The MCP server: our tools under the SDK, and the one place where our errors become tool errors."""

from __future__ import annotations

import logging
import traceback
from contextlib import asynccontextmanager
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
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ListedTool
from pydantic_core import to_json

from telecmi_mcp import __version__
from telecmi_mcp._tools import INSTRUCTIONS, TOOLS, Tool
from telecmi_mcp.errors import TelecmiError, TooManyCalls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from telecmi_mcp._app import App
    from telecmi_mcp._directory import Report

_log = logging.getLogger(__name__)

_READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)
_STATIC = CacheHint(ttl_ms=3_600_000, scope="public")  # the tools are the same for everybody, until the next version
_INTERNAL = "Report this to the maintainers of telecmi-mcp: the call failed for a reason that is not yours."


def create_server(opened: Callable[[], AbstractAsyncContextManager[App]]) -> Server[App]:
    """Return the MCP server, to be run on any transport of the SDK.

    Args:
        opened: Opens what the tools work with, for as long as the server runs:
            ``lambda: open_app(settings)``.
    """

    @asynccontextmanager
    async def lifespan(_: Server[App]) -> AsyncIterator[App]:
        async with opened() as app:
            yield app

    return Server(
        "telecmi-mcp",
        version=__version__,
        title="TeleCMI contacts",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        cache_hints={"tools/list": _STATIC, "server/discover": _STATIC},
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
    )


async def _list_tools(_: ServerRequestContext[App, Any], __: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=[_listed(tool) for tool in TOOLS])


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=_READ_ONLY,
    )


async def _call_tool(ctx: ServerRequestContext[App, Any], params: CallToolRequestParams) -> CallToolResult:
    tool = next((tool for tool in TOOLS if tool.name == params.name), None)
    if tool is None:
        raise MCPError(INVALID_PARAMS, "Unknown tool: tools/list names the tools there are.")
    try:
        return _answer(await _run(tool, ctx, params.arguments or {}))
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


def _answer(facts: dict[str, Any]) -> CallToolResult:
    # Some clients show a model the text alone, others the structured half alone: both hold all the facts.
    text = to_json(facts).decode()
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=facts)


def _failure(sentence: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=sentence)], is_error=True)


def _log_defect(name: str, error: Exception) -> None:
    # Where it happened, not what it says: its text may hold anything.
    frames = traceback.extract_tb(error.__traceback__)
    where = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    _log.error("%s failed with %s at %s", name, type(error).__name__, where)
