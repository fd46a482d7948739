"""The agent of mcp-use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_use import MCPAgent, MCPClient
from script import QUESTION, play
from scripted_chat_model import ScriptedChatModel

if TYPE_CHECKING:
    from script import Calls


async def converse(server: str, calls: Calls) -> dict[str, Any]:
    client = MCPClient({"mcpServers": {"telecmi": {"command": server, "args": []}}})
    model = ScriptedChatModel(calls=calls)
    try:
        await MCPAgent(llm=model, client=client, max_steps=20).run(QUESTION)
    finally:
        await client.close_all_sessions()
    return model.report()


play("mcp-use", converse)
