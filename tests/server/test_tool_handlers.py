"""The handlers of tools: they record which contacts a tool read, and write its data in each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from httpx2 import ASGITransport
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from conftest import SIGNED_IN
from telecmi_mcp import create_server, open_app
from telecmi_mcp._mcp.call_record import CallRecord, recording
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.tools.schemas import closed_object
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool
from telecmi_mcp._mcp.toolsets import Toolset
from telecmi_mcp._server.factory import build_server
from telecmi_mcp.errors import ConcurrencyLimitReached
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report


class NoArguments(Arguments):
    """No arguments."""

    expected: ClassVar[Mapping[str, str]] = {}


async def _count(_: App, __: NoArguments, ___: Report) -> Answer:
    return Answer(
        {"number": 7, "complete": True, "company": "Acme"},
        contacts=[{"contact_id": str(number)} for number in range(7)],
    )


COUNT = Tool(
    name="tool_of_this_test",
    title="Count",
    description="Counts.",
    summary="Count.",
    arguments=NoArguments,
    output_schema=closed_object(
        {"number": {"type": "integer"}, "complete": {"type": "boolean"}, "company": {"type": "string"}}
    ),
    rows="",
    run=_count,
)


async def answered(text: str = "json") -> tuple[Any, CallRecord]:
    """The result of a call of the tool, and its record."""
    records = []

    async def keep(ctx: Any, call_next: Any) -> Any:
        with recording() as record:
            records.append(record)
            return await call_next(ctx)

    opened = lambda: open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox()))  # noqa: E731 - as it is taken
    server = build_server(opened, OutputFormat(text=text), toolset=Toolset([COUNT]))
    server.middleware.insert(0, keep)
    async with Client(server, mode="legacy") as client:
        result = await client.call_tool(COUNT.name, {})
    return result, next(record for record in reversed(records) if record.contact_ids)


async def test_the_record_holds_the_ids_of_the_contacts_that_the_tool_returns() -> None:
    result, record = await answered()
    assert result.structured_content == {"number": 7, "complete": True, "company": "Acme"}
    assert (record.code, record.contact_ids) == ("ok", [*"0123456"])


async def test_an_answer_of_one_row_that_is_no_contact_is_written_as_a_table() -> None:
    result, _ = await answered(text="table")
    assert result.content[0].text == "number\tcomplete\tcompany\n7\ttrue\tAcme"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_call_with_a_refusal_is_an_error_of_its_kind_and_no_request(mode: str) -> None:
    sandbox = create_sandbox()

    async def refuse(ctx: Any, call_next: Any) -> Any:
        with recording() as record:
            record.refusal = ConcurrencyLimitReached()
            return await call_next(ctx)

    server = create_server(lambda: open_app(SIGNED_IN, transport=ASGITransport(app=sandbox)))
    server.middleware.insert(0, refuse)
    async with Client(server, mode=mode) as client:
        result = await client.call_tool("list_contacts", {})
        assert result.is_error
        assert result.content[0].text == str(ConcurrencyLimitReached())  # type: ignore[union-attr] # text is all that tools return
        for read in (client.read_resource("telecmi://status"), client.get_prompt("find_contact", {"who": "x"})):
            with pytest.raises(MCPError) as caught:
                await read
            assert caught.value.error.message == str(ConcurrencyLimitReached())
    assert not sandbox.state.requests
