"""FastMCP's client: what it sees of the server, as one JSON object.

``python fastmcp_client.py legacy|modern sandbox|stage|mismatch SERVER [STAGE]``: as typescript.mjs has it. It runs in
an environment of its own, with what fastmcp.txt names.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
HELD = "00000000-0000-4000-8000-000000000000"
MODES = {"legacy": "legacy", "modern": "auto"}  # auto is its default: it asks the server first
MOST_PAGES = 20


class Player:
    """One client and the calls that the plays are made of."""

    def __init__(self, client: Client, stage: str) -> None:
        self.client = client
        self.stage = stage

    async def call(self, name: str, arguments: dict[str, Any], **options: Any) -> dict[str, Any]:
        result = await self.client.call_tool_mcp(name, arguments, **options)
        text = "".join(part.text for part in result.content)
        return {"isError": bool(result.is_error), "structured": result.structured_content, "text": text}

    async def walk(self, limit: int) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = []
        arguments: dict[str, Any] = {"limit": limit}
        while arguments and len(pages) < MOST_PAGES:
            page = (await self.call("list_contacts", arguments))["structured"]
            pages.append(page)
            arguments = {"limit": limit, "page_state": page["page_state"]} if page["has_more"] else {}
        return pages

    async def tell(self, what: str) -> None:
        await asyncio.to_thread(lambda: urllib.request.urlopen(f"{self.stage}/{what}").close())  # noqa: S310 - loopback

    async def progress(self) -> list[Any]:
        told: list[Any] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            told.append([progress, total, message])
            await self.tell("told")

        await self.call("search_contacts", {"query": "nobody has this name"}, progress_handler=hear)
        return told

    async def cancellation(self) -> dict[str, Any]:
        held = asyncio.create_task(self.call("get_contact", {"contact_id": HELD}))
        await self.tell("held")
        meanwhile = await self.call("get_contact", {"contact_id": JOHN})  # two calls at once
        held.cancel()
        await asyncio.wait([held])
        await self.tell("abandoned")
        outcome = "given up" if held.cancelled() else "answered"
        return {
            "meanwhile": meanwhile,
            "outcome": outcome,
            "after": await self.call("get_contact", {"contact_id": JOHN}),
        }


async def sandbox(player: Player) -> dict[str, Any]:
    typed = await player.client.call_tool("get_contact", {"contact_id": JOHN})
    return {
        "pages": await player.walk(40),
        "contact": await player.call("get_contact", {"contact_id": JOHN}),
        "typed": typed.data.first_name,  # FastMCP makes a class of the output schema
        "found": await player.call("search_contacts", {"query": "John"}),
        "refused": await player.call("get_contact", {"contact_id": "x"}),
    }


async def stage(player: Player) -> dict[str, Any]:
    return {
        "pages": await player.walk(50),
        "progress": await player.progress(),
        **await player.cancellation(),
    }


async def mismatch(player: Player) -> dict[str, Any]:
    try:
        await player.call("get_contact", {"contact_id": JOHN})
    except Exception as error:  # noqa: BLE001 - whatever a client of somebody else's raises
        return {"outcome": "refused", "error": str(error)}
    return {"outcome": "accepted"}


PLAYS = {"sandbox": sandbox, "stage": stage, "mismatch": mismatch}


async def main(era: str, play: str, command: str, stage: str = "") -> None:
    transport = StdioTransport(command, [], keep_alive=False)
    async with Client(transport, mode=MODES[era]) as client:
        tools = await client.list_tools()
        info = client.server_info
        assert info is not None
        seen = {
            "server": {"name": info.name, "version": info.version},
            "tools": [tool.name for tool in tools],
            **await PLAYS[play](Player(client, stage)),
        }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
