"""The head of an answer waits for its first words, so that until then a proxy may ask another replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class DeferredStart:
    """Sends the head of each answer together with the first bytes of its body.

    For the older generation the SDK sends the head of a stream as soon as a request has come. A proxy passes that on,
    and what it has begun to answer it can no longer ask of another replica when this one dies. The first bytes are the
    answer itself, progress that the caller asked for, or after 15 seconds the stream's own sign of life.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        held: list[Message] = []

        async def holding(message: Message) -> None:
            held.append(message)
            if message["type"] == "http.response.body" and (message.get("body") or not message.get("more_body")):
                for each in held:
                    await send(each)
                held.clear()

        await self._app(scope, receive, holding)
