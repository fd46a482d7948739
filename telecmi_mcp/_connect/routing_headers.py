"""Builds the HTTP headers that repeat what a message says: its version, its method and its name.

MCP 2026-07-28, "Streamable HTTP", "Standard Request Headers" and "Value Encoding"; for the older versions 2025-11-25,
"Transports", "Protocol Version Header". The SDK's ``mcp.shared.inbound`` has the same, and a test compares both.
Importing that would import the whole SDK, and double the time of a start.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from mcp_types import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    PROTOCOL_VERSION_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
    ErrorData,
)

from telecmi_mcp._mcp.revisions import SERVED_VERSIONS

if TYPE_CHECKING:
    from mcp_types import JSONRPCRequest

_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_TOKEN = re.compile(r"[!-~]{1,128}")
_PLAIN_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?|")
_ENCODED_VALUE = re.compile(r"=\?base64\?.*\?=")
_MAX_VALUE_CHARS = 4096  # nginx takes 8 KiB for one line


def stateless_version(request: JSONRPCRequest) -> Any:
    """Return the protocol version in ``_meta``; ``None`` for a request of a session, as ``initialize`` always is."""
    meta = (request.params or {}).get("_meta")
    is_enveloped = isinstance(meta, dict) and request.method != "initialize"
    return meta.get(PROTOCOL_VERSION_META_KEY) if is_enveloped and isinstance(meta, dict) else None


def routing_headers(request: JSONRPCRequest, session_version: str) -> dict[str, str] | ErrorData:
    """Return the headers of a request, or the error for a request that no header can repeat.

    Args:
        request: The request.
        session_version: Version that ``initialize`` negotiated; "" if there was none.
    """
    version = stateless_version(request)
    if version is None:
        has_version = session_version and request.method != "initialize"
        return {"MCP-Protocol-Version": session_version} if has_version else {}
    if not isinstance(version, str):
        return ErrorData(code=INVALID_PARAMS, message="Send the protocol version in _meta as a string.")
    if not _TOKEN.fullmatch(version):
        data = {"supported": list(SERVED_VERSIONS), "requested": version}
        return ErrorData(code=UNSUPPORTED_PROTOCOL_VERSION, message="Unsupported protocol version", data=data)
    if not _TOKEN.fullmatch(request.method):
        return ErrorData(code=METHOD_NOT_FOUND, message="Method not found")
    return _with_name(request, {"MCP-Protocol-Version": version, "Mcp-Method": request.method})


def _with_name(request: JSONRPCRequest, headers: dict[str, str]) -> dict[str, str] | ErrorData:
    name = (request.params or {}).get(_NAMED_BY.get(request.method, ""))
    if not isinstance(name, str):  # the server says what is missing
        return headers
    try:
        encoded = _encoded(name)
    except UnicodeEncodeError:  # a lone surrogate
        return ErrorData(code=INVALID_PARAMS, message="Send the name in valid Unicode.")
    if len(encoded) > _MAX_VALUE_CHARS:
        return ErrorData(code=INVALID_PARAMS, message="Send a shorter name.")
    return {**headers, "Mcp-Name": encoded}


def _encoded(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value) and not _ENCODED_VALUE.fullmatch(value):
        return value
    return f"=?base64?{b64encode(value.encode()).decode()}?="
