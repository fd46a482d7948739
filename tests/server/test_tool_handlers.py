"""A tool as the handlers run it: what it says it read is recorded, and its data is written in each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from httpx2 import ASGITransport
from mcp.client import Client

from conftest import SIGNED_IN
from telecmi_mcp import create_server, open_app
from telecmi_mcp._mcp.call_record import CallRecord, recording
from telecmi_mcp._mcp.tools.schemas import closed_object
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool
from telecmi_mcp._server import tool_handlers
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report


class NoArguments(Arguments):
    """It takes none."""

    expected: ClassVar[Mapping[str, str]] = {}


async def _count(_: App, __: NoArguments, ___: Report) -> Answer:
    return Answer({"number": 7, "complete": True, "company": "Acme"}, contacts=7)


COUNT = Tool(
    name="count_contacts",
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


async def answered(monkeypatch: pytest.MonkeyPatch, text: str = "json") -> tuple[Any, CallRecord]:
    """The result of a call of the tool, and its record."""
    monkeypatch.setitem(tool_handlers._BY_NAME, COUNT.name, COUNT)  # noqa: SLF001 - a tool of this test
    records = []

    async def keep(ctx: Any, call_next: Any) -> Any:
        with recording() as record:
            records.append(record)
            return await call_next(ctx)

    server = create_server(lambda: open_app(SIGNED_IN, transport=ASGITransport(app=create_sandbox())), text=text)
    server.middleware.insert(0, keep)
    async with Client(server, mode="legacy") as client:
        result = await client.call_tool(COUNT.name, {})
    return result, next(record for record in reversed(records) if record.contacts)


async def test_the_record_has_as_many_contacts_as_the_tool_says(monkeypatch: pytest.MonkeyPatch) -> None:
    result, record = await answered(monkeypatch)
    assert result.structured_content == {"number": 7, "complete": True, "company": "Acme"}
    assert (record.code, record.contacts) == ("ok", 7)


async def test_an_answer_of_one_row_that_is_no_contact_is_written_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await answered(monkeypatch, text="table")
    assert result.content[0].text == "number\tcomplete\tcompany\n7\ttrue\tAcme"
