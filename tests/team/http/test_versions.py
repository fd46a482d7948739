"""Headers and body must agree about the version, the method and the name; and which version then serves a message."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from mcp.shared.inbound import x_mcp_header_map

from team.http.asking import LEGACY, NEWEST, VERSIONS, error_in, headers_of, opened_client, post, request, result_in
from telecmi_mcp._mcp.revisions import SERVED_VERSIONS
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp._team.http.messages import Message
from telecmi_mcp._team.http.versions import choose_version

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
MISMATCH = "Send one version: MCP-Protocol-Version and the version in params._meta must be the same."
STATUS_URI = "telecmi://status"


def enveloped(method: str, version: object, **params: Any) -> dict[str, Any]:
    """A request of 2026-07-28 whose envelope says another version."""
    message = request(method, NEWEST, **params)
    message["params"]["_meta"][VERSION_KEY] = version
    return message


@pytest.mark.parametrize("method", ["tools/list", "tools/call", "server/discover", "initialize", "no/such"])
@pytest.mark.parametrize(
    ("header", "envelope"),
    [
        (None, NEWEST),
        (None, "2027-01-01"),
        (None, LEGACY),
        (LEGACY, NEWEST),
        ("2024-11-05", NEWEST),
        (NEWEST, LEGACY),
        (NEWEST, "2027-01-01"),
        ("2027-01-01", NEWEST),
        ("", NEWEST),
        (NEWEST, None),
        (NEWEST, 20260728),
        (None, None),
        (LEGACY, ""),
    ],
)
async def test_a_header_and_an_envelope_that_differ_are_refused(
    header: str | None, envelope: object, method: str
) -> None:
    message = enveloped(method, envelope, name="list_contacts")
    headers = headers_of(NEWEST, message, mcp_protocol_version=header)
    async with opened_client() as client:
        answer = await post(client, message, headers)
    assert error_in(answer) == (400, -32020, MISMATCH)
    assert answer.json()["id"] == 1


async def test_a_notification_whose_versions_differ_is_refused_without_an_id() -> None:
    message = enveloped("notifications/initialized", LEGACY)
    del message["id"]
    async with opened_client() as client:
        answer = await post(client, message, headers_of(NEWEST, message))
    assert error_in(answer) == (400, -32020, MISMATCH)
    assert "id" not in answer.json()


@pytest.mark.parametrize("requested", ["2027-01-01", "1900-01-01", "", "2025-11-25 ", "v1", "2026-07-28, 2025-11-25"])
@pytest.mark.parametrize("kind", ["plain", "enveloped", "initialize", "notification"])
async def test_an_unknown_version_is_answered_with_all_that_are_served(requested: str, kind: str) -> None:
    message = enveloped("tools/list", requested) if kind == "enveloped" else request("tools/list")
    if kind == "initialize":
        message = request(
            "initialize", protocolVersion=LEGACY, capabilities={}, clientInfo={"name": "a", "version": "1"}
        )
    if kind == "notification":
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    async with opened_client() as client:
        answer = await post(client, message, headers_of(NEWEST, message, mcp_protocol_version=requested))
    sentence = "Unsupported protocol version: use one of those in data.supported."
    assert error_in(answer) == (400, -32022, sentence)
    assert answer.json()["error"]["data"] == {"supported": list(SERVED_VERSIONS), "requested": requested}
    assert answer.json().get("id", "none") == ("none" if kind == "notification" else 1)


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_is_served(version: str) -> None:
    message = request("tools/list", version)
    async with opened_client() as client:
        assert result_in(await post(client, message, headers_of(version, message)))["tools"]


def encoded(text: str) -> str:
    return f"=?base64?{b64encode(text.encode()).decode()}?="


CALLS: dict[str, dict[str, Any]] = {
    "tools/call": {"name": "list_contacts", "arguments": {"limit": 1}},
    "prompts/get": {"name": "find_contact", "arguments": {"who": "Priya"}},
    "resources/read": {"uri": STATUS_URI},
}


@pytest.mark.parametrize("written", [str, encoded])
@pytest.mark.parametrize("method", CALLS)
async def test_a_name_is_compared_plain_and_in_base64(method: str, written: Callable[[str], str]) -> None:
    message = request(method, NEWEST, **CALLS[method])
    name = written(CALLS[method].get("name", STATUS_URI))
    async with opened_client() as client:
        answer = await post(client, message, headers_of(NEWEST, message, mcp_name=name))
        if method != "prompts/get":  # whose argument is of no interest here
            assert result_in(answer)
        assert answer.json().get("error", {}).get("code") != -32020


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "get_contact",
        "LIST_CONTACTS",
        encoded("get_contact"),
        "=?base64?bGlzdF9jb250YWN0cw?=",  # without its padding
        "=?base64?%%%?=",
        "=?BASE64?bGlzdF9jb250YWN0cw==?=",
        encoded("list_contacts") + " ",
    ],
)
async def test_a_name_that_is_missing_or_another_is_refused(name: str | None) -> None:
    message = request("tools/call", NEWEST, **CALLS["tools/call"])
    async with opened_client() as client:
        answer = await post(client, message, headers_of(NEWEST, message, mcp_name=name))
    expected = encoded("list_contacts") + " "
    if name == expected:  # blanks around a value are no part of it, where a server strips them
        assert answer.status_code in {200, 400}
        return
    assert error_in(answer)[:2] == (400, -32020)
    assert answer.json()["id"] == 1


@pytest.mark.parametrize("method", [None, "", "tools/List", "tools/call", "tools/list, tools/list"])
async def test_a_method_that_is_missing_or_another_is_refused(method: str | None) -> None:
    message = request("tools/list", NEWEST)
    async with opened_client() as client:
        answer = await post(client, message, headers_of(NEWEST, message, mcp_method=method))
    assert error_in(answer)[:2] == (400, -32020)


@pytest.mark.parametrize("version", [None, *VERSIONS[:-1]])
async def test_older_versions_have_no_such_headers_and_ignore_them(version: str | None) -> None:
    message = request("tools/list", version)
    headers = headers_of(version, message, mcp_method="tools/call", mcp_name="nobody", mcp_session_id="foreign")
    async with opened_client() as client:
        answer = await post(client, message, headers)
    assert result_in(answer)["tools"]
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("header", ["mcp-protocol-version", "mcp-method", "mcp-name"])
async def test_a_repeated_routing_header_is_refused(header: str) -> None:
    message = request("tools/call", NEWEST, **CALLS["tools/call"])
    headers = headers_of(NEWEST, message)
    async with opened_client() as client:
        answer = await post(client, message, [*headers.items(), (header.title(), headers[header])])
    assert error_in(answer)[:2] == (400, -32020)


@pytest.mark.parametrize("missing", [VERSION_KEY, "io.modelcontextprotocol/clientCapabilities", "_meta"])
async def test_a_missing_field_of_the_envelope_is_named(missing: str) -> None:
    message = request("tools/list", NEWEST)
    if missing == "_meta":
        del message["params"]["_meta"]
    else:
        del message["params"]["_meta"][missing]
    async with opened_client() as client:
        answer = await post(client, message, headers_of(NEWEST, message))
        bare = await post(client, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers_of(NEWEST, message))
    assert error_in(answer)[:2] == error_in(bare)[:2] == (400, -32602)
    assert missing in answer.json()["error"]["message"]


@pytest.mark.parametrize("key", ["clientInfo", "clientCapabilities", "logLevel"])
async def test_a_field_of_the_envelope_of_another_form_is_named(key: str) -> None:
    message = request("tools/list", NEWEST)
    message["params"]["_meta"][f"io.modelcontextprotocol/{key}"] = "secret"
    async with opened_client() as client:
        answer = await post(client, message, headers_of(NEWEST, message))
    status, code, sentence = error_in(answer)
    assert (status, code) == (400, -32602)
    assert sentence.startswith(f"Pass params._meta.io.modelcontextprotocol/{key} as ")
    assert "secret" not in answer.text


async def test_a_client_that_does_not_name_itself_is_served() -> None:
    message = request("tools/list", NEWEST)
    del message["params"]["_meta"]["io.modelcontextprotocol/clientInfo"]
    async with opened_client() as client:
        assert result_in(await post(client, message, headers_of(NEWEST, message)))["resultType"] == "complete"


@pytest.mark.parametrize(("version", "status"), [(LEGACY, 200), (None, 200), (NEWEST, 404)])
async def test_an_unknown_method_has_the_status_of_its_version(version: str | None, status: int) -> None:
    message = request("no/such", version)
    async with opened_client() as client:
        answer = await post(client, message, headers_of(version, message))
    assert error_in(answer)[:2] == (status, -32601)


@pytest.mark.parametrize("version", [None, *VERSIONS])
@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "tools/call", "no/such"])
async def test_a_notification_is_accepted_without_a_body(version: str | None, method: str) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}}
    async with opened_client() as client:
        answer = await post(client, message, headers_of(version))
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize(
    ("requested", "negotiated"), [*((version, version) for version in VERSIONS[:-1]), (NEWEST, LEGACY), ("1.0", LEGACY)]
)
@pytest.mark.parametrize("header", [None, "2025-03-26", NEWEST])
async def test_initialize_negotiates_whatever_its_header_says(
    header: str | None, requested: str, negotiated: str
) -> None:
    params = {"protocolVersion": requested, "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    message = request("initialize", header if header != NEWEST else None, **params)
    async with opened_client() as client:
        assert result_in(await post(client, message, headers_of(header)))["protocolVersion"] == negotiated
    headers = {} if header is None else {"mcp-protocol-version": header}
    assert choose_version(Message("initialize", params, 1), headers) == negotiated


@pytest.mark.parametrize(("header", "version"), [(None, "2025-03-26"), *((each, each) for each in VERSIONS[:-1])])
def test_the_header_says_by_which_version_a_message_is_served(header: str | None, version: str) -> None:
    headers = {} if header is None else {"mcp-protocol-version": header}
    assert choose_version(Message("tools/list", None, 1), headers) == version


def test_no_tool_has_parameters_that_clients_copy_into_headers() -> None:
    """With one, the endpoint would have to compare the headers ``Mcp-Param-*`` with the arguments."""
    assert [x_mcp_header_map(tool.input_schema) for tool in TOOLS] == [{}] * len(TOOLS)
