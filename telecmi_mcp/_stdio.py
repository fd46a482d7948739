"""MCP messages over standard input and output, one JSON line each.

The SDK's own transport has no bound on a line, loses answers when input ends, and reads in a thread that
keeps the process from leaving. This one reads and writes the descriptors on the event loop where the
system can (pipes and sockets on POSIX) and in threads elsewhere.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
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

from telecmi_mcp._lines import LineSplitter, TooLong, read_message, write_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import ObjectReceiveStream, ObjectSendStream, TaskGroup

_Streams = tuple["ObjectReceiveStream[SessionMessage | Exception]", "ObjectSendStream[SessionMessage]"]

MAX_DUE = 1024
GRACE_SECONDS = 0.8
LAST_WORDS_SECONDS = 0.1

_BLOCKING = sys.platform == "win32"  # its event loop cannot wait for pipes: there, threads do
_LOOK_AGAIN_SECONDS = 0.2
_CHUNK = 64 * 1024


class _Reader:
    """Bytes of a descriptor, without a thread where the event loop can wait for them."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = _loop_can_wait(fd)

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
        # The mode belongs to the open file: one that stderr shares must keep blocking.
        self._on_loop = _loop_can_wait(fd) and not _same_file(fd, 2)
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


def _loop_can_wait(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return not _BLOCKING and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


def fill_standard_descriptors() -> None:
    """Open the null device where a host left 0, 1 or 2 closed, before something else gets that number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf8")  # noqa: SIM115 - for the life of the process


def _flush() -> None:
    if sys.stdout is not None:  # as it is under pythonw
        sys.stdout.flush()


@contextmanager
def _claimed() -> Iterator[tuple[int, int]]:
    """Take the wire away from descriptors 0 and 1, so that nothing else can read or write it.

    Meanwhile 0 is the null device and 1 is stderr: a stray print, here or in a child, is harmless.
    """
    _flush()
    wire = os.dup(0), os.dup(1)
    modes = [_BLOCKING or os.get_blocking(fd) for fd in wire]
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    try:
        yield wire
    finally:
        _flush()
        for fd, private in enumerate(wire):
            if not _BLOCKING:
                os.set_blocking(private, modes[fd])  # the mode belongs to the open file, which others may share
            os.dup2(private, fd)
            os.close(private)


class _Wire:
    """The two pumps between the descriptors and the SDK's streams."""

    def __init__(self, wire: tuple[int, int], tasks: TaskGroup) -> None:
        self._reader = _Reader(wire[0])
        self._writer = _Writer(wire[1])
        self._tasks = tasks
        self._to_server, self.from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self.to_client, self._from_server = anyio.create_memory_object_stream[SessionMessage](0)
        self._lock = anyio.Lock()
        self._due: set[str | int] = set()  # requests that want an answer, by their id as text, and complaints
        self._settled = anyio.Event()

    async def pump_in(self) -> None:
        """Hand the lines to the server; at the end of input, leave it a moment for what is due."""
        splitter = LineSplitter()
        async with self._to_server:
            while data := await self._reader.read():
                for line in splitter.feed(data):
                    await self._take(line)
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
        async with self._from_server:
            async for item in self._from_server:
                message = item.message
                answered = str(message.id) if isinstance(message, JSONRPCResponse | JSONRPCError) else None
                await self._send(message, answered)

    async def _take(self, line: bytes | TooLong) -> None:
        if isinstance(line, bytes) and (not line or line.isspace()):
            return
        message = read_message(line)
        if isinstance(message, JSONRPCError) and message.error.code in {PARSE_ERROR, INVALID_REQUEST}:
            # In a task of its own: a host that does not read must not keep us from seeing that it leaves.
            self._due.add(complaint := id(message))
            self._tasks.start_soon(self._send, message, complaint)
        else:
            self._note_due(message)
            await self._to_server.send(SessionMessage(message))
        await self._have_room()

    async def _have_room(self) -> None:
        # A host that asks and does not read must not fill the memory with answers. It may still leave meanwhile.
        while len(self._due) >= MAX_DUE and not self._reader.hung_up():
            with anyio.move_on_after(_LOOK_AGAIN_SECONDS):
                await self._next_settled()

    async def _next_settled(self) -> None:
        self._settled = anyio.Event()
        await self._settled.wait()

    def _note_due(self, message: JSONRPCMessage) -> None:
        if isinstance(message, JSONRPCRequest):
            self._due.add(str(message.id))
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            # The SDK never answers a cancelled request.
            self._settle(str((message.params or {}).get("requestId")))

    def _settle(self, due: str | int) -> None:
        self._due.discard(due)
        self._settled.set()

    async def _send(self, message: JSONRPCMessage, settled: str | int | None = None) -> None:
        async with self._lock:
            await self._writer.write(write_message(message))
        if settled is not None:
            self._settle(settled)


@asynccontextmanager
async def stdio_streams() -> AsyncIterator[_Streams]:
    """Serve the SDK's stream pair from standard input and output.

    At the end of input the answers that are due get 0.8 s. A broken pipe ends the transport quietly.
    """
    with _claimed() as descriptors:
        try:
            async with anyio.create_task_group() as pumps:
                wire = _Wire(descriptors, pumps)
                pumps.start_soon(wire.pump_in)
                pumps.start_soon(wire.pump_out)
                yield wire.from_client, wire.to_client
        except* (BrokenPipeError, ConnectionResetError):
            pass  # the host is gone, and nobody is left to tell
