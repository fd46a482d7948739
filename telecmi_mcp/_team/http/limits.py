"""How long the body of a request may be, and how slowly it may come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 1024 * 1024
"""Bytes of a request's body; the longest call of a tool has some thousand."""

BODY_SECONDS: Final = 10.0
"""Seconds in which a whole body must have come."""

MIN_BYTES_PER_SECOND: Final = 1024
"""How fast a body must come on average, after the first seconds."""

GRACE_SECONDS: Final = 5.0
"""Seconds after which it must have come so fast."""

_LAST_SECONDS = 1.0
_LONG_ENOUGH = 20  # digits
_CLOSING = {"Connection": "close"}  # the rest of a body is not waited for


class BodyBounds:
    """Reads the whole body before anything else does; answers 413 to a long one and 408 to a slow one."""

    def __init__(
        self, app: ASGIApp, *, most: int = MAX_BODY, seconds: float = BODY_SECONDS, grace: float = GRACE_SECONDS
    ) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds
        self._grace = grace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body, unless the caller has left."""
        if _declared(scope) > self._most:
            await _too_long(scope, receive, send)
            return
        body: bytes | None = None
        with anyio.CancelScope() as deadline:
            body = await self._read(receive, deadline)
        if deadline.cancelled_caught:
            await PlainTextResponse(self._slow, 408, _CLOSING)(scope, receive, send)
        elif body is not None and len(body) > self._most:
            await _too_long(scope, receive, send)
        elif body is not None:
            await self._app(scope, _again(body, receive), send)

    async def _read(self, receive: Receive, deadline: anyio.CancelScope) -> bytes | None:
        """Return the body, or somewhat more than the most of it; ``None`` where the caller left."""
        began_at = anyio.current_time()
        pieces = bytearray()
        while len(pieces) <= self._most:
            earned = max(self._grace, len(pieces) / MIN_BYTES_PER_SECOND)
            deadline.deadline = began_at + min(earned, self._seconds)
            message = await receive()
            if message["type"] != "http.request":
                return None
            pieces += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return bytes(pieces)

    @property
    def _slow(self) -> str:
        rate = f"{MIN_BYTES_PER_SECOND} bytes a second after the first {self._grace:g} seconds"
        return f"The body came too slowly: it takes {rate}, and the whole within {self._seconds:g} seconds."


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    if not (length.isascii() and length.isdecimal()):
        return 0
    return int(length.lstrip("0")[:_LONG_ENOUGH] or "0")  # Python reads no number of some thousand digits


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
