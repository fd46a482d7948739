"""Bounds the size of a request's body and the time in which it must arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from starlette.datastructures import Headers

from telecmi_mcp._team.http.refusal import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 1024 * 1024
"""Maximum size of a request's body; the longest tool call has a few thousand bytes."""

BODY_TIMEOUT_S: Final = 10.0
"""Time in which the whole body must arrive."""

MIN_BYTES_PER_SECOND: Final = 1024
"""Minimum average rate of a body after the grace time."""

GRACE_S: Final = 5.0
"""Time before the minimum rate is required."""

_REFUSAL_TIMEOUT_S = 1.0
_MAX_LENGTH_DIGITS = 20  # digits
_CLOSING = {"Connection": "close"}  # the rest of the body is not read


class BodyBounds:
    """Reads the whole body before it passes a request on; answers 413 to a long body and 408 to a slow one."""

    def __init__(self, app: ASGIApp, *, most: int = MAX_BODY_BYTES, seconds: float = BODY_TIMEOUT_S) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its whole body, unless the client has disconnected."""
        if _declared(scope) > self._most:
            await _too_long(scope, receive, send)
            return
        body: bytes | None = None
        with anyio.CancelScope() as deadline:
            body = await self._read(receive, deadline)
        if deadline.cancelled_caught:
            await refusal(self._slow, 408, _CLOSING)(scope, receive, send)
        elif body is not None and len(body) > self._most:
            await _too_long(scope, receive, send)
        elif body is not None:
            await self._app(scope, _again(body, receive), send)

    async def _read(self, receive: Receive, deadline: anyio.CancelScope) -> bytes | None:
        """Return the body, or slightly more than the maximum of it; ``None`` if the client has disconnected."""
        began_at = anyio.current_time()
        pieces = bytearray()
        while len(pieces) <= self._most:
            earned = max(GRACE_S, len(pieces) / MIN_BYTES_PER_SECOND)
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
        rate = f"{MIN_BYTES_PER_SECOND} bytes a second after the first {GRACE_S:g} seconds"
        return f"The body arrived too slowly: send {rate}, and the whole body within {self._seconds:g} seconds."


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    if not (length.isascii() and length.isdecimal()):
        return 0
    return int(length.lstrip("0")[:_MAX_LENGTH_DIGITS] or "0")  # int() refuses numbers of thousands of digits


async def _too_long(scope: Scope, receive: Receive, send: Send) -> None:
    with anyio.move_on_after(
        _REFUSAL_TIMEOUT_S
    ):  # a client whose connection closes while it sends never reads the answer
        while (await receive()).get("more_body", False):
            pass
    await refusal(f"A body has at most {MAX_BODY_BYTES} bytes.", 413, _CLOSING)(scope, receive, send)


def _again(body: bytes, receive: Receive) -> Receive:
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay
