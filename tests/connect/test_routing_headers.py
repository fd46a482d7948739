"""The headers of a message agree with the message, as the SDK's server checks them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mcp.shared.inbound import NAME_BEARING_METHODS, InboundModernRoute, classify_inbound_request, encode_header_value
from mcp_types import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    ErrorData,
    JSONRPCRequest,
)

from e2e.lines import MODERN
from telecmi_mcp._connect.routing_headers import routing_headers

META = MODERN["_meta"]
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"


def request(method: str, **params: Any) -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=1, method=method, params=params)


@given(st.sampled_from([*NAME_BEARING_METHODS, "tools/list", "completion/complete"]), st.text(max_size=200))
@example("tools/call", " edge ")
@example("tools/call", "=?base64?cHJpeWE=?=")
@example("resources/read", "telecmi://contacts/प्रिया")
@example("prompts/get", "")
@example("prompts/get", "a\nb")
def test_the_sdks_server_takes_the_headers_of_every_name(method: str, name: str) -> None:
    member = NAME_BEARING_METHODS.get(method, "name")
    asked = request(method, **{member: name, "_meta": META})
    headers = routing_headers(asked, "")
    assert isinstance(headers, dict)
    lowered = {header.lower(): value for header, value in headers.items()}
    assert isinstance(
        classify_inbound_request({"method": method, "params": asked.params}, headers=lowered), InboundModernRoute
    )
    if method in NAME_BEARING_METHODS:
        assert headers["Mcp-Name"] == encode_header_value(name)
        assert headers["Mcp-Name"].isascii()
        assert headers["Mcp-Name"].isprintable()


def test_a_request_of_a_session_has_the_negotiated_version_and_initialize_has_none() -> None:
    assert routing_headers(request("tools/list"), "2025-06-18") == {"MCP-Protocol-Version": "2025-06-18"}
    assert routing_headers(request("tools/list"), "") == {}
    assert routing_headers(request("initialize", _meta=META), "2025-06-18") == {}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request("tools/list", _meta={VERSION_KEY: 7}), INVALID_PARAMS),
        (request("tools/list", _meta={VERSION_KEY: "2026\r\nX-Evil: 1"}), UNSUPPORTED_PROTOCOL_VERSION),
        (request("tools/list", _meta={VERSION_KEY: "2026-07-28 "}), UNSUPPORTED_PROTOCOL_VERSION),
        (request("tools/\r\nX-Evil: 1", _meta=META), METHOD_NOT_FOUND),
        (request("उपकरण", _meta=META), METHOD_NOT_FOUND),
        (request("tools/call", name="\ud800", _meta=META), INVALID_PARAMS),
        (request("tools/call", name="x" * 5000, _meta=META), INVALID_PARAMS),
    ],
)
def test_what_no_header_can_repeat_is_answered_without_a_request(asked: JSONRPCRequest, code: int) -> None:
    error = routing_headers(asked, "")
    assert isinstance(error, ErrorData)
    assert error.code == code
