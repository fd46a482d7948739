"""Arguments nobody should send, made from the tools' own schemas, through the real process."""

from __future__ import annotations

import json
import re
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from e2e.lines import MODERN, Lines, call, request, started
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp.sandbox import SANDBOX_TOKEN

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a parameter: right, at its edges, and wrong."""
    if schema["type"] == "integer":
        least, most = schema.get("minimum", 0), schema.get("maximum", 100)
        edges = [least - 1, least, most, most + 1]
        return st.sampled_from(edges) | st.integers() | st.floats() | ANYTHING
    long = st.integers(1, 3).map(lambda times: "x" * (schema.get("maxLength", 100) * times))
    return st.uuids().map(str) | st.uuids().map(lambda uuid: str(uuid).upper()) | st.text() | long | ANYTHING


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A tool and arguments for it, with parameters missing and unknown ones between."""
    tool = draw(st.sampled_from(TOOLS))
    known = {name: values(schema) for name, schema in tool.input_schema["properties"].items()}
    arguments = draw(st.fixed_dictionaries({}, optional=known))
    if draw(st.integers(0, 3)) == 0:
        arguments |= draw(st.dictionaries(st.text(max_size=20), ANYTHING, max_size=2))
    return tool.name, arguments


def generated(how_many: int) -> list[tuple[str, dict[str, Any]]]:
    """The same calls each time."""
    made: list[tuple[str, dict[str, Any]]] = []

    @settings(
        max_examples=how_many,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(calls())
    def make(each: tuple[str, dict[str, Any]]) -> None:
        made.append(each)

    make()
    return made


def wire(message: dict[str, Any]) -> bytes:
    # Lone surrogates and NaN are not JSON text, and yet somebody will send them.
    return json.dumps(message).encode("utf8", "surrogatepass") + b"\n"


async def put(server: Lines, number: int, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    await server.send(wire(request(number, "tools/call", name=tool, arguments=arguments)))
    answer = await server.receive()
    assert answer["id"] == number
    return answer


def assert_well_formed(answer: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert ("result" in answer) != ("error" in answer)
    text = json.dumps(answer)
    for forbidden in ["Traceback", "pydantic", "validation error", SANDBOX_TOKEN]:
        assert forbidden not in text or forbidden in arguments  # an error names an argument that is not known
    if answer.get("result", {}).get("isError"):
        (part,) = answer["result"]["content"]
        assert len(part["text"]) <= 200
        for value in arguments.values():
            assert (
                not (isinstance(value, str) and len(value) > 8 and not UUID.fullmatch(value.lower()))
                or value not in part["text"]
            )


async def check(how_many: int) -> None:
    with anyio.fail_after(600):
        async with started("serve", "--sandbox", "--rate-limit", "0") as server:
            await server.shake_hands()
            for number, (tool, arguments) in enumerate(generated(how_many), start=1):
                assert_well_formed(await put(server, number, tool, arguments), arguments)
            assert (await server.ask(request("last", "ping")))["result"] == {}
            assert await server.close() == 0
            assert "Traceback" not in await server.errors()


@pytest.mark.slow
async def test_every_call_gets_an_answer_and_never_a_traceback() -> None:
    await check(150)


@pytest.mark.slow
async def test_five_thousand_calls_get_an_answer_and_never_a_traceback() -> None:
    await check(5000)


DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
HOSTILE = [DEEP, b'"' + b"\\u0000" * 50_000 + b'"', b"9" * 10_000, b'"\\ud800"']


@pytest.mark.slow
async def test_deep_and_large_arguments_are_answered() -> None:
    async with started() as server:
        await server.shake_hands()
        for number, hostile in enumerate(HOSTILE, start=1):
            line = json.dumps(call(number, "list_contacts", page_state="X")).encode()
            await server.send(line.replace(b'"X"', hostile) + b"\n")
            answer = await server.receive()
            assert answer["id"] == number
            assert_well_formed(answer, {})
        assert (await server.ask(call(9, "list_contacts")))["result"]["structuredContent"]


ADDED = {"sessionId": "x" * 9000, "toolCallId": 5, "task_progress": ["a"], "_meta": {}, "wait_for_previous": True}
RAW = [  # params of tools/call as the line holds them, and what the answer says
    ('"name":"list_contacts","arguments":{"limit":2.0}', "ok"),
    ('"name":"list_contacts","arguments":{"limit":20E-1}', "ok"),
    ('"name":"list_contacts","arguments":{"limit":"2"}', "ok"),
    ('"name":"list_contacts","arguments":{"limit":1e400}', "Invalid limit: use an integer from 1 to 100."),
    ('"name":"list_contacts","arguments":{"limit":1e30}', "Invalid limit: use an integer from 1 to 100."),
    ('"name":"list_contacts","arguments":{"limit":NaN}', "Invalid limit: use an integer from 1 to 100."),
    ('"name":"list_contacts","arguments":{"limit":2.5}', "Invalid limit: use an integer from 1 to 100."),
    (f'"name":"list_contacts","arguments":{json.dumps({"limit": 2, **ADDED})}', "ok"),
    (
        '"name":"list_contacts","arguments":{"limits":2,"pageState":"a"}',
        "Use limit instead of limits, page_state instead of pageState: list_contacts accepts only limit, page_state.",
    ),
    ('"name":"list_contacts","arguments":"{\\"limit\\": 2}"', "ok"),
    ('"name":"list_contacts","arguments":null', "ok"),
    (
        '"name":"list_contacts","arguments":"[]"',
        "Pass arguments as a JSON object: list_contacts was called with JSON text of an array.",
    ),
    (
        '"name":"list_contacts","arguments":[]',
        "Pass arguments as a JSON object: list_contacts was called with an array.",
    ),
    ('"name":5', "Pass params.name as a string: tools/call was called with another value."),
]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_arguments_are_read_alike_in_both_generations(version: str) -> None:
    envelope = f',"_meta":{json.dumps(MODERN["_meta"])}' if version == "2026-07-28" else ""
    async with started("serve", "--sandbox", "--rate-limit", "0") as server:
        if not envelope:
            await server.shake_hands(version)
        for number, (params, expected) in enumerate(RAW, start=1):
            line = f'{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{{params}{envelope}}}}}\n'
            await server.send(line.encode())
            answer = await server.receive()
            assert answer["id"] == number
            assert said(answer) == expected


def said(answer: dict[str, Any]) -> str:
    """The sentence of an error; "ok" for an answer with two contacts, or ten."""
    if "error" in answer:
        assert answer["error"]["code"] == -32602
        return str(answer["error"]["message"])
    if answer["result"].get("isError"):
        return str(answer["result"]["content"][0]["text"])
    assert len(answer["result"]["structuredContent"]["contacts"]) in {2, 10}
    return "ok"


@pytest.mark.slow
async def test_params_that_are_no_object_are_answered_with_their_id() -> None:
    async with started() as server:
        await server.shake_hands()
        for number, params in enumerate([[], "x", 5], start=1):
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            assert (await server.ask(message))["error"] == {"code": -32602, "message": "Pass params as an object."}
        # An error that the client sends is no line to answer.
        await server.send({"jsonrpc": "2.0", "id": 7, "error": {"code": -32600, "message": "x"}})
        assert (await server.ask(request(8, "ping")))["result"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_a_cursor_that_nobody_gave_is_refused_from_the_first_message_on(version: str) -> None:
    envelope = MODERN if version == "2026-07-28" else {}
    async with started() as server:
        if not envelope:
            await server.shake_hands(version)
        for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list"):
            answer = await server.ask(request(method, method, cursor="b2Zmc2V0PTEw", **envelope))
            expected = {"code": -32602, "message": f"Call {method} without cursor: the list has one page."}
            assert answer["error"] == expected
            assert "result" in await server.ask(request(f"{method} again", method, **envelope))
