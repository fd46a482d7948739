"""The server's way in: one message at a time, handed over without more turns of the event loop than that takes.

A memory stream of anyio lets the loop turn for each side before it looks, and keeps books for many on either.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
from anyio.abc import ObjectReceiveStream
from mcp.shared.message import SessionMessage

if TYPE_CHECKING:
    from collections.abc import Callable


class ReceiveStream(ObjectReceiveStream[SessionMessage | Exception]):
    """A place for one message between the one who gives and the one who takes.

    Args:
        next_held: Gives a message that had to wait and may go now, where there is no other one.
    """

    def __init__(self, next_held: Callable[[], SessionMessage | None] = lambda: None) -> None:
        self._next_held = next_held
        self._message: SessionMessage | None = None
        self._waiter: asyncio.Future[None] | None = None  # the giver while there is a message, else the taker
        self._ended = False
        self._closed = False

    async def give(self, message: SessionMessage) -> None:
        """Put a message there, when the one before is taken.

        Raises:
            anyio.BrokenResourceError: Nobody takes any more.
        """
        while self._message is not None and not self._closed:
            await self._wait()
        if self._closed:
            raise anyio.BrokenResourceError
        self._message = message
        self.wake()

    def end(self) -> None:
        """Say that there are no more."""
        self._ended = True
        self.wake()

    async def receive(self) -> SessionMessage:
        """Take the next message.

        Raises:
            anyio.EndOfStream: There are no more.
            anyio.ClosedResourceError: It was closed from this side.
        """
        while self._message is None:
            if self._closed:
                raise anyio.ClosedResourceError
            if self._ended:
                raise anyio.EndOfStream
            if held := self._next_held():
                return held
            await self._wait()
        message, self._message = self._message, None
        self.wake()
        return message

    async def aclose(self) -> None:
        """Take no more."""
        self._closed = True
        self.wake()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def wake(self) -> None:
        """Let the one who waits look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
