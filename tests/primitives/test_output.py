"""The output formats: the text holds all of the data, in both generations, within a budget of bytes."""

from __future__ import annotations

import dataclasses
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from contact_entries import ENTRIES, SECRET, SOUND
from counted_calls import counting
from httpx2 import ASGITransport
from hypothesis import given
from hypothesis import strategies as st
from mcp.client import Client
from mcp.server import Server, ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    JSONRPCResponse,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from pydantic import BaseModel

from conftest import SIGNED_IN, Desk, opened_desk
from telecmi_mcp import Contact, __version__, create_server, errors, open_app
from telecmi_mcp._api import protocol
from telecmi_mcp._mcp import output
from telecmi_mcp._mcp.output import OutputFormat, PreSerialized, as_table
from telecmi_mcp._mcp.server_info import INSTRUCTIONS
from telecmi_mcp._mcp.tools.list_contacts import page_data
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp._server.tool_handlers import listed_tools
from telecmi_mcp._stdio.framing import write_message
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JOHN = {"contact_id": "d3b07384-d113-4ec5-a5ae-be81d6e3c239"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("search_contacts", {"query": "Priya", "limit": 10}),
    ("search_contacts", {"query": "Zzyzx Qwortle"}),
    ("search_contacts", {"query": "Sharma", "limit": 1}),
    ("get_contact", JOHN),
    ("list_contacts", {"limit": 100}),
]
ROWS = {tool.name: tool.rows for tool in TOOLS}
COLUMNS = Contact._fields
WORDS = {"true": True, "false": False}


def read_table(text: str, rows: str) -> dict[str, Any]:
    """The facts back from their text."""
    lines = text.split("\n")
    facts = {} if lines[0].startswith("contact_id") else read_words(lines.pop(0))
    names, *cells = [line.split("\t") for line in lines] if lines else [[]]
    assert {len(row) for row in cells} <= {len(names)}
    entries = [{name: cell for name, cell in zip(names, row, strict=True) if cell} for row in cells]
    if not rows:
        return {**entries[0], **facts}
    return {rows: entries, **facts}


def read_words(line: str) -> dict[str, Any]:
    said, begun, notice = f" {line}".partition(" notice=")
    facts: dict[str, Any] = {}
    for word in said.split():
        name, _, value = word.partition("=")
        facts[name] = int(value) if name in {"count", "indexed", "total"} else WORDS.get(value, value)
    return {**facts, "notice": notice} if begun else facts


@asynccontextmanager
async def shaped_desk(mode: str = "legacy", **shape: Any) -> AsyncIterator[Desk]:
    sandbox = create_sandbox()
    opened = lambda: open_app(SIGNED_IN, transport=ASGITransport(app=sandbox))  # noqa: E731 - as create_server takes it
    async with Client(create_server(opened, **shape), mode=mode) as client:
        yield Desk(client, sandbox)


async def answer(desk: Desk, tool: str, arguments: dict[str, Any]) -> tuple[str, Any]:
    result = await desk.client.call_tool(tool, arguments)
    assert not result.is_error
    (part,) = result.content
    assert part.type == "text"
    return part.text, result.structured_content


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
async def test_a_table_holds_all_that_the_structured_half_does(
    tool: str, arguments: dict[str, Any], generation: str
) -> None:
    async with shaped_desk(mode=generation, text="table") as desk:
        text, facts = await answer(desk, tool, arguments)
    assert read_table(text, ROWS[tool]) == facts


@pytest.mark.parametrize(("tool", "arguments"), CALLS)
@pytest.mark.parametrize("text", ["json", "table"])
async def test_without_a_structured_half_the_text_is_the_same(
    tool: str, arguments: dict[str, Any], text: str, generation: str
) -> None:
    async with shaped_desk(mode=generation, text=text) as desk:
        await answer(desk, "search_contacts", {"query": "Priya"})
        both, _ = await answer(desk, tool, arguments)
    async with shaped_desk(mode=generation, text=text, structured=False) as desk:
        assert [each.output_schema for each in (await desk.client.list_tools()).tools] == [None] * len(TOOLS)
        await answer(desk, "search_contacts", {"query": "Priya"})
        alone, facts = await answer(desk, tool, arguments)
    assert facts is None
    assert without_time(alone) == without_time(both)


def without_time(text: str) -> str:
    return text.partition('"as_of"')[0].partition(" as_of=")[0]


def test_the_list_of_tools_depends_on_the_structured_half_alone() -> None:
    assert listed_tools(OutputFormat()) == listed_tools(OutputFormat(text="table"))
    with_schemas, without = (
        [tool.model_dump(exclude_none=True) for tool in listed_tools(OutputFormat(structured=each)).tools]
        for each in (True, False)
    )
    assert without == [{name: tool[name] for name in tool if name != "output_schema"} for tool in with_schemas]


@given(st.lists(SOUND | ENTRIES, max_size=8))
def test_whatever_telecmi_sends_no_cell_breaks_its_row(entries: list[Any]) -> None:
    try:
        page = protocol.read_page({"contacts": entries, "page_state": "a=b", "count": 7}, 100, secret=SECRET)
    except errors.MalformedResponse:
        return
    facts = page_data(page)
    text = as_table(facts, rows="contacts", columns=COLUMNS)
    assert len(text.splitlines()) == len(text.split("\n")) == 1 + len(page.contacts) + bool(page.contacts)
    assert read_table(text, "contacts") == facts


def test_columns_without_a_value_are_left_out_and_stand_in_the_order_of_a_contact() -> None:
    facts = {
        "contacts": [{"contact_id": "a", "company": "X"}, {"contact_id": "b", "last_name": "Y"}],
        "has_more": False,
    }
    assert (
        as_table(facts, rows="contacts", columns=COLUMNS)
        == "has_more=false\ncontact_id\tlast_name\tcompany\na\t\tX\nb\tY\t"
    )


def test_a_notice_comes_last_and_may_hold_anything() -> None:
    facts = {"contact_id": "a", "notice": "count=3 has_more=true: sign in."}
    text = as_table(facts, rows="", columns=COLUMNS)
    assert text == "notice=count=3 has_more=true: sign in.\ncontact_id\na"
    assert (
        as_table({"rows": [], "notice": "b c", "has_more": True}, rows="rows", columns=()) == "has_more=true notice=b c"
    )
    assert read_table(text, "") == facts


def test_a_contact_without_a_notice_has_no_line_before_its_columns() -> None:
    assert as_table({"contact_id": "a"}, rows="", columns=COLUMNS) == "contact_id\na"


async def test_a_page_of_100_stays_within_its_budget_of_bytes() -> None:
    async with opened_desk(contacts=make_contacts(100)) as desk:
        facts = await desk.call("list_contacts", limit=100)
    assert len(PreSerialized(facts).json) <= 22_391
    assert len(as_table(facts, rows="contacts", columns=COLUMNS).encode()) <= 13_415


class Recorder:
    """The outermost middleware: keeps what is about to be sent for each call."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    async def __call__(self, ctx: Any, call_next: Any) -> Any:
        result = await call_next(ctx)
        if ctx.method == "tools/call":
            self.results.append(json.loads(json.dumps(result)))
        return result


@pytest.mark.parametrize(("tool", "arguments"), [*CALLS[2:], ("get_contact", {"contact_id": "no id"})])
async def test_an_answer_is_what_the_sdk_makes_of_its_own_models(
    tool: str, arguments: dict[str, Any], generation: str
) -> None:
    ours = Recorder()
    server = create_server(lambda: open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox())))
    server.middleware.insert(0, ours)
    async with Client(server, mode=generation) as client:
        result = await client.call_tool(tool, arguments)

    async def call_tool(_: ServerRequestContext[Any, Any], __: CallToolRequestParams) -> CallToolResult:
        (part,) = result.content
        assert part.type == "text"
        return CallToolResult(
            content=[TextContent(type="text", text=part.text)],
            structured_content=result.structured_content,
            is_error=result.is_error,
        )

    async def list_tools(_: ServerRequestContext[Any, Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return listed_tools(OutputFormat())

    theirs = Recorder()
    twin: Server[Any] = Server(
        "telecmi-mcp",
        version=__version__,
        title="TeleCMI contacts",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    twin.middleware.insert(0, theirs)
    async with Client(twin, mode=generation) as client:
        await client.call_tool(tool, arguments)
    assert ours.results == theirs.results
    assert ("resultType" in ours.results[0]) is (generation != "legacy")


@pytest.mark.parametrize(("tool", "arguments"), [*CALLS[2:], ("get_contact", {"contact_id": "no id"})])
async def test_without_its_middleware_the_server_answers_the_same(
    tool: str, arguments: dict[str, Any], generation: str
) -> None:
    results = []
    for kept in (4, 0):
        server = create_server(lambda: open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox())))
        assert len(server.middleware) == 4
        del server.middleware[kept:]
        async with Client(server, mode=generation) as client:
            results.append(await client.call_tool(tool, arguments))
    assert results[0] == results[1]


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), st.booleans())
def test_a_prepared_object_is_written_as_any_other(facts: dict[str, Any], alone: bool) -> None:
    rest = {} if alone else {"content": [{"type": "text", "text": '"\u2028ज'}], "isError": False}
    lines = [
        write_message(JSONRPCResponse(jsonrpc="2.0", id="ज", result={**rest, "structuredContent": half}))
        for half in (facts, PreSerialized(facts))
    ]
    assert lines[0] == lines[1]
    assert lines[1].count(b"\n") == 1


def test_a_lone_surrogate_beside_a_prepared_object_costs_its_escape_only() -> None:
    result = {"content": [{"type": "text", "text": "\ud800"}], "structuredContent": PreSerialized({"a": 1})}
    line = write_message(JSONRPCResponse(jsonrpc="2.0", id=1, result=result))
    assert json.loads(line)["result"] == result


async def counted_steps(size: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a page of so many contacts is cleaned, serialised and dumped on its way to the line."""
    lines: list[bytes] = []
    settings = dataclasses.replace(SIGNED_IN, rate_limit=0)
    sandbox = create_sandbox(contacts=make_contacts(size))
    server = create_server(lambda: open_app(settings, transport=ASGITransport(app=sandbox)))

    async def write(ctx: Any, call_next: Any) -> Any:
        result = await call_next(ctx)
        if ctx.method == "tools/call":
            lines.append(write_message(JSONRPCResponse(jsonrpc="2.0", id=1, result=result)))
        return result

    server.middleware.insert(0, write)
    with monkeypatch.context() as patches:
        cleaned = counting(patches, protocol, "clean")
        serialised = counting(patches, output, "to_json")
        async with Client(server, mode="legacy") as client:
            await client.list_tools()
            made = counting(patches, BaseModel, "__init__")
            dumped = counting(patches, BaseModel, "model_dump")
            await client.call_tool("list_contacts", {"limit": 100})
    assert SANDBOX_TOKEN.encode() not in lines[0]
    (line,) = lines
    assert line.count(b"contact_id") == 2 * size
    return [len(each) for each in (cleaned, serialised, made, dumped)]


async def test_a_page_is_serialised_once_and_makes_no_model_of_a_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = [await counted_steps(size, monkeypatch) for size in (2, 100)]
    _, serialised, made, dumped = many
    assert serialised == 2, "the page, and the message around it"
    assert (made, dumped) == tuple(few[2:])
