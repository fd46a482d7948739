"""Sessions on a pair of streams: both generations of the protocol side by side, and what each version gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from raw_session import Session, opened

from e2e.lines import MODERN, call, initialize, request
from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS, SERVED_VERSIONS

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult, ServerMiddleware

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"


def session(middleware: ServerMiddleware[Any] | None = None) -> AbstractAsyncContextManager[Session]:
    """A connection on which nothing was said yet."""
    return opened("legacy", shake_hands=False, middleware=middleware)


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
    async with session() as connection:
        greeting, done = initialize(version)
        answers = [await connection.ask(greeting)]
        await connection.send(done)
        answers += [await connection.ask(message) for message in ALL_METHODS]
    assert answers[0]["result"]["protocolVersion"] == version
    assert not names_in(answers) & LATER[version]
    assert len(answers[1]["result"]["tools"]) == 5
    found = json.loads(answers[6]["result"]["content"][0]["text"])
    assert found["matches"][0]["first_name"] == "Priya", "the text has all that the structured half would have"
    assert ("annotations" in names_in(answers)) is (version != "2024-11-05")
    assert ("structuredContent" in names_in(answers)) is (version >= "2025-06-18")


async def test_a_version_that_is_unknown_is_negotiated_to_the_latest_with_a_handshake() -> None:
    async with session() as connection:
        answer = await connection.ask(initialize("1999-01-01")[0])
    assert answer["result"]["protocolVersion"] == "2025-11-25"
    assert answer["result"]["serverInfo"]["title"]


@pytest.mark.parametrize("version", ["1999-01-01", "2025-11-25", "2027-01-01", ""])
async def test_a_discovery_for_a_version_that_is_not_served_names_those_that_are_and_locks_nothing(
    version: str,
) -> None:
    async with session() as connection:
        refusal = await connection.ask(enveloped(1, "server/discover", version))
        assert refusal["error"]["code"] == -32022
        assert refusal["error"]["data"] == {"supported": list(SERVED_VERSIONS), "requested": version}
        greeting, done = initialize("2025-06-18")
        assert (await connection.ask({**greeting, "id": 2}))["result"]["protocolVersion"] == "2025-06-18"
        await connection.send(done)
        assert (await connection.ask(request(3, "tools/list")))["result"]["tools"]


@pytest.mark.parametrize("version", [None, 7, True, ["2026-07-28"]])
async def test_a_version_that_is_no_text_is_refused_as_an_argument(version: Any) -> None:
    async with session() as connection:
        assert (await connection.ask(enveloped(1, "tools/list", version)))["error"]["code"] == -32602


@pytest.mark.parametrize("kept", [VERSION_KEY, "io.modelcontextprotocol/clientCapabilities"])
async def test_a_missing_field_of_the_envelope_is_named(kept: str) -> None:
    async with session() as connection:
        refusal = await connection.ask(request(1, "tools/list", _meta={kept: MODERN["_meta"][kept]}))
    assert refusal["error"]["code"] == -32602


async def test_a_client_may_discover_and_then_begin_a_session_with_any_version_that_was_named() -> None:
    async with session() as connection:
        named = (await connection.ask(enveloped(1, "server/discover")))["result"]["supportedVersions"]
        assert named == list(SERVED_VERSIONS)
        assert (await connection.ask(enveloped(2, "tools/list")))["result"]["tools"][0]["title"]
        greeting, done = initialize(named[-1])
        assert (await connection.ask({**greeting, "id": 3}))["result"]["protocolVersion"] == "2024-11-05"
        await connection.send(done)
        assert "title" not in (await connection.ask(request(4, "tools/list")))["result"]["tools"][0]
        assert (await connection.ask(enveloped(5, "tools/list")))["result"]["tools"][0]["title"], (
            "each request for itself"
        )


async def test_before_a_session_a_request_is_told_how_to_begin_one() -> None:
    async with session() as connection:
        assert (await connection.ask(request(1, "ping")))["result"] == {}
        refusal = (await connection.ask(request(2, "tools/list")))["error"]
        assert (refusal["code"], "initialize" in refusal["message"]) == (-32602, True)
        assert (await connection.ask(request(3, "no/such/method")))["error"]["code"] == -32601


async def test_a_defect_outside_of_the_handlers_is_answered_without_its_text() -> None:
    async def defect(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        message = f"secret words {ctx} {call_next}"
        raise RuntimeError(message)

    async with session(defect) as connection:
        for message in (request(1, "ping"), enveloped(2, "tools/list")):
            refusal = (await connection.ask(message))["error"]
            assert refusal["code"] == -32603
            assert "secret words" not in json.dumps(refusal)


@pytest.mark.parametrize(("version", "message"), [("2024-11-05", None), ("2025-03-26", "contacts read")])
async def test_progress_has_a_message_since_the_second_revision(version: str, message: str | None) -> None:
    asked = call(1, "search_contacts", query="Priya")
    asked["params"]["_meta"] = {"progressToken": "p"}
    async with session() as connection:
        greeting, done = initialize(version)
        await connection.ask(greeting)
        for each in (done, asked):
            await connection.send(each)
        told = await connection.receive()
    assert told["method"] == "notifications/progress"
    assert told["params"].get("message") == message


async def test_a_null_progress_token_is_no_token_and_a_method_of_no_handler_is_not_found() -> None:
    async with session() as connection:
        greeting, done = initialize()
        await connection.ask(greeting)
        await connection.send(done)
        listed = await connection.ask(request(1, "tools/list", _meta={"progressToken": None}))
        assert listed["result"]["tools"]
        wrong: list[dict[str, Any]] = [{}, {"notifications": 5}, {"notifications": {}}]
        for params in wrong:
            answer = await connection.ask(enveloped(2, "subscriptions/listen", **params))
            assert answer["error"]["code"] == -32601


async def test_an_argument_whose_name_is_no_text_is_refused_as_any_other_unknown_one() -> None:
    async with session() as connection:
        greeting, done = initialize()
        await connection.ask(greeting)
        await connection.send(done)
        asked = request(1, "tools/call", name="list_contacts", arguments={"\ud800": 1})
        result = (await connection.ask(asked))["result"]
    assert result["content"][0]["text"].startswith("Remove unknown parameters: ")


async def test_a_version_that_begins_with_initialize_is_refused_with_that_advice() -> None:
    async with session() as connection:
        refusal = (await connection.ask(enveloped(1, "tools/list", "2024-11-05")))["error"]
    assert refusal["message"].startswith("Send initialize first: ")
