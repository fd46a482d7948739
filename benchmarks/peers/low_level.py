"""The official SDK's low-level server over httpx2: schemas and answers by hand, both halves from plain dicts."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool

FIELDS = ("contact_id", "phone_no", "first_name", "last_name", "email_id", "company", "job_title")
CONTACT = {"type": "object", "properties": {name: {"type": ["string", "null"]} for name in FIELDS}}
TOOLS = [
    Tool(
        name="get_contact",
        description="Read one contact by its id.",
        input_schema={
            "type": "object",
            "properties": {"contact_id": {"type": "string", "description": "The contact's id, a UUID."}},
            "required": ["contact_id"],
        },
        output_schema=CONTACT,
    ),
    Tool(
        name="list_contacts",
        description="Read the organisation's contacts page by page.",
        input_schema={
            "type": "object",
            "properties": {
                "limit": {"type": "integer", "minimum": 1, "maximum": 100, "description": "Contacts per page."},
                "page_state": {"type": "string", "description": "Cursor from the page before."},
            },
        },
        output_schema={
            "type": "object",
            "properties": {
                "contacts": {"type": "array", "items": CONTACT},
                "count": {"type": "integer"},
                "has_more": {"type": "boolean"},
                "page_state": {"type": ["string", "null"]},
            },
        },
    ),
]


@asynccontextmanager
async def lifespan(_: Server) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=os.environ["TELECMI_BASE_URL"], timeout=30) as client:
        yield client


async def ask(client: httpx2.AsyncClient, **body: object) -> dict:
    response = await client.post("/v3/contact/get", json={"token": os.environ["TELECMI_TOKEN"], **body})
    response.raise_for_status()
    answer = response.json()
    if answer["code"] != 200:
        raise ValueError(answer["msg"])
    return answer


async def list_tools(ctx, params) -> ListToolsResult:
    return ListToolsResult(tools=TOOLS)


async def call_tool(ctx, params) -> CallToolResult:
    answer = await ask(ctx.lifespan_context, **(params.arguments or {}))
    if params.name == "get_contact":
        facts = answer["contacts"][0]
    else:
        page_state = answer.get("page_state") or None
        facts = {
            "contacts": answer["contacts"],
            "count": answer["count"],
            "has_more": page_state is not None,
            "page_state": page_state,
        }
    return CallToolResult(content=[TextContent(type="text", text=json.dumps(facts))], structured_content=facts)


server = Server("telecmi", lifespan=lifespan, on_list_tools=list_tools, on_call_tool=call_tool)


async def main() -> None:
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
