"""Params of requests as hosts send them, in every protocol version."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from httpx2 import ASGITransport
from mcp.server.connection import Connection
from mcp.server.runner import serve_one
from mcp.shared.exceptions import MCPError

from conftest import SIGNED_IN
from telecmi_mcp import open_app
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._server.factory import build_server
from telecmi_mcp.sandbox import create_sandbox

VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
ID = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"


async def ask(
    method: str, params: dict[str, Any] | None, version: str = "2025-11-25", *, middleware: tuple[Any, ...] = ()
) -> Any:
    """Return the result of one request, or the code and the sentence of its error."""
    envelope = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    if version == "2026-07-28" and params is not None:
        params = {"_meta": envelope, **params}
    opened = lambda: open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox()))  # noqa: E731 - as it is taken
    server = build_server(opened, OutputFormat(), middleware=middleware)
    context: Any = SimpleNamespace(
        request_id=1, message_metadata=None, can_send_request=False, cancel_requested=anyio.Event()
    )
    async with server.lifespan(server) as app:
        try:
            return await serve_one(
                server,
                context,
                method,
                params,
                connection=Connection.from_envelope(version, None, {}),
                lifespan_state=app,
            )
        except MCPError as error:
            assert error.error.data is None
            return error.error.code, error.error.message


async def call(arguments: Any, version: str = "2025-11-25", *, name: str = "get_contact", **options: Any) -> Any:
    return await ask("tools/call", {"name": name, "arguments": arguments}, version, **options)


@pytest.mark.parametrize("version", VERSIONS)
async def test_arguments_may_be_json_text_of_an_object(version: str) -> None:
    expected = await call({"contact_id": ID}, version)
    assert not expected.get("isError")
    assert await call(f' {{"contact_id": "{ID}"}}\n', version) == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("params", [{}, {"arguments": None}, {"arguments": {}}, {"arguments": "{}"}])
async def test_null_counts_as_no_arguments(version: str, params: dict[str, Any]) -> None:
    result = await ask("tools/call", {"name": "list_contacts", **params}, version)
    assert not result.get("isError")


KINDS = [
    ([], "an array"),
    ([{"contact_id": ID}], "an array"),
    (5, "a number"),
    (1.5, "a number"),
    (True, "a boolean"),
    (False, "a boolean"),
    (0, "a number"),
    ("", "empty text"),
    (" \n", "empty text"),
    ("hunter2", "text that is not JSON"),
    ('{"contact_id": ', "text that is not JSON"),
    ('{"limit": NaN}', "text that is not JSON"),
    ("{'limit': 5}", "text that is not JSON"),
    ("\ud800", "text that is not JSON"),
    ("[" * 100_000, "text that is not JSON"),
    ('{"a":' * 100_000, "text that is not JSON"),
    ("9" * 5000, "text that is not JSON"),
    ("null", "the text null"),
    ("[]", "JSON text of an array"),
    ("5", "JSON text of a number"),
    ("true", "JSON text of a boolean"),
    ('"{}"', "JSON text of text"),
]


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize(("arguments", "kind"), KINDS, ids=range(len(KINDS)))
async def test_other_arguments_are_a_tool_error_that_says_what_came(version: str, arguments: Any, kind: str) -> None:
    result = await call(arguments, version)
    assert result["isError"]
    (part,) = result["content"]
    assert part["text"] == f"Pass arguments as a JSON object: get_contact was called with {kind}."


async def test_an_unreadable_call_leaves_no_trace_for_the_next_one() -> None:
    assert (await call([]))["isError"]
    assert not (await call({"contact_id": ID})).get("isError")


@pytest.mark.parametrize(
    ("sent", "seen"), [('{"limit": 1}', {"limit": 1}), ({"limit": 1}, {"limit": 1}), ("[]", {}), (None, None)]
)
async def test_other_middleware_sees_an_object(sent: Any, seen: Any) -> None:
    received = []

    async def watch(ctx: Any, call_next: Any) -> Any:
        received.append(ctx.params["arguments"])
        return await call_next(ctx)

    await call(sent, name="list_contacts", middleware=(watch,))
    assert received == [seen]


async def test_the_arguments_of_a_prompt_are_read_alike() -> None:
    taken = await ask("prompts/get", {"name": "find_contact", "arguments": '{"who": "Priya"}'})
    assert taken == await ask("prompts/get", {"name": "find_contact", "arguments": {"who": "Priya"}})
    assert await ask("prompts/get", {"name": "find_contact", "arguments": []}) == (
        -32602,
        "Pass arguments as a JSON object: find_contact was called with an array.",
    )


NO_NAMES: list[Any] = [None, 5, True, [], {}]
WRONG_PARAMS: list[tuple[str, dict[str, Any] | None, str]] = [
    ("tools/call", None, "Pass params as an object: tools/call was called without it."),
    ("tools/call", {}, "Pass params.name as a string: tools/call was called without it."),
    *(
        ("tools/call", {"name": each}, "Pass params.name as a string: tools/call was called with another value.")
        for each in NO_NAMES
    ),
    ("prompts/get", {}, "Pass params.name as a string: prompts/get was called without it."),
    (
        "prompts/get",
        {"name": "find_contact", "arguments": {"who": 5}},
        "Pass params.arguments as an object of strings: prompts/get was called with another value.",
    ),
    ("resources/read", {"uri": 5}, "Pass params.uri as a string: resources/read was called with another value."),
    (
        "completion/complete",
        {"ref": {"type": "hunter2"}, "argument": {"name": "who", "value": ""}},
        "Pass params.ref as a reference of the type ref/prompt or ref/resource: completion/complete was called with",
    ),
    (
        "completion/complete",
        {"ref": {"type": "ref/prompt", "name": "find_contact"}, "argument": {"name": "who"}},
        "Pass params.argument.value as a string: completion/complete was called without it.",
    ),
    (
        "tools/call",
        {"name": "list_contacts", "_meta": 5},
        "Pass params._meta as an object: tools/call was called with another value.",
    ),
    ("initialize", {}, "Pass params.capabilities as an object: initialize was called without it."),
]


@pytest.mark.parametrize(("method", "params", "sentence"), WRONG_PARAMS, ids=range(len(WRONG_PARAMS)))
async def test_params_that_do_not_fit_are_named(method: str, params: dict[str, Any] | None, sentence: str) -> None:
    code, message = await ask(method, params)
    assert code == -32602
    assert message.startswith(sentence)
    assert len(message) <= 200
    assert "hunter2" not in message


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", LISTS)
@pytest.mark.parametrize("cursor", ["abc", "", 5, [], True])
async def test_a_list_refuses_any_cursor(version: str, method: str, cursor: Any) -> None:
    expected = (-32602, f"Call {method} without cursor: the list has one page.")
    assert await ask(method, {"cursor": cursor}, version) == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", LISTS)
async def test_a_cursor_of_null_counts_as_none(version: str, method: str) -> None:
    assert await ask(method, {"cursor": None}, version) == await ask(method, {}, version)
