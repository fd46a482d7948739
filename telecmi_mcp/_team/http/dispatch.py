"""Runs one message in the SDK's server, and maps what it raises to errors of the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, aclose_shielded, serve_one
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    INTERNAL_ERROR,
    PROTOCOL_VERSION_META_KEY,
    ErrorData,
)

from telecmi_mcp._mcp.output import serialise
from telecmi_mcp._server.error_mapping import INTERNAL, log_defect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mcp.server import Server
    from mcp.shared.dispatcher import CallOptions

    from telecmi_mcp._team.http.messages import Message

_TRANSPORT: Final = TransportContext(kind="streamable-http", can_send_request=False)


@dataclass(slots=True)
class PostContext:
    """The SDK's ``DispatchContext`` of one message: nothing but notifications can be sent to the caller.

    Attributes:
        request_id: The id of a request; ``None`` for a notification.
        progress_token: Token of the caller for progress notifications.
        send_event: Sends a notification in JSON before the answer; ``None`` if the answer is no stream.
    """

    request_id: str | int | None
    progress_token: str | int | None = None
    send_event: Callable[[bytes], Awaitable[None]] | None = None
    message_metadata: None = None
    cancel_requested: anyio.Event = field(default_factory=anyio.Event)

    @property
    def transport(self) -> TransportContext:
        """Describe the transport: no request can be sent to the caller."""
        return _TRANSPORT

    @property
    def can_send_request(self) -> Literal[False]:
        """Whether a request can be sent to the caller."""
        return False

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,  # noqa: ARG002 - the signature is the SDK's
        opts: CallOptions | None = None,  # noqa: ARG002 - the same
    ) -> dict[str, Any]:
        """Refuse to send a request."""
        raise NoBackChannelError(method)

    async def notify(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        opts: CallOptions | None = None,  # noqa: ARG002 - the signature is the SDK's
    ) -> None:
        """Send a notification, if the answer is a stream."""
        if self.send_event is not None:
            await self.send_event(serialise({"jsonrpc": "2.0", "method": method, "params": dict(params or {})}))

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Send progress, if the caller asked for it."""
        if self.progress_token is None:
            return
        facts = {"progress": progress, "total": total, "message": message}
        given = {name: value for name, value in facts.items() if value is not None}
        await self.notify("notifications/progress", {"progressToken": self.progress_token, **given})


@dataclass(frozen=True, slots=True)
class Answer:
    """Response to a request.

    Attributes:
        body: The response in JSON.
        error_code: Code of the error; ``None`` for a result.
    """

    body: bytes
    error_code: int | None = None


async def answer_request(
    server: Server[Any], message: Message, context: PostContext, *, version: str, lifespan_state: object
) -> Answer:
    """Run a request, and return its result or its error."""
    id_member = {"jsonrpc": "2.0", "id": message.request_id}
    connection = _connection(message, version)
    try:
        result = await serve_one(
            server, context, message.method, message.params, connection=connection, lifespan_state=lifespan_state
        )
    except Exception as error:  # noqa: BLE001 - each error gets an answer
        data = _error_data(error)
        facts = data.model_dump(by_alias=True, exclude_none=True)
        return Answer(serialise({**id_member, "error": facts}), data.code)
    return Answer(serialise({**id_member, "result": result}))


async def run_notification(server: Server[Any], message: Message, *, version: str, lifespan_state: object) -> None:
    """Run a notification; the SDK logs what its handler raises."""
    connection = _connection(message, version)
    runner = ServerRunner(server, connection, lifespan_state)
    try:
        await runner.on_notify(PostContext(None), message.method, message.params)
    finally:
        await aclose_shielded(connection)


def context_of(message: Message) -> PostContext:
    """Return the context of a request whose answer is no stream."""
    return PostContext(message.request_id, progress_token_from_params(message.params))


def _connection(message: Message, version: str) -> Connection:
    """Return the connection of one message: before 2026-07-28 nothing in it tells who the client is."""
    meta = message.params.get("_meta") if message.params else None
    envelope = meta if isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta else {}
    return Connection.from_envelope(
        version, envelope.get(CLIENT_INFO_META_KEY), envelope.get(CLIENT_CAPABILITIES_META_KEY)
    )


def _error_data(error: Exception) -> ErrorData:
    if isinstance(error, MCPError):
        return error.error
    log_defect("a request", error)
    return ErrorData(code=INTERNAL_ERROR, message=INTERNAL)
