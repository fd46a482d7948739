"""Calls a tool for a command, and prints its answer as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from telecmi_mcp._cli.options import add_sandbox_flag, add_setting_flags, open_configured
from telecmi_mcp._cli.progress import Progress
from telecmi_mcp._cli.wording import TOOLS_AS_COMMANDS
from telecmi_mcp._mcp.tool_names import BARE_NAMES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._config.variables import Setting
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._mcp.tool_names import ToolNames
    from telecmi_mcp._mcp.tools.tool import Tool

Data = dict[str, Any]
"""The JSON object of an answer."""

_Answer = TypeVar("_Answer")

_MANY_CONTACTS = 1_000  # reading them takes a second or more
_OFFER = (
    "Each command reads the contacts again. To keep them on this computer, pass --index disk or set TELECMI_INDEX=disk."
)


def add_common_flags(parser: argparse.ArgumentParser, settings: Iterable[Setting]) -> None:
    """Add the flags of the settings that the command uses, ``--sandbox`` and ``--json``."""
    add_setting_flags(parser, settings)
    add_sandbox_flag(parser)
    parser.add_argument("--json", action="store_true", help="Print the JSON object that the MCP tool returns.")


def run_tool(
    args: argparse.Namespace,
    settings: Settings,
    name: str,
    arguments: Mapping[str, Any],
    *,
    needs_all: Callable[[Data], bool] = lambda _: False,
) -> Data:
    """Open the app, call one tool, and return its JSON object; see ``call_tool``."""
    import anyio

    from telecmi_mcp._mcp.tools.registry import TOOLS

    names = BARE_NAMES if args.json else TOOLS_AS_COMMANDS  # the JSON object is the tool's
    (tool,) = (each for each in TOOLS if each.name == name)

    async def run() -> Data:
        async with open_configured(args, settings) as app:
            return await call_tool(app, tool, arguments, needs_all=needs_all, names=names)

    return anyio.run(run)


async def call_tool(
    app: App,
    tool: Tool,
    arguments: Mapping[str, Any],
    *,
    needs_all: Callable[[Data], bool],
    names: ToolNames = BARE_NAMES,
) -> Data:
    """Call a tool, a second time if the answer needs all contacts and is not complete; see ``ask_when_read``."""

    async def ask(report: Report) -> Data:
        return (await tool.call(app, arguments, report=report, names=names)).data

    return await ask_when_read(app, ask, is_final=lambda data: data.get("complete", True) or not needs_all(data))


async def ask_when_read(
    app: App, ask: Callable[[Report], Awaitable[_Answer]], *, is_final: Callable[[_Answer], bool]
) -> _Answer:
    """Ask; if the answer is not final, read the contacts that are not read yet, and ask again.

    A server goes on reading after an answer. A command would end, and start again at the first page when it is
    repeated.
    """
    progress = Progress(is_transient=True)
    try:
        answer = await ask(progress.show_on_terminal)
        if app.settings.index != "off" and not is_final(answer):
            await app.directory.sync(progress.show)
            answer = await ask(progress.show_on_terminal)
    finally:
        progress.end()
    if progress.is_terminal and await _reads_many_again(app):
        print(_OFFER, file=sys.stderr)
    return answer


async def _reads_many_again(app: App) -> bool:
    """Return True if this command read many contacts that the next one has to read again."""
    if app.settings.index != "memory":
        return False
    freshness = await app.directory.status_of(await app.account())
    return freshness is not None and freshness.indexed >= _MANY_CONTACTS


def format_json(data: Data, *, encoding: str | None) -> str:
    """Return the object as one line of JSON, in ASCII if the encoding is not UTF-8."""
    is_utf8 = (encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(data, ensure_ascii=not is_utf8)


def print_json(data: Data) -> None:
    """Print the object on one line."""
    print(format_json(data, encoding=sys.stdout.encoding))
