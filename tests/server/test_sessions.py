"""Sessions on a pair of streams: both generations of the protocol side by side, and what each version gets."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from httpx2 import ASGITransport
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse

from conftest import SIGNED_IN
from e2e.lines import MODERN, call, initialize, request
from telecmi_mcp import create_server, open_app
from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS, SERVED_VERSIONS
from telecmi_mcp._server.sessions import serve_session
from telecmi_mcp._stdio.framing import read_message, write_message
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.server import Server, ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"


def sandboxed() -> Server[Any]:
    return create_server(lambda: open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox())))


@asynccontextmanager
async def session(server: Server[Any] | None = None) -> AsyncIterator[Any]:
    """Open a session, and yield a function from a request to the message that answers it, as a client reads it."""
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)

    async def ask(message: dict[str, Any]) -> dict[str, Any]:
        await to_server.send(SessionMessage(read_message(json.dumps(message).encode())))
        if "id" not in message:
            return {}
        with anyio.fail_after(30):
            answer = (await from_server.receive()).message
        assert isinstance(answer, JSONRPCResponse | JSONRPCError)
        read: dict[str, Any] = json.loads(write_message(answer))
        return read

    async with anyio.create_task_group() as tasks, to_server, from_server:
        tasks.start_soon(serve_session, server or sandboxed(), from_client, to_client)
        yield ask
        tasks.cancel_scope.cancel()


def enveloped(request_id: int, method: str, version: Any = "2026-07-28", **params: Any) -> dict[str, Any]:
    return request(request_id, method, **params, _meta={**MODERN["_meta"], VERSION_KEY: version})


ALL_METHODS = [
    request(1, "tools/list"),
    request(2, "prompts/list"),
    request(3, "resources/list"),
    request(4, "resources/templates/list"),
    call(5, "list_contacts", limit=1),
    call(6, "search_contacts", query="Priya Acme"),
    call(7, "get_contact", contact_id="no id"),
    request(8, "prompts/get", name="find_contact", arguments={}),
    request(9, "resources/read", uri="telecmi://status"),
]
LATER = {
    "2024-11-05": {"title", "outputSchema", "structuredContent", "icons", "websiteUrl", "annotations", "completions"},
    "2025-03-26": {"title", "outputSchema", "structuredContent", "icons", "websiteUrl"},
    "2025-06-18": {"icons", "websiteUrl"},
    "2025-11-25": set(),
}


def names_in(value: Any) -> set[str]:
    """The names of all members, but not of those inside a schema of ours, which are names of arguments."""
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if not isinstance(value, dict):
        return set()
    return {*value, *set().union(*(names_in(each) for name, each in value.items() if name != "inputSchema"))}


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
async def test_no_answer_holds_what_came_after_the_negotiated_version(version: str) -> None:
    async with session() as ask:
        greeting, done = initialize(version)
        answers = [await ask(greeting)]
        await ask(done)
        answers += [await ask(message) for message in ALL_METHODS]
    assert answers[0]["result"]["protocolVersion"] == version
    assert not names_in(answers) & LATER[version]
    assert len(answers[1]["result"]["tools"]) == 5
    found = json.loads(answers[6]["result"]["content"][0]["text"])
    assert found["matches"][0]["first_name"] == "Priya", "the text has all that the structured half would have"
    assert ("annotations" in names_in(answers)) is (version != "2024-11-05")
    assert ("structuredContent" in names_in(answers)) is (version >= "2025-06-18")


async def test_a_version_that_is_unknown_is_negotiated_to_the_latest_with_a_handshake() -> None:
    async with session() as ask:
        answer = await ask(initialize("1999-01-01")[0])
    assert answer["result"]["protocolVersion"] == "2025-11-25"
    assert answer["result"]["serverInfo"]["title"]


@pytest.mark.parametrize("version", ["1999-01-01", "2025-11-25", "2027-01-01", ""])
async def test_a_discovery_for_a_version_that_is_not_served_names_those_that_are_and_locks_nothing(
    version: str,
) -> None:
    async with session() as ask:
        refusal = await ask(enveloped(1, "server/discover", version))
        assert refusal["error"]["code"] == -32022
        assert refusal["error"]["data"] == {"supported": list(SERVED_VERSIONS), "requested": version}
        greeting, done = initialize("2025-06-18")
        assert (await ask({**greeting, "id": 2}))["result"]["protocolVersion"] == "2025-06-18"
        await ask(done)
        assert (await ask(request(3, "tools/list")))["result"]["tools"]


@pytest.mark.parametrize("version", [None, 7, True, ["2026-07-28"]])
async def test_a_version_that_is_no_text_is_refused_as_an_argument(version: Any) -> None:
    async with session() as ask:
        assert (await ask(enveloped(1, "tools/list", version)))["error"]["code"] == -32602


@pytest.mark.parametrize("kept", [VERSION_KEY, "io.modelcontextprotocol/clientCapabilities"])
async def test_a_missing_field_of_the_envelope_is_named(kept: str) -> None:
    async with session() as ask:
        refusal = await ask(request(1, "tools/list", _meta={kept: MODERN["_meta"][kept]}))
    assert refusal["error"]["code"] == -32602


async def test_a_client_may_discover_and_then_begin_a_session_with_any_version_that_was_named() -> None:
    async with session() as ask:
        named = (await ask(enveloped(1, "server/discover")))["result"]["supportedVersions"]
        assert named == list(SERVED_VERSIONS)
        assert (await ask(enveloped(2, "tools/list")))["result"]["tools"][0]["title"]
        greeting, done = initialize(named[-1])
        assert (await ask({**greeting, "id": 3}))["result"]["protocolVersion"] == "2024-11-05"
        await ask(done)
        assert "title" not in (await ask(request(4, "tools/list")))["result"]["tools"][0]
        assert (await ask(enveloped(5, "tools/list")))["result"]["tools"][0]["title"], "each request for itself"


async def test_before_a_session_a_request_is_told_how_to_begin_one() -> None:
    async with session() as ask:
        assert (await ask(request(1, "ping")))["result"] == {}
        refusal = (await ask(request(2, "tools/list")))["error"]
        assert (refusal["code"], "initialize" in refusal["message"]) == (-32602, True)
        assert (await ask(request(3, "no/such/method")))["error"]["code"] == -32601


async def test_a_defect_outside_of_the_handlers_is_answered_without_its_text() -> None:
    async def defect(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        message = f"secret words {ctx} {call_next}"
        raise RuntimeError(message)

    server = sandboxed()
    server.middleware.append(defect)
    async with session(server) as ask:
        for message in (request(1, "ping"), enveloped(2, "tools/list")):
            refusal = (await ask(message))["error"]
            assert refusal["code"] == -32603
            assert "secret words" not in json.dumps(refusal)


@pytest.mark.parametrize(("version", "message"), [("2024-11-05", None), ("2025-03-26", "contacts read")])
async def test_progress_has_a_message_since_the_second_revision(version: str, message: str | None) -> None:
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](9)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](9)
    asked = call(1, "search_contacts", query="Priya")
    asked["params"]["_meta"] = {"progressToken": "p"}
    async with anyio.create_task_group() as tasks, to_server, from_server:
        tasks.start_soon(serve_session, sandboxed(), from_client, to_client)
        for each in [*initialize(version), asked]:
            await to_server.send(SessionMessage(read_message(json.dumps(each).encode())))
        with anyio.fail_after(30):
            told = [json.loads(write_message((await from_server.receive()).message)) for _ in range(2)][1]
        tasks.cancel_scope.cancel()
    assert told["method"] == "notifications/progress"
    assert told["params"].get("message") == message
