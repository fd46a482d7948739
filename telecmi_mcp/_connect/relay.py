"""Passes the requests of a stdio client to the team server, and its answers back."""

from __future__ import annotations

import logging
import re
import traceback
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from telecmi_mcp._connect.fallback import START_METHODS, Fallback, protocol_error
from telecmi_mcp._connect.routing_headers import routing_headers, stateless_version
from telecmi_mcp.errors import TeamAnswerUnusable, TeamServerUnresponsive, TelecmiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup

    from telecmi_mcp._connect.responses import Answer
    from telecmi_mcp._connect.team_server import TeamServer
    from telecmi_mcp._stdio.transport import Envelope

_log = logging.getLogger(__name__)

START_TIMEOUT_S: Final = 3.0
"""Time for the server's own answer to ``initialize`` and the like; some clients wait 5 s for it."""

MARGIN_S: Final = 20.0
"""Time of a request beyond that of a tool call: the team server itself adds 15 s."""

_VERSION = re.compile(r"[!-~]{1,64}")
_INTERNAL = "Report this to the maintainers of telecmi-mcp: the call failed because of a defect in connect."


class Message(NamedTuple):
    """A message on the streams of the transport."""

    message: JSONRPCMessage


class Relay:
    """Serves one stdio client.

    The team server has no sessions. So the relay keeps what a session is: the version that ``initialize`` negotiated,
    and the requests that are under way. Notifications of the client are not passed on: the only one that means
    something to a server without sessions is a cancellation, which ends the HTTP request.

    Args:
        server: The team server.
        fallback: Answers in place of the server.
        timeout_s: Maximum seconds of one tool call on the server.
    """

    def __init__(self, server: TeamServer, fallback: Fallback, *, timeout_s: float) -> None:
        self._server = server
        self._fallback = fallback
        self._timeout_s = timeout_s + MARGIN_S
        self._version = ""
        self._running: dict[str | int, anyio.CancelScope] = {}

    async def serve(
        self, read_stream: ObjectReceiveStream[Message | Exception], write_stream: ObjectSendStream[Envelope]
    ) -> None:
        """Serve until the stream of the client's messages ends; then end the requests that are under way."""
        async with read_stream, write_stream, anyio.create_task_group() as tasks:
            async for item in read_stream:
                if isinstance(item, Message):
                    await self._receive(item.message, write_stream, tasks)
            closed = ErrorData(code=CONNECTION_CLOSED, message="Connection closed")
            for request_id in list(self._running):
                self._running.pop(request_id).cancel()
                await write_stream.send(Message(JSONRPCError(jsonrpc="2.0", id=request_id, error=closed)))
            tasks.cancel_scope.cancel()

    async def _receive(
        self, message: JSONRPCMessage, write_stream: ObjectSendStream[Envelope], tasks: TaskGroup
    ) -> None:
        if isinstance(message, JSONRPCRequest):
            scope = self._running[message.id] = anyio.CancelScope()
            if message.method == "initialize":  # the next message may need the version
                await self._run(message, scope, write_stream)
            else:
                tasks.start_soon(self._run, message, scope, write_stream)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._cancel((message.params or {}).get("requestId"))

    def _cancel(self, request_id: object) -> None:
        scope = self._running.get(request_id) if isinstance(request_id, str | int) else None
        if scope is not None:
            scope.cancel()

    async def _run(
        self, request: JSONRPCRequest, scope: anyio.CancelScope, write_stream: ObjectSendStream[Envelope]
    ) -> None:
        with scope:
            try:
                answer = await self._answer(request, partial(self._send_progress, write_stream))
            finally:
                if self._running.get(request.id) is scope:  # the client may have used its id again
                    del self._running[request.id]
            await write_stream.send(Message(answer))

    async def _answer(self, request: JSONRPCRequest, on_progress: Any) -> Answer:
        if request.method == "ping" and stateless_version(request) is None:  # asks for this process, not for the server
            return JSONRPCResponse(jsonrpc="2.0", id=request.id, result={})
        headers = routing_headers(request, self._version)
        if isinstance(headers, ErrorData):
            return protocol_error(request, headers)
        try:
            answer = await self._ask(request, headers, on_progress)
        except TelecmiError as error:
            answer = self._fallback.answer(request, self._version, error)
        except Exception as error:  # noqa: BLE001 - a defect must not end the other requests; its text may hold anything
            _log.error("a request failed with %s at %s", type(error).__name__, _place_of(error))
            answer = protocol_error(request, ErrorData(code=INTERNAL_ERROR, message=_INTERNAL))
        if request.method == "initialize" and isinstance(answer, JSONRPCResponse):
            self._version = answer.result["protocolVersion"]
        return answer

    async def _ask(self, request: JSONRPCRequest, headers: Mapping[str, str], on_progress: Any) -> Answer:
        seconds = START_TIMEOUT_S if request.method in START_METHODS else self._timeout_s
        with anyio.move_on_after(seconds):
            answer = await self._server.ask(request, headers, on_progress)
            if request.method == "initialize" and isinstance(answer, JSONRPCResponse):
                _check_version(answer.result.get("protocolVersion"))
            return answer
        raise TeamServerUnresponsive(seconds)

    async def _send_progress(self, write_stream: ObjectSendStream[Envelope], params: Mapping[str, Any]) -> None:
        progress = JSONRPCNotification(jsonrpc="2.0", method="notifications/progress", params=dict(params))
        await write_stream.send(Message(progress))


def _place_of(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{PurePath(frame.filename).name}:{frame.lineno}"


def _check_version(version: object) -> None:
    """Raise an error unless the version that the server negotiated can be sent in a header."""
    if not (isinstance(version, str) and _VERSION.fullmatch(version)):
        raise TeamAnswerUnusable
