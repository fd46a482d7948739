"""TELECMI_TOOLS and TELECMI_TOOL_PREFIX of a real process: early and later answers, flags, and settings that clash."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_tool_names import NAMED

from e2e.lines import MODERN, call, environment, request, started
from telecmi_mcp._mcp.tools.registry import TOOLS

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
URL = "https://crm.example/{contact_id}"


@pytest.mark.slow
@pytest.mark.parametrize("early", ["on", "off"])
async def test_a_prefix_is_in_every_answer_of_a_session(early: str) -> None:
    variables = environment(TELECMI_TOOL_PREFIX="crm_", TELECMI_EARLY_ANSWERS=early)
    async with started(env=variables) as server:
        greeting = (await server.shake_hands())["result"]
        tools = (await server.ask(request(1, "tools/list")))["result"]["tools"]
        unknown = (await server.ask(call(2, "search_contacts", query="Priya")))["error"]
        found = (await server.ask(call(3, "crm_search_contacts", query="Priya")))["result"]
        refused = (await server.ask(call(4, "crm_get_contact", contact_id=JOHN.replace("d", "0"))))["result"]
        assert await server.close() == 0
    assert [tool["name"] for tool in tools] == [f"crm_{tool.name}" for tool in TOOLS]
    assert "crm_count_contacts" in greeting["instructions"]
    assert "crm_search_contacts" in refused["content"][0]["text"]
    assert found["structuredContent"]["matches"]
    assert "Unknown tool" in unknown["message"]
    assert not NAMED.search(json.dumps([greeting, tools, refused]))


@pytest.mark.slow
@pytest.mark.parametrize("meta", [{}, MODERN], ids=["handshake", "stateless"])
async def test_chatgpt_gets_its_two_tools_by_flags(meta: Any) -> None:
    flags = ("serve", "--sandbox", "--tools", "chatgpt", "--contact-url", URL)
    async with started(*flags, env=environment()) as server:
        if not meta:
            await server.shake_hands()
        tools = (await server.ask(request(1, "tools/list", **meta)))["result"]["tools"]
        asked = request(2, "tools/call", name="search", arguments={"query": "john doe acme"}, **meta)
        found = (await server.ask(asked))["result"]
        fetched = (await server.ask(request(3, "tools/call", name="fetch", arguments={"id": JOHN}, **meta)))["result"]
        assert await server.close() == 0
    assert [tool["name"] for tool in tools] == ["search", "fetch"]
    for result in (found, fetched):
        assert [json.loads(part["text"]) for part in result["content"]] == [result["structuredContent"]]
    url = URL.format(contact_id=JOHN)
    assert found["structuredContent"]["results"] == [{"id": JOHN, "title": "John Doe, Acme Corp", "url": url}]
    assert fetched["structuredContent"]["url"] == url


async def test_a_prefix_for_chatgpt_is_refused_at_the_start() -> None:
    async with started(env=environment(TELECMI_TOOLS="chatgpt", TELECMI_TOOL_PREFIX="crm_")) as server:
        assert await server.wait() != 0
        assert "Unset TELECMI_TOOL_PREFIX (--tool-prefix)" in await server.errors()
