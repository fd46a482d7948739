"""LlamaIndex's agent, with the tools of llama-index-tools-mcp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from script import DONE, QUESTION, play, shown

if TYPE_CHECKING:
    from script import Calls


async def converse(server: str, calls: Calls) -> dict[str, Any]:
    seen: list[str] = []

    def answer(messages: list[ChatMessage], **_: Any) -> ChatMessage:
        seen[:] = [message.content or "" for message in messages if message.role == MessageRole.TOOL]
        if len(seen) == len(calls):
            return ChatMessage(role="assistant", content=DONE)
        name, arguments = calls[len(seen)]
        call = ToolCallBlock(tool_call_id=f"call-{len(seen)}", tool_name=name, tool_kwargs=arguments)
        return ChatMessage(role="assistant", blocks=[call])

    tools = await McpToolSpec(BasicMCPClient(server)).to_tool_list_async()
    model = MockFunctionCallingLLM(response_generator=answer)
    await FunctionAgent(tools=tools, llm=model, streaming=False).run(QUESTION)
    return shown(seen, [tool.metadata.name for tool in tools])


play("llama-index-tools-mcp", converse)
