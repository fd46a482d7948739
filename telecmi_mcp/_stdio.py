"""MCP messages over standard input and output, one JSON line each.

The SDK's own transport has no bound on a line, loses answers when input ends, and reads in a thread that
keeps the process from leaving. This one reads and writes the descriptors on the event loop where the
system can (pipes and sockets on POSIX) and in threads elsewhere.
"""

from __future__ import annotations

import logging
import os
import select
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from telecmi_mcp._descriptors import can_wait_for, may_not_block
from telecmi_mcp._door import NOT_BEGUN, Begun
from telecmi_mcp._lines import LineSplitter, TooLong, read_message, write_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup

_log = logging.getLogger(__name__)

_Streams = tuple["ObjectReceiveStream[SessionMessage | Exception]", "ObjectSendStream[SessionMessage]"]

MAX_DUE = 1024
GRACE_SECONDS = 0.8
LAST_WORDS_SECONDS = 0.1

_LOOK_AGAIN_SECONDS = 0.2
_CHUNK = 64 * 1024


class _Reader:
    """Bytes of a descriptor, without a thread where the event loop can wait for them."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = can_wait_for(fd)

    async def read(self) -> bytes:
        """Return what there is, at least one byte; nothing at the end of input."""
        with suppress(ConnectionResetError):
            if not self._on_loop:
                return await run_sync(os.read, self._fd, _CHUNK, abandon_on_cancel=True)
            await anyio.wait_readable(self._fd)
            return os.read(self._fd, _CHUNK)  # ready, so it does not block, whatever the descriptor's mode
        return b""

    def hung_up(self) -> bool:
        """Whether the other side has closed, which shows even before the last bytes are read."""
        if not self._on_loop:
            return False
        poll = select.poll()
        poll.register(self._fd, getattr(select, "POLLRDHUP", 0))  # a closed pipe shows in any case
        return bool(poll.poll(0))


class _Writer:
    """Whole lines to a descriptor; a host that stops reading makes the sender wait, not the memory grow."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = may_not_block(fd)
        if self._on_loop:
            os.set_blocking(fd, False)

    async def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        if not self._on_loop:
            await run_sync(_write_all, self._fd, data)
            return
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await anyio.wait_writable(self._fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class _Wire:
    """The two pumps between the descriptors and the SDK's streams."""

    def __init__(self, wire: tuple[int, int], tasks: TaskGroup, begun: Begun = NOT_BEGUN) -> None:
        self._begun = begun
        self._told = dict(begun.told)  # what the SDK answers once more, by the request's id as text
        self._contradicted = False
        self._reader = _Reader(wire[0])
        self._writer = _Writer(wire[1])
        self._tasks = tasks
        self._to_server, self.from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self.to_client, self._from_server = anyio.create_memory_object_stream[SessionMessage](0)
        self._lock = anyio.Lock()
        # Requests that want an answer, by their id as text, and complaints; counted, since a host may use an id twice.
        self._due: Counter[str | int] = Counter()
        self._settled = anyio.Event()

    async def pump_in(self) -> None:
        """Hand the lines to the server; at the end of input, leave it a moment for what is due."""
        splitter = LineSplitter()
        async with self._to_server:
            await self._catch_up()
            data = self._begun.rest or await self._read()
            while data:
                for line in splitter.feed(data):
                    await self._take(line)
                data = await self._read()
            await self._take(splitter.finish())
            with anyio.move_on_after(GRACE_SECONDS):
                while self._due:
                    await self._next_settled()
        if self._due:
            # The server now says of each that the connection is closed. Leave, even if nobody reads that: with the
            # stream closed whoever still waits to send, shielded as it may be, learns at once that it is broken.
            await anyio.sleep(LAST_WORDS_SECONDS)
            self._from_server.close()
            self._tasks.cancel_scope.cancel()

    async def pump_out(self) -> None:
        """Write the server's messages until it has no more, or nobody reads them."""
        with suppress(anyio.ClosedResourceError):  # by pump_in, which does not wait any longer
            async with self._from_server:
                async for item in self._from_server:
                    await self._pass_on(item.message)

    async def _pass_on(self, message: JSONRPCMessage) -> None:
        answered = str(message.id) if isinstance(message, JSONRPCResponse | JSONRPCError) else None
        if answered is not None and self._is_told(answered, message):
            self._settle(answered)
        else:
            await self._send(message, answered)

    async def _read(self) -> bytes:
        return b"" if self._begun.ended else await self._reader.read()

    async def _catch_up(self) -> None:
        """Let the server hear what was answered before it was there; what it says to that is known already."""
        if self._begun.unsent:
            self._due[owed := id(self._begun)] += 1
            self._tasks.start_soon(self._write, self._begun.unsent, owed)
        for line in self._begun.lines:
            await self._take(line)
        while self._told:
            await self._next_settled()
        if self._contradicted:
            _log.warning("Report this, and set TELECMI_EARLY_ANSWERS=off: a prepared answer is not the server's own.")

    def _is_told(self, answered: str, message: JSONRPCMessage) -> bool:
        told = self._told.pop(answered, None)
        self._contradicted |= told not in {None, write_message(message)}
        return told is not None

    async def _take(self, line: bytes | TooLong) -> None:
        if isinstance(line, bytes) and (not line or line.isspace()):
            return
        message = read_message(line)
        if isinstance(message, JSONRPCError) and message.error.code in {PARSE_ERROR, INVALID_REQUEST}:
            # In a task of its own: a host that does not read must not keep us from seeing that it leaves.
            self._due[complaint := id(message)] += 1
            self._tasks.start_soon(self._send, message, complaint)
        else:
            self._note_due(message)
            await self._to_server.send(SessionMessage(message))
        await self._have_room()

    async def _have_room(self) -> None:
        # A host that asks and does not read must not fill the memory with answers. It may still leave meanwhile.
        while self._due.total() >= MAX_DUE and not self._reader.hung_up():
            with anyio.move_on_after(_LOOK_AGAIN_SECONDS):
                await self._next_settled()

    async def _next_settled(self) -> None:
        self._settled = anyio.Event()
        await self._settled.wait()

    def _note_due(self, message: JSONRPCMessage) -> None:
        if isinstance(message, JSONRPCRequest):
            self._due[str(message.id)] += 1
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            # The SDK never answers a cancelled request.
            self._settle(str((message.params or {}).get("requestId")))

    def _settle(self, due: str | int) -> None:
        if self._due[due] > 1:
            self._due[due] -= 1
        else:
            self._due.pop(due, None)
        self._settled.set()

    async def _send(self, message: JSONRPCMessage, settled: str | int | None = None) -> None:
        await self._write(write_message(message), settled)

    async def _write(self, data: bytes, settled: str | int | None) -> None:
        async with self._lock:
            await self._writer.write(data)
        if settled is not None:
            self._settle(settled)


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
            pair = _Wire(wire, pumps, begun)
            pumps.start_soon(pair.pump_in)
            pumps.start_soon(pair.pump_out)
            yield pair.from_client, pair.to_client
    except* (BrokenPipeError, ConnectionResetError):
        pass  # the host is gone, and nobody is left to tell
