"""Delays the head of an answer until its first bytes, so that a proxy can still ask another replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class DeferredStart:
    """Sends the head of each answer together with the first bytes of its body.

    For the older generation the SDK sends the head of a stream as soon as a request arrives. A proxy passes the head
    on, and then cannot ask another replica if this one dies. The first bytes are the answer itself, progress that the
    caller requested, or after 15 seconds a ping of the stream.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        deferred: list[Message] = []

        async def send_deferred(message: Message) -> None:
            deferred.append(message)
            if message["type"] == "http.response.body" and (message.get("body") or not message.get("more_body")):
                for each in deferred:
                    await send(each)
                deferred.clear()

        await self._app(scope, receive, send_deferred)
