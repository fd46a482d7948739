"""MCP messages over standard input and output, one JSON line each.

The SDK's own transport does not bound a line, loses answers when the input ends, and reads in a thread that keeps the
process from leaving. This one reads and writes on the event loop where the system can wait for the descriptors (pipes
and sockets on POSIX), and in threads elsewhere.
"""

from __future__ import annotations

import json
import logging
import math
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.lowlevel import checkpoint_if_cancelled
from mcp_types import (
    CONNECTION_CLOSED,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS
from telecmi_mcp._stdio.backpressure import Backlog
from telecmi_mcp._stdio.byte_streams import Reader, Writer
from telecmi_mcp._stdio.early_responder import NO_EARLY_SESSION, EarlySession
from telecmi_mcp._stdio.framing import InvalidLine, LineSplitter, TooLong, read_message, write_error, write_message
from telecmi_mcp._stdio.known_messages import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from anyio.abc import TaskGroup
    from anyio.streams.memory import MemoryObjectSendStream

_log = logging.getLogger(__name__)

GRACE_S = 0.8
FINAL_ERRORS_S = 0.1

_HANG_UP_CHECK_S = 0.1
_ABANDONED_CHECK_S = 2.0
_REPLAY_TIMEOUT_S = 5.0


class Envelope(Protocol):
    """A message as the streams carry it, such as the SDK's ``SessionMessage``; ``connect`` does not import the SDK."""

    @property
    def message(self) -> JSONRPCMessage:
        """The message."""
        ...


EnvelopeT = TypeVar("EnvelopeT", bound=Envelope)


class _Line(NamedTuple):
    """Bytes to write, and the id of the request that they answer."""

    data: bytes
    request_id: str | None


def _refusal(request: JSONRPCRequest) -> bytes:
    """Answer a request that never started as the SDK answers those that did."""
    error = ErrorData(code=CONNECTION_CLOSED, message="Connection closed")
    return write_message(JSONRPCError(jsonrpc="2.0", id=request.id, error=error))


class _SendStream(ObjectSendStream[Envelope]):
    """Stream that the server sends to: it serialises a message and queues the line."""

    def __init__(self, queue: MemoryObjectSendStream[_Line], enqueue: Callable[[_Line], Awaitable[None]]) -> None:
        self._queue = queue
        self._enqueue = enqueue

    async def send(self, item: Envelope) -> None:
        """Queue one message as bytes, so that the task that made it can end."""
        await checkpoint_if_cancelled()
        message = item.message
        request_id = str(message.id) if isinstance(message, JSONRPCResponse | JSONRPCError) else None
        await self._enqueue(_Line(write_message(message), request_id))

    async def aclose(self) -> None:
        """End the stream."""
        await self._queue.aclose()


class _StdioPumps(Generic[EnvelopeT]):
    """Tasks that move messages between the descriptors and the server's streams."""

    def __init__(
        self,
        wire: tuple[int, int],
        tasks: TaskGroup,
        envelope: Callable[[JSONRPCMessage], EnvelopeT],
        session: EarlySession = NO_EARLY_SESSION,
    ) -> None:
        self._envelope = envelope
        self._session = session
        self._early = dict(session.answers)  # the SDK answers these once more
        self._contradicted = False
        self._reader = Reader(wire[0])
        self._writer = Writer(wire[1])
        self._tasks = tasks
        self._backlog = Backlog()
        self._to_server, self.from_client = anyio.create_memory_object_stream[EnvelopeT | Exception](0)
        self._queue, self._from_server = anyio.create_memory_object_stream[_Line](math.inf)
        self.to_client = _SendStream(self._queue, self._enqueue)
        self._writing = anyio.Lock(fast_acquire=True)
        self._settled = anyio.Event()
        self._input_ended = False
        self._is_leaving = False
        self._hung_up_at = 0.0  # when that was seen, if before the end of the input was read
        self._version = ""  # of the session, for the errors of this module
        self._served = anyio.Event()

    async def pump_in(self) -> None:
        """Pass the lines to the server; at the end of the input, give the answers that are due some time."""
        splitter = LineSplitter()
        try:
            await self._replay_early_session()
            with closing(self._reader):
                data = self._session.unread or await self._read()
                while data:
                    for line in splitter.feed(data):
                        await self._receive(line)
                    data = await self._read()
            await self._receive(splitter.finish())
            with anyio.CancelScope(deadline=(self._hung_up_at or anyio.current_time()) + GRACE_S):
                while self._backlog.due:
                    await self._settled.wait()
        finally:
            self._input_ended = True
            self._notify_settled()
            self._to_server.close()
        if self._backlog.due:
            self._start_error_answer(b"".join(map(_refusal, self._backlog.drop_held())))
            # The server now answers each request with "connection closed". Leave even if nothing reads that: closing
            # the stream ends every task that still waits to send, even a shielded one.
            await anyio.sleep(FINAL_ERRORS_S)
            self._is_leaving = True
            self._notify_settled()
            self._from_server.close()
            self._tasks.cancel_scope.cancel()

    async def pump_held(self) -> None:
        """Pass held requests to the server, when answers that were written have made room."""
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            while not self._input_ended:
                await self._settled.wait()
                while request := self._backlog.next_held():
                    await self._to_server.send(self._envelope(request))

    async def pump_out(self) -> None:
        """Write the server's messages until there are no more, or the client is gone."""
        with suppress(anyio.ClosedResourceError):  # by pump_in, which does not wait any longer
            async with self._from_server:
                async for line in self._from_server:
                    async with self._writing:
                        await self._writer.write(line.data)
                    self._backlog.unsent_bytes -= len(line.data)
                    if line.request_id is not None:
                        self._backlog.settle(line.request_id)
                    self._notify_settled()

    async def watch_client(self) -> None:
        """End the transport when nobody can read the answers: another process may hold the input open.

        Raises:
            BrokenPipeError: The client is gone.
        """
        while not self._served.is_set():
            if self._writer.is_abandoned():
                raise BrokenPipeError
            with anyio.move_on_after(_ABANDONED_CHECK_S):
                await self._served.wait()

    def stop_watching(self) -> None:
        """End `watch_client`."""
        self._served.set()

    async def _enqueue(self, line: _Line) -> None:
        """Queue a line, and count it until it is written; drop an answer that was given early, after a comparison."""
        if line.request_id is None:
            while not (self._backlog.takes_notifications or self._is_leaving):
                await self._settled.wait()
        elif early := self._early.pop(line.request_id, None):
            self._contradicted |= _canonical(early) != _canonical(line.data)
            self._settle(line.request_id)
            return
        self._backlog.finish(line.request_id or "", len(line.data))
        self._queue.send_nowait(line)

    async def _read(self) -> bytes:
        return b"" if self._session.ended else await self._reader.read()

    async def _replay_early_session(self) -> None:
        """Pass the messages to the server that were answered before it was there, and drop its answers."""
        if self._session.unsent:
            self._start_error_answer(self._session.unsent)
        for line in self._session.lines:
            await self._receive(line, is_replay=True)
        with anyio.move_on_after(_REPLAY_TIMEOUT_S):
            while self._early:
                await self._settled.wait()
        if self._contradicted or self._early:
            self._early.clear()
            _log.warning("Report this, and set TELECMI_EARLY_ANSWERS=off: an early answer is not the server's own.")

    async def _receive(self, line: bytes | TooLong, *, is_replay: bool = False) -> None:
        if isinstance(line, bytes):
            line = line.removeprefix(BYTE_ORDER_MARK)
            if not line or line.isspace():
                return
        message = read_message(line)
        if isinstance(message, InvalidLine):
            if not is_replay:
                # A task of its own writes it: a client that does not read must not hide that it hangs up.
                self._start_error_answer(write_error(message, self._version))
        elif self._may_start(message, 0 if isinstance(line, TooLong) else len(line)):
            await self._to_server.send(self._envelope(message))
        await self._wait_for_capacity()

    def _start_error_answer(self, line: bytes) -> None:
        self._backlog.due[due := id(line)] += 1
        self._tasks.start_soon(self._write_error_answer, line, due)

    async def _write_error_answer(self, line: bytes, due: int) -> None:
        async with self._writing:
            await self._writer.write(line)
        self._settle(due)

    async def _wait_for_capacity(self) -> None:
        # A client that sends and does not read must not fill the memory. It may hang up meanwhile.
        while self._backlog.is_full and not self._hung_up_at:
            if self._reader.hung_up():
                self._hung_up_at = anyio.current_time()
                return
            with anyio.move_on_after(_HANG_UP_CHECK_S):
                await self._settled.wait()

    def _may_start(self, message: JSONRPCMessage, size: int) -> bool:
        """Count what the client sent, and return whether the server gets it now."""
        if isinstance(message, JSONRPCRequest):
            if message.method == "initialize":
                self._note_version((message.params or {}).get("protocolVersion"))
            return self._backlog.start(message, size)
        if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            # The SDK never answers a cancelled request.
            self._backlog.cancel(str((message.params or {}).get("requestId")))
            self._notify_settled()
        return True

    def _note_version(self, requested: object) -> None:
        self._version = requested if requested in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]

    def _settle(self, due: str | int) -> None:
        self._backlog.settle(due)
        self._notify_settled()

    def _notify_settled(self) -> None:
        """Wake every task that waits for the backlog to shrink."""
        self._settled.set()
        self._settled = anyio.Event()


def _canonical(line: bytes) -> str:
    """Return the same text for the same JSON value, whatever the order of its names; 1, 1.0 and true differ."""
    return json.dumps(json.loads(line), sort_keys=True)


@asynccontextmanager
async def stdio_streams(
    wire: tuple[int, int], envelope: Callable[[JSONRPCMessage], EnvelopeT], session: EarlySession = NO_EARLY_SESSION
) -> AsyncIterator[tuple[ObjectReceiveStream[EnvelopeT | Exception], ObjectSendStream[Envelope]]]:
    """Yield a server's pair of streams over two descriptors.

    At the end of the input the answers that are due get 0.8 s. A broken pipe ends the transport without an error.

    Args:
        wire: Descriptors to read and to write.
        envelope: Wraps each message of the client, for the server.
        session: Messages that were read and answered early.
    """
    try:
        async with anyio.create_task_group() as tasks:
            pumps = _StdioPumps(wire, tasks, envelope, session)
            for pump in (pumps.pump_in, pumps.pump_held, pumps.pump_out, pumps.watch_client):
                tasks.start_soon(pump)
            yield pumps.from_client, pumps.to_client
            pumps.stop_watching()
    except* (BrokenPipeError, ConnectionResetError):
        pass  # the client is gone
