"""MCP messages over standard input and output, one JSON line each.

The SDK's own transport has no bound on a line, loses answers when input ends, and reads in a thread that
keeps the process from leaving. This one reads and writes the descriptors on the event loop where the
system can (pipes and sockets on POSIX) and in threads elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import select
from contextlib import asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, NamedTuple

import anyio
from anyio.abc import ObjectSendStream
from anyio.lowlevel import checkpoint_if_cancelled
from anyio.to_thread import run_sync
from mcp.shared.message import SessionMessage
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from telecmi_mcp._stdio.backpressure import Backlog
from telecmi_mcp._stdio.descriptors import can_wait_for, may_not_block
from telecmi_mcp._stdio.early_responder import NOT_BEGUN, Begun
from telecmi_mcp._stdio.framing import LineSplitter, TooLong, read_message, write_message
from telecmi_mcp._stdio.receive_stream import ReceiveStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import ObjectReceiveStream, TaskGroup
    from anyio.streams.memory import MemoryObjectSendStream

_log = logging.getLogger(__name__)

_Streams = tuple["ObjectReceiveStream[SessionMessage | Exception]", "ObjectSendStream[SessionMessage]"]

GRACE_SECONDS = 0.8
LAST_WORDS_SECONDS = 0.1

_LOOK_AGAIN_SECONDS = 0.1
_CHUNK = 64 * 1024


class _Line(NamedTuple):
    """Bytes to be written, the request that they answer, and how many bytes of the backlog that settles."""

    data: bytes
    answered: str | None
    size: int


class _Reader:
    """Bytes of a descriptor, without a thread where the event loop can wait for them.

    The loop watches it as long as what comes is taken, since to join and leave its selector costs two system calls.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = can_wait_for(fd)
        self._come: bytes | OSError | None = None  # and was not taken yet
        self._waiter: asyncio.Future[None] | None = None
        self._watched = False

    async def read(self) -> bytes:
        """Return what there is, at least one byte; nothing at the end of input."""
        with suppress(ConnectionResetError):
            if not self._on_loop:
                return await run_sync(os.read, self._fd, _CHUNK, abandon_on_cancel=True)
            come = await self._next()
            if isinstance(come, OSError):
                raise come
            return come
        return b""

    def hung_up(self) -> bool:
        """Whether the other side has closed, which shows even before the last bytes are read."""
        if not self._on_loop:
            return False
        poll = select.poll()
        poll.register(self._fd, getattr(select, "POLLRDHUP", 0))  # a closed pipe shows in any case
        return bool(poll.poll(0))

    def close(self) -> None:
        """Watch the descriptor no longer."""
        if self._watched:
            self._watched = False
            asyncio.get_running_loop().remove_reader(self._fd)

    async def _next(self) -> bytes | OSError:
        loop = asyncio.get_running_loop()
        if not self._watched:
            self._watched = True
            loop.add_reader(self._fd, self._fetch)
        while self._come is None:
            self._waiter = loop.create_future()
            await self._waiter
        come, self._come = self._come, None
        return come

    def _fetch(self) -> None:
        if self._come is not None:  # nobody takes it: whoever writes must wait too
            self.close()
            return
        try:
            self._come = os.read(self._fd, _CHUNK)  # ready, so it does not block, whatever the descriptor's mode
        except BlockingIOError:  # somebody who shares the open file was faster
            return
        except OSError as why:
            self._come = why
        if not self._come or isinstance(self._come, OSError):
            self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Writer:
    """Whole lines to a descriptor; a host that stops reading makes the sender wait, not the memory grow.

    A line that was begun goes on before anything else, whoever writes next and whoever was cancelled meanwhile.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = may_not_block(fd)
        self._begun = memoryview(b"")  # what is left of a line
        if self._on_loop:
            os.set_blocking(fd, False)

    @property
    def is_amid_line(self) -> bool:
        """Whether a line was begun and not ended."""
        return bool(self._begun)

    def begin(self, data: bytes) -> bool:
        """Write now what there is room for, and keep the rest; say whether that was anything."""
        if self._begun or not self._on_loop:
            return False
        try:
            self._begun = memoryview(data)[os.write(self._fd, data) :]
        except OSError:  # no room, or nobody reads: the other way finds out
            return False
        return True

    async def write(self, data: bytes) -> None:
        """Write what was begun, and then all of this.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        if not self._on_loop:
            await run_sync(_write_all, self._fd, data)
            return
        for part in (self._begun, memoryview(data)):
            self._begun = part
            while self._begun:
                try:
                    self._begun = self._begun[os.write(self._fd, self._begun) :]
                except BlockingIOError:
                    await anyio.wait_writable(self._fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _refusal(request: JSONRPCRequest) -> bytes:
    """Answer a request that never began as the SDK answers those that did."""
    error = ErrorData(code=CONNECTION_CLOSED, message="Connection closed")
    return write_message(JSONRPCError(jsonrpc="2.0", id=request.id, error=error))


class _SendStream(ObjectSendStream[SessionMessage]):
    """The server's way out: at once while nothing is before it and there is room, else through the pump."""

    def __init__(self, wire: _StdioPumps, queue: MemoryObjectSendStream[_Line]) -> None:
        self._wire = wire
        self._queue = queue

    async def send(self, item: SessionMessage) -> None:
        """Send one message."""
        await checkpoint_if_cancelled()
        message = item.message
        answered = str(message.id) if isinstance(message, JSONRPCResponse | JSONRPCError) else None
        data = write_message(message)
        line = _Line(data, answered, len(data))
        if self._wire.has_told(line):
            return
        if answered is None:
            await self._wire.may_notify()
        self._wire.note_finished(line)
        if not self._wire.begin_at_once(line, self._queue):
            self._queue.send_nowait(line)  # an answer is kept as bytes, and the task that made it can end

    async def aclose(self) -> None:
        """Say that there are no more."""
        await self._queue.aclose()


class _StdioPumps:
    """The two pumps between the descriptors and the SDK's streams."""

    def __init__(self, wire: tuple[int, int], tasks: TaskGroup, begun: Begun = NOT_BEGUN) -> None:
        self._begun = begun
        self._told = dict(begun.told)  # what the SDK answers once more, by the request's id as text
        self._contradicted = False
        self._reader = _Reader(wire[0])
        self._writer = _Writer(wire[1])
        self._tasks = tasks
        self._backlog = Backlog()
        self.from_client = ReceiveStream(self._next_held)
        queue, self._from_server = anyio.create_memory_object_stream[_Line](math.inf)
        self.to_client = _SendStream(self, queue)
        self._lock = anyio.Lock(fast_acquire=True)
        self._settled = anyio.Event()
        self._is_leaving = False
        self._hung_up_at = 0.0  # where that was seen before the end of input was read

    async def pump_in(self) -> None:
        """Hand the lines to the server; at the end of input, leave it a moment for what is due."""
        splitter = LineSplitter()
        try:
            await self._catch_up()
            with closing(self._reader):
                data = self._begun.rest or await self._read()
                while data:
                    for line in splitter.feed(data):
                        await self._take(line)
                    data = await self._read()
            await self._take(splitter.finish())
            with anyio.CancelScope(deadline=(self._hung_up_at or anyio.current_time()) + GRACE_SECONDS):
                while self._backlog.due:
                    await self._next_settled()
        finally:
            self.from_client.end()
        if self._backlog.due:
            self._complain(b"".join(map(_refusal, self._backlog.give_up_held())))
            # The server now says of each that the connection is closed. Leave, even if nobody reads that: with the
            # stream closed whoever still waits to send, shielded as it may be, learns at once that it is broken.
            await anyio.sleep(LAST_WORDS_SECONDS)
            self._is_leaving = True
            self._settled.set()
            self._from_server.close()
            self._tasks.cancel_scope.cancel()

    async def pump_out(self) -> None:
        """Write the server's messages that could not go at once, until there are no more or nobody reads them."""
        with suppress(anyio.ClosedResourceError):  # by pump_in, which does not wait any longer
            async with self._from_server:
                async for line in self._from_server:
                    await self._send(line)

    def begin_at_once(self, line: _Line, queue: MemoryObjectSendStream[_Line]) -> bool:
        """Write the line, or what there is room for and leave the rest to the pump, unless something is before it."""
        pump_is_idle = self._from_server.statistics().tasks_waiting_receive > 0
        if not pump_is_idle or self._lock.locked() or not self._writer.begin(line.data):
            return False
        if self._writer.is_amid_line:
            with suppress(anyio.WouldBlock):  # the pump is being cancelled, and the line with it
                queue.send_nowait(line._replace(data=b""))  # the rest of the line goes before this
        else:
            self._note_written(line)
        return True

    async def may_notify(self) -> None:
        """Wait until there is room for what is no answer."""
        while not (self._backlog.takes_notifications or self._is_leaving):
            await self._next_settled()

    def note_finished(self, line: _Line) -> None:
        """Count the line until it is written."""
        self._backlog.finish(line.answered or "", line.size)

    def has_told(self, line: _Line) -> bool:
        """Whether this was answered before the server was there; then it is compared, and goes nowhere."""
        told = self._told.pop(line.answered, None) if line.answered is not None else None
        if told is None:
            return False
        self._contradicted |= told != line.data
        self._settle(str(line.answered))
        return True

    async def _read(self) -> bytes:
        return b"" if self._begun.ended else await self._reader.read()

    async def _catch_up(self) -> None:
        """Let the server hear what was answered before it was there; what it says to that is known already."""
        if self._begun.unsent:
            self._complain(self._begun.unsent)
        for line in self._begun.lines:
            await self._take(line)
        while self._told:
            await self._next_settled()
        if self._contradicted:
            _log.warning("Report this, and set TELECMI_EARLY_ANSWERS=off: a prepared answer is not the server's own.")

    async def _take(self, line: bytes | TooLong) -> None:
        if isinstance(line, bytes) and (not line or line.isspace()):
            return
        message = read_message(line)
        if isinstance(message, JSONRPCError) and message.error.code in {PARSE_ERROR, INVALID_REQUEST}:
            # In a task of its own: a host that does not read must not keep us from seeing that it leaves.
            self._complain(write_message(message))
        elif self._may_begin(message, 0 if isinstance(line, TooLong) else len(line)):
            await self.from_client.give(SessionMessage(message))
        await self._have_room()

    def _complain(self, line: bytes) -> None:
        self._backlog.due[owed := id(line)] += 1
        self._tasks.start_soon(self._write_complaint, line, owed)

    async def _write_complaint(self, line: bytes, owed: int) -> None:
        async with self._lock:
            await self._writer.write(line)
        self._settle(owed)

    async def _have_room(self) -> None:
        # A host that asks and does not read must not fill the memory with answers. It may still leave meanwhile.
        while self._backlog.is_full and not self._hung_up_at:
            if self._reader.hung_up():
                self._hung_up_at = anyio.current_time()
                return
            with anyio.move_on_after(_LOOK_AGAIN_SECONDS):
                await self._next_settled()

    async def _next_settled(self) -> None:
        self._settled = anyio.Event()
        await self._settled.wait()

    def _may_begin(self, message: JSONRPCMessage, size: int) -> bool:
        """Take note of what the host sent, and say whether the server gets it now."""
        if isinstance(message, JSONRPCRequest):
            return self._backlog.begin(message, size)
        if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            # The SDK never answers a cancelled request.
            self._backlog.cancel(str((message.params or {}).get("requestId")))
            self._tell_settled()
        return True

    def _next_held(self) -> SessionMessage | None:
        request = self._backlog.next_held()
        return None if request is None else SessionMessage(request)

    def _note_written(self, line: _Line) -> None:
        self._backlog.unsent -= line.size
        if line.answered is not None:
            self._backlog.settle(line.answered)
        self._tell_settled()

    def _settle(self, due: str | int) -> None:
        self._backlog.settle(due)
        self._tell_settled()

    def _tell_settled(self) -> None:
        self._settled.set()
        self.from_client.wake()

    async def _send(self, line: _Line) -> None:
        async with self._lock:
            await self._writer.write(line.data)
        self._note_written(line)


@asynccontextmanager
async def stdio_streams(wire: tuple[int, int], begun: Begun = NOT_BEGUN) -> AsyncIterator[_Streams]:
    """Serve the SDK's stream pair from two descriptors.

    At the end of input the answers that are due get 0.8 s. A broken pipe ends the transport quietly.

    Args:
        wire: What is read and what is written.
        begun: What was read and said before.
    """
    try:
        async with anyio.create_task_group() as pumps:
            pair = _StdioPumps(wire, pumps, begun)
            pumps.start_soon(pair.pump_in)
            pumps.start_soon(pair.pump_out)
            yield pair.from_client, pair.to_client
    except* (BrokenPipeError, ConnectionResetError):
        pass  # the host is gone, and nobody is left to tell
