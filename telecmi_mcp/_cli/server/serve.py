"""``telecmi-mcp serve``: serves MCP on standard input and output, or over HTTP for a team."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from telecmi_mcp._cli.options import (
    add_sandbox_flag,
    add_setting_flags,
    open_configured,
    read_settings,
    read_values,
)
from telecmi_mcp._stdio.descriptors import claimed, fill_standard_descriptors
from telecmi_mcp._stdio.early_answers import early_answers
from telecmi_mcp._stdio.early_responder import NO_EARLY_SESSION, answer_while, can_answer_early

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterator, Mapping
    from types import FrameType

    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._server.call_audit import CallAudit
    from telecmi_mcp._stdio.early_responder import EarlySession

SUMMARY = "Serve MCP on stdio (the default), or to a team over HTTP."

SERVER_MODULES = ("_app", "_config.logging", "_config.settings", "_server.factory", "_stdio.serve")
"""What is imported while the first requests are answered early."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; ``_cli/team/server.py`` adds those of the team server."""
    add_setting_flags(parser)
    add_sandbox_flag(parser)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until the input ends or a signal arrives, then exit the process at once."""
    if getattr(args, "http", None) is not None:
        from telecmi_mcp._cli.team.server import run_team_server  # the stdio server needs none of it

        return run_team_server(args, environ)
    values = read_values(args, environ)
    gc.disable()  # the imports create about 120,000 objects that stay; scanning them repeatedly is wasted time
    fill_standard_descriptors()
    try:
        with claimed() as wire:
            session = _answer_early(values, wire)
            code = 0 if session.is_over else _serve(args, read_settings(args, environ), wire, session)
    except KeyboardInterrupt:  # before the event loop runs, and how Windows ends it
        code = 130
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    # Everything is closed. The finalization of the interpreter would take longer than all of it.
    sys.stderr.flush()
    os._exit(code)


def _answer_early(values: Mapping[str, Any], wire: tuple[int, int]) -> EarlySession:
    answers = early_answers(values) if can_answer_early(wire) else None
    if answers is None:
        return NO_EARLY_SESSION
    for number in (signal.SIGTERM, signal.SIGINT):  # the latter may be ignored, where a shell started us behind it
        signal.signal(number, _leave)  # whoever was answered is told by the exit code, as later
    return answer_while(_import_server, wire, answers)


def _import_server() -> None:
    for name in SERVER_MODULES:
        import_module(f"telecmi_mcp.{name}")


def _serve(args: argparse.Namespace, settings: Settings, wire: tuple[int, int], session: EarlySession) -> int:
    from telecmi_mcp._config.logging import configure_logging
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._mcp.output import OutputFormat
    from telecmi_mcp._mcp.toolsets import toolset_of
    from telecmi_mcp._server.factory import build_server
    from telecmi_mcp._stdio.serve import serve_stdio

    secrets = KnownSecrets()
    configure_logging(settings, secrets)
    gc.freeze()
    gc.enable()
    toolset = toolset_of(settings.tools, settings.tool_prefix, exports=settings.export_folder is not None)
    with _audit(settings, toolset.by_name, secrets) as middleware:
        server = build_server(
            lambda: open_configured(args, settings, secrets),
            OutputFormat(text=settings.text, structured=settings.structured),
            toolset=toolset,
            middleware=middleware,
        )
        return serve_stdio(server, wire, session)


@contextmanager
def _audit(settings: Settings, tools: Collection[str], secrets: KnownSecrets) -> Iterator[tuple[CallAudit, ...]]:
    """Yield the middleware that writes each call to the file of the settings; none without a file."""
    if settings.audit_file is None:
        yield ()
        return
    from telecmi_mcp._audit.file import open_audit_file, user_name
    from telecmi_mcp._private_files import state_folder
    from telecmi_mcp._server.call_audit import CallAudit

    with open_audit_file(settings.audit_file, state=state_folder(), secrets=secrets) as audit:
        yield (CallAudit(audit, tools=tools, caller=user_name()),)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
