"""LangChain's agent, with the tools of langchain-mcp-adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from script import QUESTION, play
from scripted_chat_model import ScriptedChatModel

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from script import Calls


async def converse(server: str, calls: Calls, *, advised: bool = False) -> dict[str, Any]:
    client = MultiServerMCPClient({"telecmi": {"transport": "stdio", "command": server, "args": []}})
    if not advised:
        return await run(await client.get_tools(), calls)
    async with client.session("telecmi") as session:
        return await run(await load_mcp_tools(session), calls)


async def run(tools: list[BaseTool], calls: Calls) -> dict[str, Any]:
    model = ScriptedChatModel(calls=calls)
    await create_agent(model, tools).ainvoke({"messages": [("user", QUESTION)]})
    strict = [convert_to_openai_tool(tool, strict=True)["function"] for tool in tools]
    return model.report() | {"schemas": {"`convert_to_openai_tool(strict=True)`": strict}}


play("langchain-mcp-adapters", converse)
