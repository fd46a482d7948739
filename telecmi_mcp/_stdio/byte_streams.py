"""Reads and writes bytes of descriptors, on the event loop where it can wait for them and in threads elsewhere."""

from __future__ import annotations

import asyncio
import os
import select
from contextlib import suppress

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._stdio.descriptors import can_wait_for, may_not_block

_CHUNK_BYTES = 64 * 1024


class Reader:
    """Reads a descriptor.

    The event loop watches the descriptor for as long as the bytes are consumed, because to join and leave its selector
    costs two system calls for each message: 0.11 of the 0.43 ms of CPU of a call without work.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = can_wait_for(fd)
        self._received: bytes | OSError | None = None  # and not consumed
        self._waiter: asyncio.Future[None] | None = None
        self._watched = False

    async def read(self) -> bytes:
        """Return at least one byte; nothing at the end of the input."""
        with suppress(ConnectionResetError):
            if not self._on_loop:
                return await run_sync(os.read, self._fd, _CHUNK_BYTES, abandon_on_cancel=True)
            received = await self._next()
            if isinstance(received, OSError):
                raise received
            return received
        return b""

    def hung_up(self) -> bool:
        """Whether the client has closed its end, which shows even before the last bytes are read."""
        if not self._on_loop:
            return False
        poll = select.poll()
        poll.register(self._fd, getattr(select, "POLLRDHUP", 0))  # a closed pipe shows in any case
        return bool(poll.poll(0))

    def close(self) -> None:
        """Stop watching the descriptor."""
        if self._watched:
            self._watched = False
            asyncio.get_running_loop().remove_reader(self._fd)

    async def _next(self) -> bytes | OSError:
        loop = asyncio.get_running_loop()
        if not self._watched:
            self._watched = True
            loop.add_reader(self._fd, self._on_readable)
        while self._received is None:
            self._waiter = loop.create_future()
            await self._waiter
        received, self._received = self._received, None
        return received

    def _on_readable(self) -> None:
        if self._received is not None:  # it is not consumed: the client must wait too
            self.close()
            return
        try:
            self._received = os.read(self._fd, _CHUNK_BYTES)  # the descriptor is ready, so this does not block
        except BlockingIOError:  # another process that shares the open file was faster
            return
        except OSError as error:
            self._received = error
        if not self._received or isinstance(self._received, OSError):
            self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Writer:
    """Writes whole lines to a descriptor; the sender waits while the client does not read."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = may_not_block(fd)
        if self._on_loop:
            os.set_blocking(fd, False)

    async def write(self, data: bytes) -> None:
        """Write all of the data.

        Raises:
            BrokenPipeError: The client has closed its end.
        """
        if not self._on_loop:
            await run_sync(_write_all, self._fd, data)
            return
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._fd)


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
