"""Handlers of ``tools/list`` and ``tools/call``; the only place where an error becomes a tool error."""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, ListToolsResult, ToolAnnotations
from mcp_types import Tool as ListedTool

from telecmi_mcp._mcp.call_record import DEFECT, raise_if_rejected, record_contacts, record_failure
from telecmi_mcp._mcp.output import OutputFormat, PreSerialized, as_table
from telecmi_mcp._mcp.tools import TOOLS, Tool
from telecmi_mcp.errors import CallLimitReached, TelecmiError

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report

_log = logging.getLogger(__name__)

INTERNAL = "Report this to the maintainers of telecmi-mcp: the call failed for a reason that is not yours."

_READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=True)
_EMPTY = CallToolResult(content=[])
_FINISHED: ContextVar[list[dict[str, Any]] | None] = ContextVar("finished", default=None)


def listed_tools(shape: OutputFormat) -> ListToolsResult:
    """Return what ``tools/list`` answers for a shape, which depends on nothing else."""
    return ListToolsResult(tools=[_listed(tool, shape) for tool in TOOLS])


def _listed(tool: Tool, shape: OutputFormat) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema if shape.structured else None,
        annotations=_READ_ONLY,
    )


async def handle_call(
    shape: OutputFormat, ctx: ServerRequestContext[App, Any], params: CallToolRequestParams
) -> CallToolResult:
    """Answer ``tools/call``: what a tool gives, or what went wrong with it, in the shape that was asked for."""
    tool = next((tool for tool in TOOLS if tool.name == params.name), None)
    if tool is None:
        raise MCPError(INVALID_PARAMS, "Unknown tool: tools/list names the tools there are.")
    answer = await _call_tool(shape, ctx, tool, params.arguments or {})
    finished = _FINISHED.get()
    if finished is None:
        return CallToolResult.model_validate(answer)
    finished.append(answer)
    return _EMPTY


async def put_in(ctx: ServerRequestContext[App, Any], call_next: CallNext) -> HandlerResult:
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
    shape: OutputFormat, ctx: ServerRequestContext[App, Any], tool: Tool, arguments: dict[str, Any]
) -> dict[str, Any]:
    try:
        # The record is looked up before the call: who signs in meanwhile has another one, and finds nothing of this.
        facts = ctx.lifespan_context.directory.recent.note(await _run(tool, ctx, arguments))
        record_contacts(len(facts[tool.rows]) if tool.rows else 1)
        return _answer(shape, tool, facts)
    except TelecmiError as error:
        _log.info("%s: %s", tool.name, error.code)
        record_failure(error.code)
        return _failure(str(error))
    except Exception as error:  # noqa: BLE001 - a defect of ours must not reach the model in its own words
        log_defect(tool.name, error)
        record_failure(DEFECT)
        return _failure(INTERNAL)


async def _run(tool: Tool, ctx: ServerRequestContext[App, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    raise_if_rejected()
    check_rate_limit(ctx.lifespan_context)
    return await tool.call(ctx.lifespan_context, arguments, report=_reporter(ctx))


def check_rate_limit(app: App) -> None:
    """Count a call.

    Raises:
        CallLimitReached: There were more than are let through.
    """
    wait = app.rate_limit.wait_for_turn()
    if wait:
        raise CallLimitReached(wait)


def _reporter(ctx: ServerRequestContext[App, Any]) -> Report:
    """Send progress where the caller asked for it; it must rise from one notification to the next."""
    told = 0

    async def report(read: int, count: int | None) -> None:
        nonlocal told
        if read > told:
            told = read
            await ctx.session.report_progress(read, count, "contacts read")

    return report


def _answer(shape: OutputFormat, tool: Tool, facts: dict[str, Any]) -> dict[str, Any]:
    # Some clients show a model the text alone, others the structured half alone: both hold all the facts.
    if shape.text == "table":
        return _result(as_table(facts, rows=tool.rows, columns=tool.columns), facts if shape.structured else None)
    prepared = PreSerialized(facts)
    return _result(prepared.json.decode(), prepared if shape.structured else None)


def _result(text: str, facts: dict[str, Any] | None = None) -> dict[str, Any]:
    half = {} if facts is None else {"structuredContent": facts}
    return {"content": [{"type": "text", "text": text}], **half}


def _failure(sentence: str) -> dict[str, Any]:
    return {**_result(sentence), "isError": True}


def log_defect(name: str, error: Exception) -> None:
    """Log a defect of ours, for the maintainers."""
    # Where it happened, not what it says: its text may hold anything.
    frames = traceback.extract_tb(error.__traceback__)
    where = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    _log.error("%s failed with %s at %s", name, type(error).__name__, where)
