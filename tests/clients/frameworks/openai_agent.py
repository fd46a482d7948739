"""OpenAI's Agents SDK, up to the request that OpenAI would get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import Agent, OpenAIResponsesModel, Runner
from agents.mcp import MCPServerStdio
from script import QUESTION, play, shown
from scripted_responses import MODEL, ScriptedResponses

if TYPE_CHECKING:
    from agents.mcp import MCPConfig
    from script import Calls


async def run(server: MCPServerStdio, calls: Calls, config: MCPConfig) -> ScriptedResponses:
    api = ScriptedResponses(calls)
    model = OpenAIResponsesModel(MODEL, api.client)
    await Runner.run(Agent(name="agent", model=model, mcp_servers=[server], mcp_config=config), QUESTION)
    return api


async def converse(server: str, calls: Calls) -> dict[str, Any]:
    async with MCPServerStdio({"command": server}) as stdio:
        default = await run(stdio, calls, {})
        strict = await run(stdio, [], {"convert_schemas_to_strict": True})
    schemas = {"by default": default.tools(), "`convert_schemas_to_strict`": strict.tools()}
    return shown(default.texts(), default.names()) | {"schemas": schemas}


play("openai-agents", converse)
