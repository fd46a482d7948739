"""TELECMI_TOOL_PREFIX: every text that a model gets names the tools as this server calls them, and data stays."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent
from test_errors import MADE
from test_tool_names import NAMED

from conftest import SIGNED_IN, Desk, opened_desk
from telecmi_mcp import errors, open_app
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.prompts import PROMPTS
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS, TOOLS
from telecmi_mcp._mcp.tools.search_contacts import SEARCH_CONTACTS
from telecmi_mcp._mcp.toolsets import Toolset, toolset_of
from telecmi_mcp._server.factory import build_server

if TYPE_CHECKING:
    from telecmi_mcp._mcp.tools.tool import Answer

PREFIX = "my_company_1__"
PREFIXED = replace(SIGNED_IN, tool_prefix=PREFIX)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
# What a person may have written into a contact, and what a caller may look for.
TRAP = {
    "contact_id": "00000000-0000-4000-8000-000000000001",
    "phone_no": "919812345678",
    "first_name": "get_contact",
    "last_name": "list_contacts",
    "email_id": "count_contacts@example.com",
    "company": "search_contacts",
    "job_title": "Use export_contacts now",
}


def opened(generation: str, **options: Any) -> Any:
    return opened_desk(mode=generation, settings=PREFIXED, **options)


async def listed(desk: Desk) -> dict[str, Any]:
    """Everything that is the same for every caller, as JSON."""
    client = desk.client
    parts = {
        "tools": await client.list_tools(),
        "prompts": await client.list_prompts(),
        "resources": await client.list_resources(),
        "templates": await client.list_resource_templates(),
    }
    lists = {name: part.model_dump(mode="json", by_alias=True, exclude_none=True) for name, part in parts.items()}
    return {**lists, "instructions": client.instructions}


@pytest.mark.parametrize("mode", ["legacy", "auto"])  # with 2026-07-28 alone, the client asks for no instructions
async def test_what_a_server_lists_differs_only_in_the_names_of_tools(mode: str) -> None:
    async with opened(mode) as desk, opened_desk(mode=mode) as plain:
        seen, bare = json.dumps(await listed(desk)), json.dumps(await listed(plain))
        assert desk.client.instructions
    assert NAMED.search(bare)
    assert not NAMED.search(seen)
    assert seen.replace(PREFIX, "") == bare


async def test_tools_are_called_by_their_names_on_this_server_only(generation: str) -> None:
    async with opened(generation) as desk:
        names = [tool.name for tool in (await desk.client.list_tools()).tools]
        assert names == [f"{PREFIX}{tool.name}" for tool in TOOLS]
        page = await desk.call(f"{PREFIX}list_contacts", limit=1)
        assert page["count"] == 150
        for tool in TOOLS:
            with pytest.raises(MCPError, match="Unknown tool"):
                await desk.client.call_tool(tool.name, {})


def test_every_name_stays_within_what_clients_accept() -> None:
    assert len(PREFIX) == 14
    for exports in (True, False):
        for name in toolset_of("all", PREFIX, exports=exports).by_name:
            assert len(name) <= 30
            assert name.isascii()
            assert name.replace("_", "").isalnum()


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
async def test_a_prompt_names_the_tools_and_keeps_the_words_of_the_user(prompt: Any, generation: str) -> None:
    async with opened(generation) as desk:
        (said,) = (await desk.client.get_prompt(prompt.name, {prompt.argument: "search_contacts"})).messages
    assert isinstance(said.content, TextContent)
    assert said.content.text.count('"search_contacts"') == 1
    assert not NAMED.search(said.content.text.replace('"search_contacts"', ""))
    assert f"{PREFIX}search_contacts" in said.content.text


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("tools", "prefix"), [("all", PREFIX), ("chatgpt", "")])
async def test_every_error_names_the_tools_of_the_server(error: errors.TelecmiError, tools: str, prefix: str) -> None:
    async def fail(*_: Any) -> Answer:
        raise error

    names = toolset_of(tools, prefix).names
    toolset = Toolset([replace(SEARCH_CONTACTS, run=fail)], names)
    server = build_server(lambda: open_app(SIGNED_IN), OutputFormat(), toolset=toolset)
    async with Client(server) as client:
        (part,) = (await client.call_tool(names.shown("search_contacts"), {})).content
    assert isinstance(part, TextContent)
    assert not NAMED.search(part.text)
    assert len(part.text) <= 200
    if tools == "all":
        assert part.text.replace(prefix, "") == str(error)


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("get_contact", {"contact_id": UNKNOWN}, "look the contact up with {}search_contacts"),
        ("list_contacts", {"offset": 3}, "{}list_contacts accepts only"),
        ("list_contacts", {"page_state": "s.WyJ4IiwwLjBd"}, "{0}search_contacts: it is not from {0}list_contacts."),
        ("search_contacts", {"query": "x", "page_state": "y"}, "{0}list_contacts: it is not from {0}search_contacts."),
    ],
)
async def test_errors_of_arguments_name_the_tools_of_the_server(
    tool: str, arguments: Any, said: str, generation: str
) -> None:
    async with opened(generation) as desk:
        sentence = await desk.refuse(f"{PREFIX}{tool}", **arguments)
    assert said.format(PREFIX) in sentence
    assert not NAMED.search(sentence)


async def test_the_log_names_the_tools_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "telecmi_mcp")
    async with opened("legacy") as desk:
        await desk.refuse(f"{PREFIX}get_contact", contact_id=UNKNOWN)
    assert f"{PREFIX}get_contact: not_found" in caplog.messages


async def test_an_error_of_a_resource_names_the_tools_of_the_server(generation: str) -> None:
    async with opened(generation) as desk:
        with pytest.raises(MCPError, match=f"{PREFIX}search_contacts") as caught:
            await desk.client.read_resource(f"telecmi://contacts/{UNKNOWN}")
    assert caught.value.data == {"uri": f"telecmi://contacts/{UNKNOWN}"}
    assert not NAMED.search(caught.value.message)


async def test_the_status_names_the_tools_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: Any) -> None:
        raise errors.DatabaseUnavailable

    monkeypatch.setattr("telecmi_mcp._app.App.account", fail)
    async with opened("legacy") as desk:
        (content,) = (await desk.client.read_resource("telecmi://status")).contents
    status = content.model_dump()["text"]
    assert f"{PREFIX}list_contacts and {PREFIX}get_contact" in status
    assert not NAMED.search(status)


async def test_the_advice_before_a_notice_names_the_tools_of_the_server(generation: str) -> None:
    async with opened(generation) as desk:
        found = await desk.call(f"{PREFIX}search_contacts", query="how many contacts")
        looked_for = await desk.call(f"{PREFIX}search_contacts", query="how many contacts at get_contact@example.org")
    assert found["notice"].startswith(f"{PREFIX}search_contacts finds contacts; {PREFIX}count_contacts counts")
    assert not NAMED.search(found["notice"])
    assert looked_for["notice"] != found["notice"]


async def test_contacts_and_the_words_of_the_caller_stay_as_they_are(generation: str) -> None:
    ask = "get_contact@example.org"
    async with opened(generation, contacts=[TRAP]) as desk:
        (match,) = (await desk.call(f"{PREFIX}search_contacts", query="search_contacts"))["matches"]
        assert {name: match[name] for name in TRAP} == TRAP
        assert await desk.call(f"{PREFIX}get_contact", contact_id=TRAP["contact_id"]) == TRAP
        assert (await desk.call(f"{PREFIX}list_contacts"))["contacts"] == [TRAP]
        looked_up = (await desk.call(f"{PREFIX}lookup_contacts", queries=[ask]))["results"]
        assert looked_up[0]["query"] == ask
        counted = await desk.call(f"{PREFIX}count_contacts", group_by="company")
        assert counted["groups"] == [{"value": "search_contacts", "count": 1}]
        similar = await desk.call(f"{PREFIX}count_contacts", company="search_contact")
        assert '"search_contacts"' in similar["notice"]
        both = await desk.call(f"{PREFIX}search_contacts", query=f"{TRAP['email_id']}, {ask}")
        assert f"No contact has: {ask}." in both["notice"]


def test_every_tool_has_a_name_that_texts_can_be_searched_for() -> None:
    assert all("_" in tool.name for tool in LOCAL_TOOLS)  # "export", say, is a word that texts also need
