"""What the specification requires of every message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
from httpx2 import ASGITransport
from raw_session import opened

from e2e.lines import MODERN, call, initialize, request
from telecmi_mcp import __version__
from telecmi_mcp.sandbox import create_sandbox, make_contacts

if TYPE_CHECKING:
    from httpx2 import Request, Response

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
REQUESTS = [
    *(request(method, method) for method in LISTS),
    call("call", "get_contact", contact_id=JOHN),
    call("a tool's error", "get_contact", contact_id="nobody"),
    request("prompt", "prompts/get", name="find_contact", arguments={"who": "Priya"}),
    request("status", "resources/read", uri="telecmi://status"),
    request("contact", "resources/read", uri=f"telecmi://contacts/{JOHN}"),
    request(
        "complete",
        "completion/complete",
        ref={"type": "ref/prompt", "name": "find_contact"},
        argument={"name": "who", "value": "p"},
    ),
]
FAILURES = {
    "unknown method": (request(1, "no/such"), -32601),
    "log level": (request(1, "logging/setLevel", level="debug"), -32601),
    "subscription": (request(1, "resources/subscribe", uri="telecmi://status"), -32601),
    "list of tasks": (request(1, "tasks/list"), -32601),
    "unknown tool": (call(1, "nobody"), -32602),
    "tool in another case": (call(1, "Get_Contact", contact_id=JOHN), -32602),
    "call without a name": (request(1, "tools/call"), -32602),
    "unknown prompt": (request(1, "prompts/get", name="nobody"), -32602),
    "prompt without its argument": (request(1, "prompts/get", name="find_contact"), -32602),
    "unknown template": (
        request(
            1, "completion/complete", ref={"type": "ref/resource", "uri": "x:"}, argument={"name": "a", "value": ""}
        ),
        -32602,
    ),
}
CALLS: dict[str, dict[str, Any]] = {
    "search_contacts": {"query": "priya"},
    "lookup_contacts": {"queries": ["priya", "nobody"]},
    "count_contacts": {"group_by": "company"},
    "get_contact": {"contact_id": JOHN},
    "list_contacts": {"limit": 3},
}
EVERY_CAPABILITY = {
    "roots": {"listChanged": True},
    "sampling": {"tools": {}, "context": {}},
    "elicitation": {"form": {}, "url": {}},
}
CLIENT = "io.modelcontextprotocol/clientCapabilities"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
VERSION = "io.modelcontextprotocol/protocolVersion"


@pytest.mark.parametrize("message", REQUESTS, ids=lambda message: message["id"])
async def test_an_answer_has_the_id_of_its_request_and_a_result(generation: str, message: dict[str, Any]) -> None:
    async with opened(generation) as session:
        for request_id in (7, 0, -1, "7", "", "a b"):
            answer = await session.ask({**message, "id": request_id})
            assert type(answer["id"]) is type(request_id)
            assert answer.keys() == {"jsonrpc", "id", "result"}
            assert answer["jsonrpc"] == "2.0"


@pytest.mark.parametrize("message", REQUESTS, ids=lambda message: message["id"])
async def test_a_result_has_its_type_and_the_servers_name_since_2026_07_28_and_not_before(
    generation: str, message: dict[str, Any]
) -> None:
    async with opened(generation) as session:
        result = (await session.ask(message))["result"]
    if generation == "legacy":
        assert not result.keys() & {"resultType", "ttlMs", "cacheScope", "_meta"}
        return
    assert result["resultType"] == "complete"
    assert result["_meta"].keys() == {SERVER_INFO}
    assert (result["_meta"][SERVER_INFO]["name"], result["_meta"][SERVER_INFO]["version"]) == (
        "telecmi-mcp",
        __version__,
    )
    is_cacheable = message["method"] in {*LISTS, "resources/read"}
    assert ("ttlMs" in result, "cacheScope" in result) == (is_cacheable, is_cacheable)


async def test_discovery_names_the_version_the_capabilities_and_the_server_and_may_be_cached() -> None:
    async with opened("2026-07-28") as session:
        found = (await session.ask(request(1, "server/discover")))["result"]
    assert "2026-07-28" in found["supportedVersions"]
    assert found["capabilities"].keys() == {"tools", "prompts", "resources", "completions"}
    assert found["_meta"][SERVER_INFO]["version"] == __version__
    assert (found["ttlMs"], found["cacheScope"]) == (3_600_000, "public")


@pytest.mark.parametrize(("message", "code"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_an_error_with_a_code_of_json_rpc_and_one_short_sentence(
    generation: str, message: dict[str, Any], code: int
) -> None:
    async with opened(generation) as session:
        answer = await session.ask(message)
    assert answer.keys() == {"jsonrpc", "id", "error"}
    assert answer["error"]["code"] == code
    assert 0 < len(answer["error"]["message"]) <= 200
    assert "\n" not in answer["error"]["message"]


@pytest.mark.parametrize(
    "params",
    [
        ("notifications/initialized", {}),
        ("notifications/cancelled", {"requestId": 999, "reason": "no such request"}),
        ("notifications/cancelled", {"requestId": "done", "reason": "it was answered"}),
        ("notifications/cancelled", {}),
        ("notifications/cancelled", {"requestId": [1]}),
        ("notifications/progress", {"progressToken": "mine", "progress": 1}),
        ("notifications/progress", {}),
        ("notifications/roots/list_changed", {}),
        ("notifications/no_such", {"x": 1}),
        ("tools/list", {}),
    ],
    ids=lambda params: params[0],
)
async def test_a_notification_is_never_answered_and_changes_nothing(generation: str, params: Any) -> None:
    async with opened(generation) as session:
        before = await session.ask(request("done", "tools/list"))
        await session.send({"jsonrpc": "2.0", "method": params[0], "params": params[1]})
        assert await session.ask(request("done", "tools/list")) == before


@pytest.mark.parametrize("wanted", ["2025-06-18", "2025-11-25", "1999-01-01", "2026-07-28", ""])
async def test_the_handshake_keeps_a_version_that_is_served_and_else_offers_the_newest(wanted: str) -> None:
    async with opened("legacy", shake_hands=False) as session:
        greeting = (await session.ask(initialize(wanted)[0]))["result"]
    assert greeting["protocolVersion"] == (wanted if wanted == "2025-06-18" else "2025-11-25")
    assert greeting["capabilities"].keys() == {"tools", "prompts", "resources", "completions"}
    assert (greeting["serverInfo"]["name"], greeting["serverInfo"]["version"]) == ("telecmi-mcp", __version__)


async def test_a_ping_is_answered_at_once_with_nothing_even_before_the_handshake_is_confirmed() -> None:
    async with opened("legacy", shake_hands=False) as session:
        await session.ask(initialize()[0])
        assert await session.ask(request("p", "ping")) == {"jsonrpc": "2.0", "id": "p", "result": {}}


@pytest.mark.parametrize("missing", [VERSION, CLIENT])
@pytest.mark.parametrize("message", REQUESTS, ids=lambda message: message["id"])
async def test_a_request_without_a_required_field_of_meta_is_malformed(message: dict[str, Any], missing: str) -> None:
    meta = {name: value for name, value in MODERN["_meta"].items() if name != missing}
    async with opened("2026-07-28") as session:
        await session.ask(request(0, "tools/list"))
        await session.send({**message, "params": {**message["params"], "_meta": meta}})
        answer = await session.receive()
    assert (answer["id"], answer["error"]["code"]) == (message["id"], -32602)


async def test_a_client_need_not_say_who_it_is() -> None:
    meta = {name: value for name, value in MODERN["_meta"].items() if not name.endswith("clientInfo")}
    async with opened("2026-07-28") as session:
        await session.send(request(1, "tools/list", _meta=meta))
        assert (await session.receive())["result"]["tools"]


async def test_a_version_that_is_not_served_is_refused_and_one_that_is_named() -> None:
    async with opened("2026-07-28") as session:
        await session.ask(request(0, "tools/list"))
        error = (await session.ask(request(1, "tools/list"), **{VERSION: "2099-01-01"}))["error"]
    assert error["code"] == -32022
    assert "2026-07-28" in error["data"]["supported"]
    assert error["data"]["requested"] == "2099-01-01"


async def test_every_version_that_is_served_is_named() -> None:
    async with opened("2026-07-28") as session:
        found = (await session.ask(request(0, "server/discover")))["result"]["supportedVersions"]
        refused = (await session.ask(request(1, "tools/list"), **{VERSION: "2099-01-01"}))["error"]
    assert {"2025-06-18", "2025-11-25", "2026-07-28"} <= set(found)
    assert set(refused["data"]["supported"]) == set(found)


@pytest.mark.parametrize(
    "meta",
    [
        {"com.example/x": [1, None, {"y": "z"}], "": 1},
        {"io.modelcontextprotocol/no-such-field": {"x": 1}, "io.modelcontextprotocol/related-task": {"taskId": "1"}},
        {"traceparent": "no trace", "tracestate": 7, "baggage": []},
    ],
    ids=["unknown", "reserved", "trace"],
)
async def test_metadata_that_the_server_does_not_know_changes_no_answer(generation: str, meta: dict[str, Any]) -> None:
    async with opened(generation) as session:
        for message in REQUESTS:
            assert await session.ask(message, **meta) == await session.ask(message)


async def test_a_stateless_answer_depends_on_no_earlier_request() -> None:
    async with opened("2026-07-28") as session:
        for message in REQUESTS:
            await session.ask(message)
        later = {message["id"]: await session.ask(message) for message in REQUESTS if message["id"] != "status"}
    for message in REQUESTS:
        if message["id"] in later:
            async with opened("2026-07-28") as fresh:
                assert await fresh.ask(message) == later[message["id"]]


async def test_a_list_is_the_same_in_the_same_order_whatever_was_asked_before(generation: str) -> None:
    async with opened(generation) as one, opened(generation) as other:
        first = {method: await one.ask(request(1, method)) for method in LISTS}
        for message in REQUESTS:
            await one.ask(message)
        for method in LISTS:
            assert await one.ask(request(1, method)) == first[method]
            assert await other.ask(request(1, method)) == first[method]


async def test_a_client_is_never_asked_anything_and_gets_no_log_whatever_it_supports(generation: str) -> None:
    async with opened(generation, shake_hands=False) as session:
        meta: dict[str, Any] = {}
        if generation == "legacy":
            hello, done = initialize()
            await session.ask({**hello, "params": {**hello["params"], "capabilities": EVERY_CAPABILITY}})
            await session.send(done)
        else:
            meta = {CLIENT: EVERY_CAPABILITY, "io.modelcontextprotocol/logLevel": "debug"}
        for message in REQUESTS:
            await session.ask(message, **meta)  # which fails if anything but the answer comes


async def test_an_unknown_log_level_is_refused() -> None:
    async with opened("2026-07-28") as session:
        answer = await session.ask(request(1, "tools/list"), **{"io.modelcontextprotocol/logLevel": "loud"})
    assert answer["error"]["code"] == -32602


async def test_a_call_that_asks_for_a_task_is_answered_as_any_other(generation: str) -> None:
    message = call(1, "get_contact", contact_id=JOHN)
    async with opened(generation) as session:
        answer = await session.ask({**message, "params": {**message["params"], "task": {"ttl": 60_000}}})
        assert answer == await session.ask(message)


async def test_answers_and_state_that_the_server_did_not_ask_for_are_checked_and_not_used() -> None:
    message = call(1, "list_contacts", limit=2)
    accepted = {"inputResponses": {"who": {"action": "accept", "content": {"x": "y"}}}, "requestState": "made up"}
    async with opened("2026-07-28") as session:
        answer = await session.ask({**message, "params": {**message["params"], **accepted}})
        assert answer == await session.ask(message)
        accepted = {"inputResponses": {"who": "no object"}}
        refused = await session.ask({**message, "params": {**message["params"], **accepted}})
    assert refused["error"]["code"] == -32602


@pytest.mark.parametrize(("tool", "arguments"), CALLS.items(), ids=CALLS)
async def test_a_structured_result_conforms_to_the_output_schema_and_its_text_is_the_same_json(
    generation: str, tool: str, arguments: dict[str, Any]
) -> None:
    async with opened(generation) as session:
        listed = (await session.ask(request(1, "tools/list")))["result"]["tools"]
        result = (await session.ask(call(2, tool, **arguments)))["result"]
    assert [each["name"] for each in listed] == [*CALLS]
    (schema,) = (each["outputSchema"] for each in listed if each["name"] == tool)
    jsonschema.Draft202012Validator(schema).validate(result["structuredContent"])
    (part,) = result["content"]
    assert json.loads(part["text"]) == result["structuredContent"]


class PagesHeldBack(ASGITransport):
    """A TeleCMI with three pages that sends the first one, and the others once it may."""

    def __init__(self) -> None:
        super().__init__(app=create_sandbox(contacts=make_contacts(250)))
        self.may_go_on = anyio.Event()
        self._has_sent_one = False

    async def handle_async_request(self, request: Request) -> Response:
        if self._has_sent_one:
            await self.may_go_on.wait()
        self._has_sent_one = True
        return await super().handle_async_request(request)


@pytest.mark.parametrize("token", ["a token", "", 7, 0])
async def test_progress_has_the_token_of_the_request_rises_and_ends_with_the_answer(
    generation: str, token: str | int
) -> None:
    message = call(1, "search_contacts", query="zzkqwx")  # nobody: it waits until all contacts are read
    reported: list[dict[str, Any]] = []
    telecmi = PagesHeldBack()
    async with opened(generation, telecmi=telecmi) as session:
        await session.send(session.with_meta(message, progressToken=token))
        while "id" not in (received := await session.receive()):
            assert received["method"] == "notifications/progress"
            reported.append(received["params"])
            telecmi.may_go_on.set()
        assert "result" in received
        await session.ask(message)  # which fails if progress comes after the answer, or without a token
    assert [type(each["progressToken"]) for each in reported] == [type(token)] * len(reported)
    assert {each["progressToken"] for each in reported} == {token}
    assert {each["message"] for each in reported} == {"contacts read"}
    read = [each["progress"] for each in reported]
    assert read[0] == 100
    assert read == sorted(set(read))
    assert len(read) <= 3  # one for each page of TeleCMI


@pytest.mark.parametrize("cursor", ["nobody", "eyJwYWdlIjoyfQ=="])
@pytest.mark.parametrize("method", LISTS)
async def test_a_cursor_that_the_server_did_not_give_is_refused(generation: str, method: str, cursor: str) -> None:
    async with opened(generation) as session:
        answer = await session.ask(request(1, method, cursor=cursor))
    assert answer["error"]["code"] == -32602
