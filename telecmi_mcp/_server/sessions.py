"""Serves the messages of one client on a pair of streams, each in the generation of the protocol that it belongs to.

A request whose ``_meta`` names a protocol version is served by itself. All others belong to the session that
``initialize`` begins. The specification allows both side by side (2026-07-28, "Versioning"). So a client may ask
``server/discover`` first, and begin a session with one of the versions that the answer names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server.connection import Connection, NotifyOnlyOutbound
from mcp.server.runner import ServerRunner, aclose_shielded, serve_one
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, PROTOCOL_VERSION_META_KEY

from telecmi_mcp._server.error_mapping import INTERNAL, as_protocol_error, log_defect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.abc import ObjectReceiveStream, ObjectSendStream
    from mcp.server import Server
    from mcp.shared.dispatcher import DispatchContext
    from mcp.shared.message import SessionMessage
    from mcp.shared.transport_context import TransportContext

_BEFORE_INITIALIZE = frozenset({"initialize", "ping"})
_UNINITIALIZED = "Send initialize first, or name the protocol version in _meta: no session has begun."


async def serve_session(
    server: Server[Any],
    read_stream: ObjectReceiveStream[SessionMessage | Exception],
    write_stream: ObjectSendStream[SessionMessage],
) -> None:
    """Serve one client until its stream of messages ends."""
    async with server.lifespan(server) as state:
        # ``initialize`` is answered before the next message is read, which may need the session.
        dispatcher: JSONRPCDispatcher[TransportContext] = JSONRPCDispatcher(
            read_stream, write_stream, inline_methods=frozenset({"initialize"})
        )
        session = _Session(server, state, dispatcher)
        try:
            await dispatcher.run(session.on_request, session.runner.on_notify)
        finally:
            await aclose_shielded(session.connection)


class _Session:
    def __init__(self, server: Server[Any], state: Any, dispatcher: JSONRPCDispatcher[TransportContext]) -> None:
        self._server = server
        self._state = state
        self._outbound = NotifyOnlyOutbound(dispatcher)
        self.connection = Connection.for_loop(dispatcher)
        self.runner = ServerRunner(server, self.connection, state)

    async def on_request(
        self, dctx: DispatchContext[TransportContext], method: str, params: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return the result of a request."""
        try:
            if method != "initialize" and _names_version(params):
                return await self._serve_alone(dctx, method, params)
            self._require_session(method)
            return await self.runner.on_request(dctx, method, params)
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001 - the text of a defect must not reach the client
            log_defect(method, error)
            raise MCPError(INTERNAL_ERROR, INTERNAL) from None

    def _require_session(self, method: str) -> None:
        is_early = not (self.connection.initialize_accepted or method in _BEFORE_INITIALIZE)
        if is_early and self._server.get_request_handler(method) is not None:
            raise MCPError(INVALID_PARAMS, _UNINITIALIZED)

    async def _serve_alone(
        self, dctx: DispatchContext[TransportContext], method: str, params: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        route = classify_inbound_request({"method": method, "params": params})
        if isinstance(route, InboundLadderRejection):
            raise as_protocol_error(route)
        connection = Connection.from_envelope(
            route.protocol_version, route.client_info, route.client_capabilities, outbound=self._outbound
        )
        return await serve_one(self._server, dctx, method, params, connection=connection, lifespan_state=self._state)


def _names_version(params: Mapping[str, Any] | None) -> bool:
    meta = (params or {}).get("_meta")
    return isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta
