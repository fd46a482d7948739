"""Handlers of ``tools/list`` and ``tools/call``; the only place where an error becomes a tool error."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, ListToolsResult, ToolAnnotations
from mcp_types import Tool as ListedTool

from telecmi_mcp._mcp.call_record import DEFECT, raise_if_rejected, record_contacts, record_failure
from telecmi_mcp._mcp.output import OutputFormat, PreSerialized, as_table
from telecmi_mcp._mcp.toolsets import ALL, Toolset
from telecmi_mcp._server.error_mapping import INTERNAL, check_rate_limit, log_defect
from telecmi_mcp._server.request_params import raise_if_unreadable
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._mcp.tool_names import ToolNames
    from telecmi_mcp._mcp.tools.tool import FileLink, Tool

_log = logging.getLogger(__name__)

_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
_FIRST_WITH_LINKS = "2025-06-18"  # the first protocol version with resource links in answers
_FIRST_WITH_MESSAGES = "2025-03-26"  # the first one with messages in progress notifications
_EMPTY_RESULT = CallToolResult(content=[])
_FINISHED: ContextVar[list[dict[str, Any]] | None] = ContextVar("finished", default=None)


def listed_tools(output: OutputFormat, toolset: Toolset = ALL) -> ListToolsResult:
    """Return the answer to ``tools/list``, which depends on the output format and the toolset of the server only."""
    return ListToolsResult(tools=[_listed_tool(tool, output) for tool in toolset.tools])


def input_schema(tools: Mapping[str, Tool], name: str) -> dict[str, Any] | None:
    """Return the input schema of a tool; ``None`` for an unknown one."""
    return tools[name].input_schema if name in tools else None


def _listed_tool(tool: Tool, output: OutputFormat) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema if output.structured else None,
        annotations=_READS if tool.is_read_only else _ADDS,
    )


async def handle_call(
    tools: Mapping[str, Tool],
    names: ToolNames,
    output: OutputFormat,
    ctx: ServerRequestContext[App, Any],
    params: CallToolRequestParams,
) -> CallToolResult:
    """Answer ``tools/call`` with the data of the tool or with an error, in the output format."""
    tool = tools.get(params.name)
    if tool is None:
        raise MCPError(INVALID_PARAMS, "Unknown tool: tools/list returns the names of all tools.")
    result = await _call_tool(output, ctx, tool, names, params.arguments or {})
    finished = _FINISHED.get()
    if finished is None:
        return CallToolResult.model_validate(result)
    finished.append(result)
    return _EMPTY_RESULT


async def insert_result(ctx: ServerRequestContext[App, Any], call_next: CallNext) -> HandlerResult:
    """Insert the result of a tool into the empty result that the SDK has serialised.

    The SDK would dump a model of the result, validate that, and dump it again. What the SDK checks of a request and
    adds for a protocol version stays in place. Without this middleware the answers are the same.
    """
    finished: list[dict[str, Any]] = []
    token = _FINISHED.set(finished)
    try:
        result = await call_next(ctx)
    finally:
        _FINISHED.reset(token)
    return {**result, **finished[0]} if finished and isinstance(result, dict) else result


async def _call_tool(
    output: OutputFormat,
    ctx: ServerRequestContext[App, Any],
    tool: Tool,
    names: ToolNames,
    arguments: dict[str, Any],
) -> dict[str, Any]:
    app = ctx.lifespan_context
    try:
        raise_if_rejected()
        check_rate_limit(app, calls=tool.cost(arguments))
        raise_if_unreadable(tool.name)
        recent = app.directory.recent  # of this account, even if another one signs in during the call
        answer = await tool.call(app, arguments, report=_reporter(ctx), names=names)
        recent.note(answer.data)
        record_contacts(answer.contacts, answer.unlisted)
        links = [_resource_link(answer.file)] if answer.file and ctx.protocol_version >= _FIRST_WITH_LINKS else []
        return _written(output, tool, answer.data, links)
    except TelecmiError as error:
        _log.info("%s: %s", names.shown(tool.name), error.code)
        record_failure(error.code)
        return _failure(str(error))
    except Exception as error:  # noqa: BLE001 - the text of a defect must not reach the model
        log_defect(names.shown(tool.name), error)
        record_failure(DEFECT)
        return _failure(INTERNAL)


def _reporter(ctx: ServerRequestContext[App, Any]) -> Report:
    """Return a function that sends progress, which must increase with each notification, to a caller that asked."""
    last_sent = 0
    message = "contacts read" if ctx.protocol_version >= _FIRST_WITH_MESSAGES else None

    async def report(read: int, count: int | None) -> None:
        nonlocal last_sent
        if read > last_sent:
            last_sent = read
            await ctx.session.report_progress(read, count, message)

    return report


def _resource_link(file: FileLink) -> dict[str, Any]:
    return {
        "type": "resource_link",
        "uri": file.uri,
        "name": file.name,
        "mimeType": file.mime_type,
        "size": file.size,
    }


def _written(output: OutputFormat, tool: Tool, data: dict[str, Any], links: list[dict[str, Any]]) -> dict[str, Any]:
    # Some clients show a model only the text, others only the structured half, so both hold all the data.
    if output.text == "table":
        table = as_table(tool.as_rows(data), rows=tool.rows, columns=tool.columns)
        return _result(table, data if output.structured else None, links)
    serialised = PreSerialized(data)
    return _result(serialised.json.decode(), serialised if output.structured else None, links)


def _result(text: str, data: dict[str, Any] | None = None, links: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    structured = {} if data is None else {"structuredContent": data}
    return {"content": [{"type": "text", "text": text}, *links], **structured}


def _failure(message: str) -> dict[str, Any]:
    return {**_result(message), "isError": True}
