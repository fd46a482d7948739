"""``telecmi-mcp demo``: runs the server over the sandbox and shows the answers to a real MCP client."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from telecmi_mcp._cli.streams import can_print
from telecmi_mcp._cli.terminal import pad

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mcp.client import Client

SUMMARY = "Show the server at work on invented contacts: no account, no network."

_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_LIMIT = 5
_WIDTH = 100


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(_: argparse.Namespace, __: Mapping[str, str]) -> int:
    """Start the server over the sandbox, call its tools, and print the answers."""
    import anyio

    anyio.run(_show)
    return 0


async def _show() -> None:
    from mcp.client import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    server = StdioServerParameters(command=sys.executable, args=["-P", "-m", "telecmi_mcp", "serve", "--sandbox"])
    _print("telecmi-mcp, as a process on stdio. Every contact here is invented; TeleCMI was not asked.")
    async with Client(stdio_client(server)) as client:
        await _show_tools(client)
        await _show_search(client, "what is Priya's number at Acme?")
        await _call(client, "count_contacts", {"group_by": "company", "max_groups": 3})
        page = await _show_page(client, {"limit": _LIMIT})
        await _show_page(client, {"limit": _LIMIT, "page_state": page["page_state"]})
        await _call(client, "get_contact", {"contact_id": page["contacts"][0]["contact_id"]})
        await _call(client, "get_contact", {"contact_id": _UNKNOWN_ID})
    _print("\nTry it in your assistant: configure the command `telecmi-mcp serve --sandbox`. See the README.")


async def _show_tools(client: Client) -> None:
    _print("\n> tools/list")
    for tool in (await client.list_tools()).tools:
        _print(f"  {tool.name}({', '.join(tool.input_schema['properties'])})  {tool.title}")


async def _show_search(client: Client, query: str) -> None:
    found = await _call(client, "search_contacts", {"query": query}, shown=False)
    _show_contacts(found["matches"])
    _print(f"  {found['total']} found; complete: {found['complete']}")


async def _show_page(client: Client, arguments: dict[str, Any]) -> dict[str, Any]:
    page = await _call(client, "list_contacts", arguments, shown=False)
    _show_contacts(page["contacts"])
    _print(f"  {len(page['contacts'])} of {page['count']}; has_more: {page['has_more']}")
    return page


def _show_contacts(contacts: list[dict[str, Any]]) -> None:
    for contact in contacts:
        name = f"{contact.get('first_name', '')} {contact.get('last_name', '')}".strip()
        _print(f"  {contact.get('phone_no', '-'):<15} {pad(name, 24)} {contact.get('company', '-')}")


async def _call(client: Client, tool: str, arguments: dict[str, Any], *, shown: bool = True) -> dict[str, Any]:
    _print(f"\n> {tool} {arguments}")
    result = await client.call_tool(tool, arguments)
    if shown:
        text = "".join(part.text for part in result.content if part.type == "text")
        _print(f"  {'error: ' if result.is_error else ''}{text}")
    return result.structured_content or {}


def _print(text: str) -> None:
    """Print each line, cut to the width of the demo."""
    mark = "…" if can_print("…") else "..."
    for line in text.split("\n"):
        print(line if len(line) <= _WIDTH else f"{line[: _WIDTH - len(mark)]}{mark}")
