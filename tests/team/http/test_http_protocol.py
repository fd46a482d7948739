"""What the specification requires of an endpoint of Streamable HTTP, in raw requests to a real process."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from conftest import GENERATIONS
from e2e.lines import PATIENCE, environment
from e2e.paged_telecmi import served_pages
from paths import ROOT
from team.serving import message, served
from telecmi_mcp import create_app
from telecmi_mcp._team.auth.oauth import audiences_of
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

MODERN = "2026-07-28"
SEARCH = {"name": "search_contacts", "arguments": {"query": "priya"}}
OAUTH = {
    "TELECMI_CALLERS": "oauth",
    "TELECMI_OAUTH_ISSUER": "https://id.example.com",
    "TELECMI_PUBLIC_URL": "https://mcp.example.com/mcp",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server over the sandbox."""
    with served("--sandbox", "--rate-limit", "0") as server:
        yield server.url


async def post(url: str, headers: dict[str, str], content: bytes | dict[str, Any]) -> Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with AsyncClient(timeout=PATIENCE) as client:
        return await client.post(url, headers=headers, content=body)


def answer_in(response: Response) -> dict[str, Any]:
    """The one JSON-RPC message of a response, in whichever of the two content types."""
    text = response.text
    if response.headers["content-type"].startswith("text/event-stream"):
        (text,) = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    answer: dict[str, Any] = json.loads(text)
    return answer


def refusal(response: Response) -> tuple[int, int]:
    """The status and the code of an error."""
    return response.status_code, answer_in(response)["error"]["code"]


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_request_is_answered_with_one_json_object_or_an_event_stream_that_ends(
    url: str, generation: str
) -> None:
    response = await post(url, *message(generation, "tools/list"))  # which returns at the end of the stream
    media_type = response.headers["content-type"].partition(";")[0]
    assert response.status_code == 200
    assert media_type in {"application/json", "text/event-stream"}
    assert answer_in(response)["result"]["tools"]
    assert media_type == "application/json" or response.headers["x-accel-buffering"] == "no"
    assert not any(line.startswith(("id:", "retry:")) for line in response.text.splitlines())  # nothing to resume


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_notification_is_accepted_without_a_body(url: str, generation: str) -> None:
    headers, _ = message(generation, "notifications/cancelled")
    said = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 4}}
    response = await post(url, headers, said)
    assert (response.status_code, response.content) == (202, b"")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b'{"jsonrpc":"2.0","method":5}', b'{"jsonrpc":"2.0"}', b'{"method":"x"}'],
    ids=repr,
)
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_what_is_no_message_is_refused_with_400(url: str, generation: str, body: bytes) -> None:
    headers, _ = message(generation, "tools/list")
    assert (await post(url, headers, body)).status_code == 400


async def test_a_batch_and_a_response_of_a_client_are_refused_since_2026_07_28(url: str) -> None:
    headers, body = message(MODERN, "tools/list")
    for content in (b"[" + body + b"]", {"jsonrpc": "2.0", "id": 1, "result": {}}):
        assert refusal(await post(url, headers, content)) == (400, -32600)


@pytest.mark.parametrize("name", ["Mcp-Session-Id", "Last-Event-ID"])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_foreign_session_and_a_foreign_event_are_ignored_and_no_session_is_given(
    url: str, generation: str, name: str
) -> None:
    headers, body = message(generation, "tools/call", name="list_contacts", arguments={"limit": 3})
    plain = await post(url, headers, body)
    foreign = await post(url, {**headers, name: "somebody-elses-7f3a"}, body)
    assert answer_in(foreign) == answer_in(plain)
    assert "mcp-session-id" not in foreign.headers
    assert "somebody" not in foreign.text


async def test_a_handshake_gives_no_session(url: str) -> None:
    info = {"name": "raw", "version": "1"}
    hello = message("legacy", "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=info)
    response = await post(url, *hello)
    assert answer_in(response)["result"]["protocolVersion"] == "2025-11-25"
    assert "mcp-session-id" not in response.headers


async def test_an_unknown_method_is_404_and_method_not_found(url: str) -> None:
    assert refusal(await post(url, *message(MODERN, "no/such"))) == (404, -32601)


@pytest.mark.parametrize(
    "changes",
    [
        {"mcp-name": "get_contact"},
        {"mcp-name": None},
        {"mcp-name": "Search_Contacts"},
        {"mcp-name": "=?base64?Z2V0X2NvbnRhY3Q=?="},
        {"mcp-name": "=?base64?@@?="},
        {"mcp-method": "tools/list"},
        {"mcp-method": None},
        {"mcp-protocol-version": "2099-01-01"},
    ],
    ids=str,
)
async def test_a_header_that_is_missing_or_differs_from_the_body_is_refused(
    url: str, changes: dict[str, str | None]
) -> None:
    headers, body = message(MODERN, "tools/call", **SEARCH)
    changed = {name: value for name, value in {**headers, **changes}.items() if value is not None}
    assert refusal(await post(url, changed, body)) == (400, -32020)


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18", "2025-11-25"])
async def test_an_older_version_in_the_header_of_a_newer_message_is_refused(url: str, version: str) -> None:
    headers, body = message(MODERN, "tools/call", **SEARCH)
    assert refusal(await post(url, {**headers, "mcp-protocol-version": version}, body)) == (400, -32020)


async def test_the_header_of_a_resource_is_its_uri(url: str) -> None:
    headers, body = message(MODERN, "resources/read", uri="telecmi://status")
    read = await post(url, {**headers, "mcp-name": "telecmi://status"}, body)
    assert answer_in(read)["result"]["contents"]
    assert refusal(await post(url, headers, body)) == (400, -32020)


async def test_an_encoded_name_is_decoded_and_the_case_of_a_headers_name_does_not_matter(url: str) -> None:
    headers, body = message(MODERN, "tools/call", **SEARCH)
    encoded = f"=?base64?{base64.b64encode(b'search_contacts').decode()}?="
    response = await post(url, {**{name.upper(): value for name, value in headers.items()}, "MCP-NAME": encoded}, body)
    assert answer_in(response)["result"]["structuredContent"]["matches"]


@pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities"])
async def test_a_request_without_a_required_field_of_meta_is_400_and_invalid_params(url: str, missing: str) -> None:
    headers, body = message(MODERN, "tools/list")
    content = json.loads(body)
    del content["params"]["_meta"][f"io.modelcontextprotocol/{missing}"]
    assert refusal(await post(url, headers, content)) == (400, -32602)


async def test_a_version_that_is_not_served_is_400_and_one_that_is_named(url: str) -> None:
    headers, body = message(MODERN, "tools/list")
    content = body.replace(b'"2026-07-28"', b'"2099-01-01"')
    response = await post(url, {**headers, "mcp-protocol-version": "2099-01-01"}, content)
    assert refusal(response) == (400, -32022)
    assert MODERN in answer_in(response)["error"]["data"]["supported"]


async def test_every_version_that_is_served_is_named(url: str) -> None:
    headers, body = message(MODERN, "tools/list")
    discovered = answer_in(await post(url, *message(MODERN, "server/discover")))["result"]["supportedVersions"]
    content = body.replace(b'"2026-07-28"', b'"2099-01-01"')
    refused = answer_in(await post(url, {**headers, "mcp-protocol-version": "2099-01-01"}, content))["error"]
    assert {"2025-06-18", "2025-11-25", MODERN} <= set(discovered)
    assert set(refused["data"]["supported"]) == set(discovered)


@pytest.mark.parametrize("version", ["1999-01-01", "2025-11-26", "x"])
async def test_a_version_header_that_no_revision_has_is_400(url: str, version: str) -> None:
    headers, body = message("legacy", "tools/list")
    assert (await post(url, {**headers, "mcp-protocol-version": version}, body)).status_code == 400


async def test_a_request_without_a_version_header_is_served(url: str) -> None:
    headers, body = message("legacy", "tools/list")
    del headers["mcp-protocol-version"]
    assert answer_in(await post(url, headers, body))["result"]["tools"]


async def test_a_caller_who_closes_the_stream_of_an_answer_cancels_the_call() -> None:
    headers, body = message(MODERN, "tools/call", name="search_contacts", arguments={"query": "zzkqwx"})
    content = json.loads(body)
    content["params"]["_meta"]["progressToken"] = "p"
    with served_pages(free_pages=1) as telecmi:
        env = environment(TELECMI_BASE_URL=telecmi.address, TELECMI_TOKEN=SANDBOX_TOKEN, TELECMI_AUDIT="stdout")
        with served("--timeout", "100", env=env) as server, anyio.fail_after(PATIENCE):
            async with (
                AsyncClient(timeout=PATIENCE) as client,
                client.stream("POST", server.url, headers=headers, content=json.dumps(content)) as response,
            ):
                assert response.headers["content-type"].startswith("text/event-stream")
                assert response.headers["x-accel-buffering"] == "no"
                assert "notifications/progress" in await anext(response.aiter_text())
            outcome = await anyio.to_thread.run_sync(_first_outcome, server.process.stdout)
            telecmi.release.set()
    assert outcome == "cancelled"


def _first_outcome(lines: Any) -> str:
    """How the first call ended, by the audit."""
    return next(str(json.loads(line)["outcome"]) for line in lines if '"outcome"' in line)


async def challenge() -> str:
    """The challenge to a caller without a token."""
    headers, body = message(MODERN, "tools/list")
    async with AsyncClient(transport=ASGITransport(create_app(OAUTH)), base_url="https://mcp.example.com") as client:
        response = await client.post("/mcp", headers=headers, content=body)
    assert response.status_code == 401
    return response.headers["www-authenticate"]


async def test_the_challenge_names_the_metadata() -> None:
    address = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{address}"' in await challenge()


async def metadata(path: str, **environ: str) -> Response:
    app = create_app({**OAUTH, **environ})
    async with AsyncClient(transport=ASGITransport(app), base_url="https://mcp.example.com") as client:
        return await client.get(f"/.well-known/oauth-protected-resource{path}")


@pytest.mark.parametrize("path", ["", "/mcp"])
async def test_the_metadata_is_at_both_addresses_that_clients_look_at(path: str) -> None:
    found = await metadata(path)
    assert found.json() == {
        "resource": "https://mcp.example.com/mcp",
        "authorization_servers": ["https://id.example.com"],
        "scopes_supported": ["contacts:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "TeleCMI contacts",
    }
    assert found.headers["content-type"] == "application/json"


async def test_the_page_on_oauth_shows_the_metadata_of_its_settings() -> None:
    page = (ROOT / "docs" / "oauth.md").read_text(encoding="utf8")
    exported = dict(re.findall(r"^export (TELECMI_\w+)=(.+)$", page, re.MULTILINE))
    (shown,) = re.findall(r"^```json\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    assert exported.keys() == OAUTH.keys()
    async with AsyncClient(
        transport=ASGITransport(create_app(exported)), base_url="https://contacts.example.com"
    ) as web:
        found = await web.get("/.well-known/oauth-protected-resource/mcp")
    assert found.json() == json.loads(shown)


@pytest.mark.parametrize("path", ["", "/mcp"])
async def test_where_callers_have_access_keys_there_is_no_metadata(path: str) -> None:
    keys = {"TELECMI_CALLERS": "keys", "TELECMI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    assert (await metadata(path, **keys)).status_code == 404


@pytest.mark.parametrize(
    "public_url", ["https://mcp.example.com", "https://MCP.example.com/a/mcp/", "https://mcp.example.com:443/mcp"]
)
async def test_a_token_for_the_resource_that_the_metadata_names_is_for_this_server(public_url: str) -> None:
    named = (await metadata("", TELECMI_PUBLIC_URL=public_url)).json()["resource"]
    assert named in audiences_of(TeamSettings.from_env({**OAUTH, "TELECMI_PUBLIC_URL": public_url}))


async def test_the_challenge_names_the_scope() -> None:
    assert 'scope="contacts:read"' in await challenge()


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer no.such.token"}, {"authorization": "Basic eDp5"}])
async def test_without_a_valid_token_nothing_is_answered_but_401(generation: str, headers: dict[str, str]) -> None:
    own, body = message(generation, "tools/list")
    async with AsyncClient(transport=ASGITransport(create_app(OAUTH)), base_url="https://mcp.example.com") as client:
        response = await client.post("/mcp?access_token=x", headers={**own, **headers}, content=body)
    assert response.status_code == 401
    assert "search_contacts" not in response.text
