"""MCP messages over standard input and output, one JSON line each.

The SDK's own transport has no bound on a line, loses answers when input ends, and reads in a thread that
keeps the process from leaving. This one reads and writes the descriptors on the event loop where the
system can (pipes and sockets on POSIX) and in threads elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import ObjectReceiveStream, ObjectSendStream

_Streams = tuple["ObjectReceiveStream[SessionMessage | Exception]", "ObjectSendStream[SessionMessage]"]

MAX_LINE = 1024 * 1024
GRACE_SECONDS = 0.8
LAST_WORDS_SECONDS = 0.1

_CHUNK = 64 * 1024
_EDGE = 512
_ID = rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{0,200}")'
# Where SDKs put the id: next to "jsonrpc", at the very start or the very end of the line.
_ID_AT_START = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*' + _ID)
_ID_AT_END = re.compile(_ID + rb"\s*\}\s*$")


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line above the bound, of which only the edges were kept."""

    start: bytes
    end: bytes


class LineSplitter:
    """Cuts a stream of bytes into lines of bounded length; a longer line costs no memory."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._start = b""
        self._end = b""

    def feed(self, data: bytes) -> Iterator[bytes | TooLong]:
        """Yield the lines that the data completes, without their ends."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._add(piece)
            yield self.finish()
        self._add(rest)

    def finish(self) -> bytes | TooLong:
        """Return what has come of the current line, and begin the next one."""
        line = TooLong(self._start, self._end) if self._size > self._limit else b"".join(self._parts)
        self._parts, self._size = [], 0
        return line

    def _add(self, piece: bytes) -> None:
        if self._size <= self._limit < self._size + len(piece):
            whole = b"".join([*self._parts, piece])
            self._start, self._end, self._parts = whole[:_EDGE], whole[-_EDGE:], []
        elif self._size > self._limit:
            self._end = (self._end + piece)[-_EDGE:]
        else:
            self._parts.append(piece)
        self._size += len(piece)


def read_message(line: bytes | TooLong) -> JSONRPCMessage:
    """Return the message of one line, or the error that answers a line which holds none."""
    if isinstance(line, TooLong):
        found = _ID_AT_START.match(line.start) or _ID_AT_END.search(line.end)
        return _complaint(INVALID_REQUEST, "The message is longer than 1 MiB.", json.loads(found[1]) if found else None)
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _complain_about(line)
    # To the SDK a request whose id is no id is a notification, and would never be answered.
    is_request = isinstance(message, JSONRPCNotification) and b'"id"' in line and "id" in json.loads(line)
    return _complain_about(line) if is_request else message


def _complain_about(line: bytes) -> JSONRPCError:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return _complaint(PARSE_ERROR, "The line is not JSON.", None)
    given = message.get("id") if isinstance(message, dict) else None
    known = given if isinstance(given, str | int) and not isinstance(given, bool) else None
    if isinstance(known, str) and not known.isprintable():
        known = None
    return _complaint(INVALID_REQUEST, "The line is not a JSON-RPC message of MCP.", known)


def _complaint(code: int, message: str, request_id: str | int | None) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


def write_message(message: JSONRPCMessage) -> bytes:
    """Return the message as one line."""
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
    except PydanticSerializationError:
        # The last net: a lone surrogate must cost its escape, never the process.
        return json.dumps(message.model_dump(by_alias=True, exclude_unset=True)).encode() + b"\n"


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

    def close(self) -> None:
        """Give the open file its mode back."""
        if self._on_loop:
            os.set_blocking(self._fd, True)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _loop_can_wait(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


@contextmanager
def _claimed() -> Iterator[tuple[int, int]]:
    """Take the wire away from descriptors 0 and 1, so that nothing else can read or write it.

    Meanwhile 0 is the null device and 1 is stderr: a stray print, here or in a child, is harmless.
    """
    sys.stdout.flush()
    wire = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    try:
        yield wire
    finally:
        sys.stdout.flush()
        for fd, private in enumerate(wire):
            os.dup2(private, fd)
            os.close(private)


class _Wire:
    """The two pumps between the descriptors and the SDK's streams."""

    def __init__(self, reader: _Reader, writer: _Writer, scope: anyio.CancelScope) -> None:
        self._reader = reader
        self._writer = writer
        self._scope = scope
        self._lock = anyio.Lock()
        self._due: set[str] = set()  # ids of requests that still want an answer
        self._settled = anyio.Event()

    async def pump_in(self, to_server: ObjectSendStream[SessionMessage | Exception]) -> None:
        """Hand the lines to the server; at the end of input, leave it a moment for what is due."""
        splitter = LineSplitter()
        async with to_server:
            while data := await self._reader.read():
                for line in splitter.feed(data):
                    await self._take(line, to_server)
            await self._take(splitter.finish(), to_server)
            with anyio.move_on_after(GRACE_SECONDS):
                await self._all_settled()
        if self._due:
            # The server now says of each that the connection is closed; leave, even if nobody reads that.
            await anyio.sleep(LAST_WORDS_SECONDS)
            self._scope.cancel()

    async def pump_out(self, from_server: ObjectReceiveStream[SessionMessage]) -> None:
        """Write the server's messages until it has no more, or nobody reads them."""
        async with from_server:
            async for item in from_server:
                await self._send(item.message)

    async def _take(self, line: bytes | TooLong, to_server: ObjectSendStream[SessionMessage | Exception]) -> None:
        if isinstance(line, bytes) and (not line or line.isspace()):
            return
        message = read_message(line)
        if isinstance(message, JSONRPCError) and message.error.code in {PARSE_ERROR, INVALID_REQUEST}:
            await self._send(message)
            return
        self._note_due(message)
        await to_server.send(SessionMessage(message))

    async def _all_settled(self) -> None:
        while self._due:
            self._settled = anyio.Event()
            await self._settled.wait()

    def _note_due(self, message: JSONRPCMessage) -> None:
        if isinstance(message, JSONRPCRequest):
            self._due.add(str(message.id))
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._settle((message.params or {}).get("requestId"))  # the SDK never answers a cancelled request

    def _settle(self, request_id: Any) -> None:  # noqa: ANN401 - whatever the client sent
        self._due.discard(str(request_id))
        self._settled.set()

    async def _send(self, message: JSONRPCMessage) -> None:
        async with self._lock:
            await self._writer.write(write_message(message))
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._settle(message.id)


@asynccontextmanager
async def stdio_streams() -> AsyncIterator[_Streams]:
    """Serve the SDK's stream pair from standard input and output.

    At the end of input the answers that are due get 0.8 s. A broken pipe ends the transport quietly.
    """
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    with _claimed() as (stdin, stdout):
        writer = _Writer(stdout)
        try:
            async with anyio.create_task_group() as pumps:
                wire = _Wire(_Reader(stdin), writer, pumps.cancel_scope)
                pumps.start_soon(wire.pump_in, to_server)
                pumps.start_soon(wire.pump_out, from_server)
                yield from_client, to_client
        except* (BrokenPipeError, ConnectionResetError):
            pass  # the host is gone, and nobody is left to tell
        finally:
            writer.close()
