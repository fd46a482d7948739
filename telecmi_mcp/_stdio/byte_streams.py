"""Reads and writes bytes of descriptors, on the event loop where it can wait for them and in threads elsewhere."""

from __future__ import annotations

import asyncio
import os
import select

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
        self._received: asyncio.Queue[bytes | OSError] = asyncio.Queue(1)
        self._watched = False

    async def read(self) -> bytes:
        """Return at least one byte; nothing at the end of the input."""
        if not self._on_loop:
            return await run_sync(os.read, self._fd, _CHUNK_BYTES, abandon_on_cancel=True)
        if not self._watched:
            self._watched = True
            asyncio.get_running_loop().add_reader(self._fd, self._on_readable)
        received = await self._received.get()
        if isinstance(received, OSError):
            raise received
        return received

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

    def _on_readable(self) -> None:
        if self._received.full():  # it is not consumed: the client must wait too
            self.close()
            return
        received: bytes | OSError
        try:
            received = os.read(self._fd, _CHUNK_BYTES)  # the descriptor is ready, so this does not block
        except BlockingIOError:  # another process that shares the open file was faster
            return
        except ConnectionResetError:
            received = b""
        except OSError as error:
            received = error
        if not received or isinstance(received, OSError):
            self.close()
        self._received.put_nowait(received)


class Writer:
    """Writes whole lines to a descriptor; the sender waits while the client does not read."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._on_loop = may_not_block(fd)
        if self._on_loop:
            os.set_blocking(fd, False)

    def is_abandoned(self) -> bool:
        """Whether nobody can read any more; a file can always be read."""
        if not can_wait_for(self._fd):
            return False
        poll = select.poll()
        poll.register(self._fd, 0)  # an error and a hang-up of both directions show in any case
        return bool(poll.poll(0))

    async def write(self, data: bytes) -> None:
        """Write all of the data.

        Raises:
            BrokenPipeError: The client has closed its end.
        """
        rest = memoryview(data)
        while rest:
            try:
                sent = os.write(self._fd, rest) if self._on_loop else await run_sync(os.write, self._fd, rest)
            except BlockingIOError:
                await anyio.wait_writable(self._fd)
            else:
                rest = rest[sent:]
