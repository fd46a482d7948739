"""The tool export_contacts of a real process: listed early, a file on the disk, and a link where clients know one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.lines import call, environment, request, started
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS, TOOLS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.parametrize(("version", "parts"), [("2025-03-26", ["text"]), ("2025-06-18", ["text", "resource_link"])])
async def test_a_file_is_written_and_linked_in_the_versions_that_have_links(
    tmp_path: Path, version: str, parts: list[str]
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir(mode=0o700)
    async with started(env=environment(TELECMI_EXPORT_FOLDER=str(folder))) as server:
        await server.shake_hands(version)
        tools = (await server.ask(request(1, "tools/list")))["result"]["tools"]
        assert [tool["name"] for tool in tools] == [tool.name for tool in LOCAL_TOOLS]
        result = (await server.ask(call(2, "export_contacts", format="jsonl")))["result"]
        assert "isError" not in result or result["isError"] is False
        refused = await server.ask(request(3, "resources/read", uri=(folder / "x").as_uri()))
        assert "error" in refused
        assert await server.close() == 0
    (path,) = [path for path in folder.iterdir() if path.suffix == ".jsonl"]
    assert [part["type"] for part in result["content"]] == parts
    data = json.loads(result["content"][0]["text"])
    assert data["file"] == path.name
    assert len(path.read_bytes().splitlines()) == data["contacts"] == 150
    assert ("structuredContent" in result) is (version != "2025-03-26")
    assert [part["uri"] for part in result["content"][1:]] == [path.as_uri()] * (len(parts) - 1)


@pytest.mark.slow
async def test_an_unset_folder_means_no_such_tool() -> None:
    async with started(env=environment(TELECMI_EXPORT_FOLDER="${user_config.export_folder}")) as server:
        await server.shake_hands()
        tools = (await server.ask(request(1, "tools/list")))["result"]["tools"]
        assert [tool["name"] for tool in tools] == [tool.name for tool in TOOLS]
        assert "Unknown tool" in (await server.ask(call(2, "export_contacts")))["error"]["message"]
        assert await server.close() == 0
