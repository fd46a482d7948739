"""Runs a server on stdio until the input ends or a signal arrives."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp._stdio.early_responder import NO_EARLY_SESSION, EarlySession
from telecmi_mcp._stdio.transport import stdio_streams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import ObjectReceiveStream, ObjectSendStream
    from mcp_types import JSONRPCMessage

    from telecmi_mcp._stdio.transport import Envelope, EnvelopeT

    _Serve = Callable[[ObjectReceiveStream[EnvelopeT | Exception], ObjectSendStream[Envelope]], Awaitable[None]]

_SIGNAL_BASE = 128


def run_on_stdio(
    serve: _Serve[EnvelopeT],
    wire: tuple[int, int],
    envelope: Callable[[JSONRPCMessage], EnvelopeT],
    session: EarlySession = NO_EARLY_SESSION,
) -> int:
    """Serve the client on two descriptors.

    Args:
        serve: Serves the client on a pair of streams until the first one ends.
        wire: Descriptors to read and to write.
        envelope: Wraps each message of the client.
        session: Messages that were read and answered early.

    Returns:
        The exit code: 0 after the end of input, 128 plus its number after a signal.
    """
    return anyio.run(_run, serve, wire, envelope, session)


async def _run(
    serve: _Serve[EnvelopeT],
    wire: tuple[int, int],
    envelope: Callable[[JSONRPCMessage], EnvelopeT],
    session: EarlySession,
) -> int:
    code = 0

    async def leave_on_signal(scope: anyio.CancelScope) -> None:
        nonlocal code
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                code = _SIGNAL_BASE + number
                scope.cancel()

    async with anyio.create_task_group() as tasks:
        if sys.platform != "win32":  # its event loop has no signal handlers; Ctrl-C raises KeyboardInterrupt
            tasks.start_soon(leave_on_signal, tasks.cancel_scope)
        async with stdio_streams(wire, envelope, session) as (read_stream, write_stream):
            await serve(read_stream, write_stream)
        tasks.cancel_scope.cancel()
    return code
