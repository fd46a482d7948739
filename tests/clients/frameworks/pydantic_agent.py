"""Pydantic AI's agent, up to the request that OpenAI would get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent, UnexpectedModelBehavior
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from script import QUESTION, play, shown
from scripted_responses import MODEL, ScriptedResponses

if TYPE_CHECKING:
    from pydantic_ai import AbstractToolset, RunContext, ToolDefinition
    from script import Calls


async def run(toolset: AbstractToolset, calls: Calls) -> tuple[ScriptedResponses, str]:
    api = ScriptedResponses(calls)
    model = OpenAIResponsesModel(MODEL, provider=OpenAIProvider(openai_client=api.client))
    try:
        await Agent(model, toolsets=[toolset]).run(QUESTION)
    except UnexpectedModelBehavior as error:
        return api, type(error).__name__
    return api, ""


async def as_strict(_: RunContext, tools: list[ToolDefinition]) -> list[ToolDefinition]:
    return [replace(tool, strict=True) for tool in tools]


async def converse(server: str, calls: Calls, *, advised: bool = False) -> dict[str, Any]:
    options = {"tool_error_behavior": "failed"} if advised else {}
    async with MCPToolset(StdioTransport(server, []), **options) as toolset:
        api, ended = await run(toolset, calls)
        strict, _ = await run(toolset.prepared(as_strict), [])
    schemas = {"by default": api.tools(), "`strict=True`": strict.tools()}
    return shown(api.texts(), api.names(), ended=ended) | {"schemas": schemas}


play("pydantic-ai-slim", converse)
