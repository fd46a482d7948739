"""Writes what is generated from the tools, prompts and resources: ``make snapshots``. A test compares the files.

These are the snapshots in ``tests/toolsnaps``, the data of the early answers, the tables of tools and clients in the
README, the list of tools in the manifest of the bundle, and the manifests of the plugins.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import anyio
from mcp.client import Client

from docs.install_links import client_rows
from docs.plugin_files import plugin_files
from paths import ROOT, SNAPSHOTS
from telecmi_mcp import Settings, create_server, open_app
from telecmi_mcp._mcp.prompts import PROMPTS
from telecmi_mcp._mcp.server_info import INSTRUCTIONS, NAME, TITLE
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS, TOOLS
from telecmi_mcp._server.factory import STATIC

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from telecmi_mcp._mcp.tools.tool import Tool

ADVERTISED = ROOT / "telecmi_mcp" / "_stdio" / "advertised.json"
README = ROOT / "README.md"
MANIFEST = ROOT / "bundle" / "manifest.json"
WHO = "Priya, O'Neil & Co."
"""The argument of each prompt in the snapshot of its message."""

_README_TABLE = re.compile(r"(\n## Tools\n\n\|.*\n\|.*\n)(?:\|.*\n)*")
_README_CLIENTS = re.compile(r"(\n\| client \| command \| \|\n\|.*\n)(?:\|.*\n)*")
_MANIFEST_TOOLS = re.compile(r'(\n  "tools": )\[.*?\n  \]', re.DOTALL)


async def generated() -> dict[Path, str]:
    """Return the text of each generated file."""
    offered, others, capabilities = await _offered()
    tools, export_tool = offered[: len(TOOLS)], offered[-1]
    chatgpt = await _offered_to_chatgpt()
    messages = {prompt.name: prompt.message({prompt.argument: WHO}).splitlines() for prompt in PROMPTS}
    listed = {tool["name"]: tool for tool in (*offered, *chatgpt["tools"])}
    snapshots = {**listed, **others, "prompt_messages": messages}
    files = {SNAPSHOTS / f"{name}.json": _json(value) for name, value in snapshots.items()}
    manifest = MANIFEST.read_text(encoding="utf8")
    readme = _README_TABLE.sub(lambda part: part[1] + _readme_rows(), README.read_text(encoding="utf8"))
    return {
        **files,
        **plugin_files(),
        ADVERTISED: _json({**_advertised(tools, export_tool, capabilities), "chatgpt": chatgpt}),
        README: _README_CLIENTS.sub(lambda part: part[1] + client_rows(), readme),
        MANIFEST: _MANIFEST_TOOLS.sub(lambda part: part[1] + _manifest_tools(), manifest),
    }


async def _offered() -> tuple[list[Any], dict[str, list[Any]], Any]:
    """Ask a server for all tools, for the other lists by the names of their snapshots, and for its capabilities."""
    async with Client(create_server(lambda: open_app(Settings()), exports=True), mode="legacy") as client:
        others = {
            "prompts": (await client.list_prompts()).prompts,
            "resources": (await client.list_resources()).resources,
            "resource_templates": (await client.list_resource_templates()).resource_templates,
        }
        tools = [_dumped(tool) for tool in (await client.list_tools()).tools]
        assert client.server_capabilities is not None
        lists = {name: [_dumped(model) for model in models] for name, models in others.items()}  # type: ignore[attr-defined] # all are models
        return tools, lists, _dumped(client.server_capabilities)


async def _offered_to_chatgpt() -> dict[str, Any]:
    """Ask a server for ChatGPT for what it offers."""
    async with Client(create_server(lambda: open_app(Settings()), tools="chatgpt"), mode="legacy") as client:
        tools = [_dumped(tool) for tool in (await client.list_tools()).tools]
        assert client.server_capabilities is not None
        capabilities = _dumped(client.server_capabilities)
        return {"instructions": client.instructions, "capabilities": capabilities, "tools": tools}


def _dumped(model: BaseModel) -> Any:
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


def _advertised(tools: list[Any], export_tool: Any, capabilities: Any) -> dict[str, Any]:
    return {
        "serverInfo": {"name": NAME, "title": TITLE},
        "instructions": INSTRUCTIONS,
        "capabilities": capabilities,
        "cache": {"ttlMs": STATIC.ttl_ms, "cacheScope": STATIC.scope},
        "tools": tools,
        "exportTool": export_tool,
    }


def _readme_rows() -> str:
    return "".join(f"| `{tool.name}` | {_parameters(tool)} | {_fields(tool)} |\n" for tool in LOCAL_TOOLS)


def _parameters(tool: Tool) -> str:
    schema = tool.input_schema
    required = schema.get("required", [])
    return ", ".join(f"`{name}`{' (required)' if name in required else ''}" for name in schema["properties"])


def _fields(tool: Tool) -> str:
    return ", ".join(f"`{name}`" for name in tool.output_schema["properties"])


def _manifest_tools() -> str:
    tools = [{"name": tool.name, "description": tool.summary} for tool in TOOLS]
    return json.dumps(tools, indent=2, ensure_ascii=False).replace("\n", "\n  ")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files, and remove the snapshots of tools that are gone."""
    texts = anyio.run(generated)
    for path in SNAPSHOTS.glob("*.json"):
        if path not in texts:
            path.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf8")


if __name__ == "__main__":
    main()
