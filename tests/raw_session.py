"""A server in memory that is spoken to in JSON-RPC, as it is: what an SDK's client would hide or repair."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from httpx2 import ASGITransport
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from conftest import SIGNED_IN
from e2e.lines import MODERN, initialize
from telecmi_mcp import create_server, open_app
from telecmi_mcp._server.sessions import serve_session
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import ObjectReceiveStream, ObjectSendStream
    from httpx2 import AsyncBaseTransport
    from mcp.server.context import ServerMiddleware


class Session:
    """A client's end of a server in memory, in one generation of the protocol."""

    def __init__(
        self,
        generation: str,
        to_server: ObjectSendStream[SessionMessage | Exception],
        from_server: ObjectReceiveStream[SessionMessage],
    ) -> None:
        self._is_modern = generation != "legacy"
        self._to_server, self._from_server = to_server, from_server

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message as it is."""
        await self._to_server.send(SessionMessage(jsonrpc_message_adapter.validate_python(message)))

    async def receive(self) -> dict[str, Any]:
        """Return the next message of the server."""
        with anyio.fail_after(30):
            message = (await self._from_server.receive()).message
        received: dict[str, Any] = message.model_dump(by_alias=True, mode="json", exclude_unset=True)
        return received

    async def ask(self, message: dict[str, Any], **meta: Any) -> dict[str, Any]:
        """Send a request of this generation; the next message must be its answer."""
        await self.send(self.with_meta(message, **meta))
        answer = await self.receive()
        assert answer.get("id") == message["id"], answer
        return answer

    def with_meta(self, message: dict[str, Any], **meta: Any) -> dict[str, Any]:
        """Return a request with the ``_meta`` that its generation requires, and more."""
        own = {**(MODERN["_meta"] if self._is_modern else {}), **meta}
        return {**message, "params": {**message["params"], **({"_meta": own} if own else {})}}


@asynccontextmanager
async def opened(
    generation: str,
    *,
    shake_hands: bool = True,
    telecmi: AsyncBaseTransport | None = None,
    middleware: ServerMiddleware[Any] | None = None,
) -> AsyncIterator[Session]:
    """Open a server, by default over the sandbox, with one middleware more, and a connection to it."""
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    transport = telecmi or ASGITransport(app=create_sandbox())
    server = create_server(lambda: open_app(SIGNED_IN, transport=transport))
    server.middleware.extend([middleware] if middleware else [])
    session = Session(generation, to_server, from_server)
    async with anyio.create_task_group() as tasks, to_server, from_server:
        tasks.start_soon(serve_session, server, from_client, to_client)
        if generation == "legacy" and shake_hands:
            hello, done = initialize()
            await session.ask(hello)
            await session.send(done)
        yield session
        tasks.cancel_scope.cancel()
