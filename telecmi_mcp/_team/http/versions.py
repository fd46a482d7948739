"""Decides by which protocol version a message is served: its headers and its body must agree.

MCP 2026-07-28, "Streamable HTTP", sections "Protocol Version Header" and "Server Validation"; for the older versions
2025-11-25, "Transports", section "Protocol Version Header".
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    MCP_PROTOCOL_VERSION_HEADER,
    InboundLadderRejection,
    classify_inbound_request,
)
from mcp_types import HEADER_MISMATCH, PROTOCOL_VERSION_META_KEY, UNSUPPORTED_PROTOCOL_VERSION

from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS, SERVED_VERSIONS, STATELESS_VERSIONS, may_lack_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._team.http.messages import Message

WITHOUT_HEADER: Final = "2025-03-26"
"""Version of a message without the header, which came with 2025-06-18."""

_MISMATCH = InboundLadderRejection(
    HEADER_MISMATCH, "Send one version: MCP-Protocol-Version and the version in params._meta must be the same."
)


def choose_version(message: Message, headers: Mapping[str, str]) -> str | InboundLadderRejection:
    """Return the version of a message, or why it is refused.

    ``initialize`` is served by the version that it negotiates, whatever the header says: it has no other version.
    """
    header = headers.get(MCP_PROTOCOL_VERSION_HEADER)
    has_envelope, enveloped = _version_in(message.params)
    if has_envelope and (header is None or enveloped != header):
        return _MISMATCH
    if header is not None and header not in SERVED_VERSIONS:
        return _unsupported(header)
    if message.method == "initialize" and not has_envelope:
        return _negotiated(message.params)
    if header in STATELESS_VERSIONS and message.request_id is not None:
        return _check_request(message, headers)
    return header or WITHOUT_HEADER


def id_member(request_id: str | int | None, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the member ``id`` of an error.

    Up to 2025-06-18 it is null where the id cannot be read, as in JSON-RPC. From 2025-11-25 on the schema has no null,
    and an error without an id has no such member; so have errors to callers of unknown versions.
    """
    if request_id is None and may_lack_id(headers.get(MCP_PROTOCOL_VERSION_HEADER, "")):
        return {}
    return {"id": request_id}


def status_of(error_code: int | None, version: str) -> int:
    """Return the HTTP status of an answer: before 2026-07-28 a handler's error is an answer like any other."""
    if error_code is None or version not in STATELESS_VERSIONS:
        return HTTPStatus.OK
    return ERROR_CODE_HTTP_STATUS.get(error_code, HTTPStatus.OK)


def _version_in(params: Mapping[str, Any] | None) -> tuple[bool, object]:
    """Return whether params say a version, and which; only 2026-07-28 and later have a place for it."""
    meta = params.get("_meta") if params else None
    if isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta:
        return True, meta[PROTOCOL_VERSION_META_KEY]
    return False, None


def _unsupported(requested: str) -> InboundLadderRejection:
    return InboundLadderRejection(
        UNSUPPORTED_PROTOCOL_VERSION,
        "Unsupported protocol version: use one of those in data.supported.",
        {"supported": list(SERVED_VERSIONS), "requested": requested},
    )


def _negotiated(params: Mapping[str, Any] | None) -> str:
    requested = params.get("protocolVersion") if params else None
    return requested if requested in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]


def _check_request(message: Message, headers: Mapping[str, str]) -> str | InboundLadderRejection:
    """Compare the other headers of a request of 2026-07-28 with its body, and check that ``_meta`` is complete."""
    route = classify_inbound_request({"method": message.method, "params": message.params}, headers=headers)
    return route if isinstance(route, InboundLadderRejection) else route.protocol_version
