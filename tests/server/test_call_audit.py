"""The audit of a server over stdio: each call with the contacts that its answer showed, and nothing else of them."""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from conftest import SIGNED_IN
from telecmi_mcp import open_app
from telecmi_mcp._audit.contact_hashes import ContactHasher
from telecmi_mcp._audit.log import LOGGER, Audit, open_audit
from telecmi_mcp._mcp.call_record import CANCELLED, CallRecord
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.toolsets import toolset_of
from telecmi_mcp._server.call_audit import CallAudit, entry_of
from telecmi_mcp._server.factory import build_server
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from telecmi_mcp import Settings

HASHER = ContactHasher(bytes(32))
JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Desk:
    """A client of an audited server, and the lines of the audit."""

    client: Client
    lines: list[dict[str, Any]]

    async def seen(self, tool: str, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Call a tool, and return its data and its line."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error
        return result.structured_content, self.lines[-1]


@asynccontextmanager
async def opened_desk(settings: Settings = SIGNED_IN, mode: str = "2026-07-28") -> AsyncIterator[Desk]:
    lines: list[dict[str, Any]] = []

    class Taker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(record.getMessage()))

    logger, taker = logging.getLogger(LOGGER), Taker()
    logger.addHandler(taker)
    with open_audit("stdout", replica="r"):  # the handler gets the lines
        pass
    toolset = toolset_of(settings.tools, settings.tool_prefix, exports=settings.export_folder is not None)
    server = build_server(
        lambda: open_app(settings, transport=ASGITransport(app=create_sandbox())),
        OutputFormat(),
        toolset=toolset,
        middleware=(CallAudit(Audit("r", hasher=HASHER), tools=toolset.by_name, caller="amal"),),
    )
    try:
        async with Client(server, mode=mode) as client:
            yield Desk(client, lines)
    finally:
        logger.removeHandler(taker)


@pytest.fixture
def private_folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


async def test_each_answer_names_its_contacts(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        found, line = await desk.seen("search_contacts", query="Priya", limit=3)
        assert line["seen"] == HASHER.hashes(each["contact_id"] for each in found["matches"])
        assert (line["caller"], line["tool"], line["contacts"]) == ("amal", "search_contacts", 3)
        found, line = await desk.seen("lookup_contacts", queries=["Priya", "John Doe", "John Doe", JOHN])
        shown = [contact["contact_id"] for each in found["results"] for contact in each["contacts"]]
        assert line["seen"] == HASHER.hashes(shown)
        assert len(line["seen"]) < line["contacts"] == len(shown)
        found, line = await desk.seen("list_contacts", limit=100)
        assert line["seen"] == HASHER.hashes(each["contact_id"] for each in found["contacts"])
        _, line = await desk.seen("get_contact", contact_id=JOHN)
        assert line["seen"] == HASHER.hashes([JOHN])
        await desk.client.read_resource(f"telecmi://contacts/{JOHN}")
        assert (desk.lines[-1]["tool"], desk.lines[-1]["seen"]) == ("contact", HASHER.hashes([JOHN]))


async def test_no_value_of_a_contact_is_in_a_line() -> None:
    async with opened_desk() as desk:
        found, _ = await desk.seen("list_contacts", limit=100)
        await desk.seen("search_contacts", query="John Doe")
        text = json.dumps(desk.lines)
    for contact in found["contacts"]:
        for value in contact.values():
            assert json.dumps(value)[1:-1] not in text


async def test_chatgpts_search_and_fetch_name_their_contacts() -> None:
    async with opened_desk(replace(SIGNED_IN, tools="chatgpt")) as desk:
        found, line = await desk.seen("search", query="Priya")
        assert line["seen"] == HASHER.hashes(each["id"] for each in found["results"])
        _, line = await desk.seen("fetch", id=JOHN)
        assert line["seen"] == HASHER.hashes([JOHN])


async def test_a_completion_shows_the_contacts_whose_names_or_ids_it_offers() -> None:
    async with opened_desk() as desk:
        await desk.seen("get_contact", contact_id=JOHN)
        prompts = [PromptReference(name="find_contact"), PromptReference(name="company_contacts")]
        await desk.client.complete(prompts[0], {"name": "who", "value": "jo"})
        template = ResourceTemplateReference(uri="telecmi://contacts/{contact_id}")
        await desk.client.complete(template, {"name": "contact_id", "value": "d3"})
        await desk.client.complete(prompts[0], {"name": "who", "value": "nobody"})
        await desk.client.complete(prompts[1], {"name": "company", "value": "ac"})
    assert [line.get("seen") for line in desk.lines[1:]] == [HASHER.hashes([JOHN])] * 2 + [None] * 2


async def test_groups_of_names_and_numbers_count_as_contacts_without_ids() -> None:
    async with opened_desk() as desk:
        counted, line = await desk.seen("count_contacts", group_by="name", max_groups=3)
        assert line["unlisted"] == sum(group["count"] for group in counted["groups"]) > 0
        for group_by in (None, "company", "country"):
            _, line = await desk.seen("count_contacts", group_by=group_by)
            assert "unlisted" not in line


async def test_an_export_counts_the_contacts_of_the_file(private_folder: Path) -> None:
    async with opened_desk(replace(SIGNED_IN, export_folder=private_folder, tool_prefix="crm_")) as desk:
        _, line = await desk.seen("crm_export_contacts", company="zzkq")
        assert "unlisted" not in line
        _, line = await desk.seen("crm_export_contacts")
    assert (line["tool"], line["unlisted"], line["contacts"]) == ("crm_export_contacts", 150, 0)


async def test_calls_that_fail_are_in_the_audit_without_contacts(generation: str) -> None:
    async with opened_desk(mode=generation) as desk:
        await desk.client.call_tool("get_contact", {"contact_id": NOBODY})
        await desk.client.call_tool("get_contact", {"contact_id": "canary"})
        for name in ("get_contact\ncanary", "canary"):
            with pytest.raises(MCPError):
                await desk.client.call_tool(name, {})
        with pytest.raises(MCPError):
            await desk.client.read_resource("telecmi://canary")
        await desk.client.list_tools()
    outcomes = [(line["tool"], line["outcome"], line["contacts"]) for line in desk.lines]
    assert outcomes == [
        ("get_contact", "not_found", 0),
        ("get_contact", "invalid_arguments", 0),
        ("unknown", "protocol_error", 0),
        ("unknown", "protocol_error", 0),
        ("unknown", "resource_not_found", 0),
    ]
    assert "canary" not in json.dumps(desk.lines)


def test_a_call_that_ended_without_its_answer_has_shown_nobody() -> None:
    record = CallRecord(contact_ids=[JOHN], unlisted=7)
    assert entry_of("amal", "tools/call", "get_contact", record, 0.1)[5:] == (1, [JOHN], 7)
    record.code = CANCELLED
    assert entry_of("amal", "tools/call", "get_contact", record, 0.1)[5:] == (0, (), 0)
