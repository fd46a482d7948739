"""A TeleCMI on loopback that waits for the client where an order of events matters.

A client's program asks it, by HTTP: ``/held`` is answered once the call that is never answered has arrived,
``/abandoned`` once the server has given that call up, and ``/told`` lets the second page of the search's first pass
go. So a test sees progress before the end, two calls at once and a cancellation, without waiting for any time.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import uvicorn

from telecmi_mcp.sandbox import Quirks, create_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from telecmi_mcp.sandbox import AnyContact

HELD = "00000000-0000-4000-8000-000000000000"
# How many contacts the search's first pass asks for at once; the clients' programs ask for fewer.
PASS_LIMIT = 100


class Stage:
    """The ASGI app: a sandbox, and events around it."""

    def __init__(self, quirks: Quirks, contacts: Sequence[AnyContact] | None = None) -> None:
        self._sandbox = create_sandbox(quirks, contacts=contacts)
        self._events: dict[str, anyio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await self._hear(scope["path"].strip("/"), send)
            return
        message = await receive()  # uvicorn gives a small body whole
        asked = json.loads(message["body"])
        if asked.get("contact_id") == HELD:
            await self._hold(receive)
            return
        if asked.get("limit") == PASS_LIMIT and asked.get("page_state"):
            await self._event("told").wait()
        await self._sandbox(scope, _once(message, receive), send)

    async def _hear(self, what: str, send: Send) -> None:
        if what == "told":
            self._event(what).set()
        await self._event(what).wait()
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def _hold(self, receive: Receive) -> None:
        self._event("held").set()
        while (await receive())["type"] != "http.disconnect":
            pass
        self._event("abandoned").set()

    def _event(self, name: str) -> anyio.Event:
        return self._events.setdefault(name, anyio.Event())


def _once(message: Message, receive: Receive) -> Receive:
    left: list[Any] = [message]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


@contextmanager
def opened_stage(quirks: Quirks) -> Iterator[str]:
    """Serve it on loopback and give its address."""
    with serving(Stage(quirks)) as address:
        yield address


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an app on loopback, in a thread, and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
