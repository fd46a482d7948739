"""Sends an answer as server-sent events, with notifications before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from telecmi_mcp._team.http.media_types import EVENT_STREAM

if TYPE_CHECKING:
    from starlette.types import Send

PING_INTERVAL_S: Final = 15.0
"""Time between two comments that keep proxies from closing a silent stream."""

_HEADERS = [
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx must not hold events back
]
_PING = b": ping\r\n\r\n"


class EventStream:
    """A stream that begins with its first event: until then another answer can be sent instead.

    A proxy can ask another replica as long as it has passed nothing on, so the head waits for the first event too.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = anyio.Lock()
        self.is_begun = False

    async def send_event(self, message: bytes, *, is_last: bool = False) -> None:
        """Send a message in JSON."""
        await self._write(b"event: message\r\ndata: %b\r\n\r\n" % message, more=not is_last)

    async def keep_alive(self) -> None:
        """Send a comment each 15 seconds."""
        while True:
            await anyio.sleep(PING_INTERVAL_S)
            await self._write(_PING, more=True)

    async def _write(self, piece: bytes, *, more: bool) -> None:
        async with self._lock:
            if not self.is_begun:
                await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                self.is_begun = True
            await self._send({"type": "http.response.body", "body": piece, "more_body": more})
