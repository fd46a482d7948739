"""How many requests are under way at once, how long each may take, and how long and how slow its body may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 1024 * 1024
"""Bytes of a request's body; the longest call of a tool has some thousand."""

MAX_REQUESTS: Final = 512
"""Requests that one process has under way at once."""

BODY_SECONDS: Final = 10.0
"""Seconds in which a whole body must have come."""

MARGIN_SECONDS: Final = 15.0
"""Seconds that a request may take longer than a tool call: for its body, and to write the answer."""

_LAST_SECONDS = 1.0
_CLOSING = {"Connection": "close"}  # the rest of a body is not waited for


class RequestBounds:
    """Answers 503 above a number of requests at once, and 504 to one that takes too long."""

    def __init__(self, app: ASGIApp, *, seconds: float, most: int = MAX_REQUESTS) -> None:
        self._app = app
        self._seconds = seconds
        self._room = anyio.CapacityLimiter(most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, if there is room."""
        taken = object()
        try:
            self._room.acquire_on_behalf_of_nowait(taken)
        except anyio.WouldBlock:
            busy = PlainTextResponse("Try again in a second: too much is under way.", 503, {"Retry-After": "1"})
            await busy(scope, receive, send)
            return
        try:
            await self._in_time(scope, receive, send)
        finally:
            self._room.release_on_behalf_of(taken)

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        with anyio.move_on_after(self._seconds) as deadline:
            await self._app(scope, receive, noting)
        if not deadline.cancelled_caught:
            return
        with anyio.move_on_after(_LAST_SECONDS):  # who reads nothing is not waited for
            if started:  # what began as a stream ends as one: the caller sees that there is no answer in it
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await PlainTextResponse("The request took too long.", 504)(scope, receive, send)


class BodyBounds:
    """Reads the whole body before anything else does; answers 413 to a long one and 408 to a slow one."""

    def __init__(self, app: ASGIApp, *, most: int = MAX_BODY, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body, unless the caller has left."""
        if _declared(scope) > self._most:
            await _too_long(scope, receive, send)
            return
        body: bytes | None = None
        with anyio.move_on_after(self._seconds) as deadline:
            body = await self._read(receive)
        if deadline.cancelled_caught:
            late = PlainTextResponse(f"The body did not come within {self._seconds:g} seconds.", 408, _CLOSING)
            await late(scope, receive, send)
        elif body is not None and len(body) > self._most:
            await _too_long(scope, receive, send)
        elif body is not None:
            await self._app(scope, _again(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """Return the body, or somewhat more than the most of it; ``None`` where the caller left."""
        pieces = bytearray()
        while len(pieces) <= self._most:
            message = await receive()
            if message["type"] != "http.request":
                return None
            pieces += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return bytes(pieces)


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() else 0


async def _too_long(scope: Scope, receive: Receive, send: Send) -> None:
    with anyio.move_on_after(_LAST_SECONDS):  # who is cut off while sending never reads why
        while (await receive()).get("more_body", False):
            pass
    await PlainTextResponse(f"A body has at most {MAX_BODY} bytes.", 413, _CLOSING)(scope, receive, send)


def _again(body: bytes, receive: Receive) -> Receive:
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay
