"""Refuses HTTP requests with JSON-RPC errors, which MCP clients read whatever the status is."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mcp_types import INTERNAL_ERROR, INVALID_REQUEST
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping


def refusal(
    sentence: str,
    status: int,
    headers: Mapping[str, str] | None = None,
    *,
    code: int | None = None,
    data: object = None,
    id_member: Mapping[str, Any] | None = None,
) -> Response:
    """Return the answer to a request that is refused.

    Args:
        sentence: What is wrong and what to do.
        status: HTTP status.
        headers: More headers.
        code: Code of the error; by default that of an invalid request, and of an internal error from status 500 on.
        data: Data of the error.
        id_member: Member ``id`` of the answer; by default the answer has none.
    """
    default = INVALID_REQUEST if status < HTTPStatus.INTERNAL_SERVER_ERROR else INTERNAL_ERROR
    error = {"code": default if code is None else code, "message": sentence}
    if data is not None:
        error["data"] = data
    # In ASCII, so that an id with a lone surrogate can be returned too.
    body = json.dumps({"jsonrpc": "2.0", **(id_member or {}), "error": error}, separators=(",", ":"))
    return Response(body, status, headers, "application/json")
