"""A chat model for LangChain's agents that follows a script and keeps what it is shown."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from script import DONE, shown


class ScriptedChatModel(BaseChatModel):
    calls: list[tuple[str, dict[str, Any]]]
    messages: list[ToolMessage] = []  # noqa: RUF012 - pydantic copies it
    tools: list[str] = []  # noqa: RUF012 - the same

    @property
    def _llm_type(self) -> str:
        return "script"

    def bind_tools(self, tools: list[Any], **_: Any) -> ScriptedChatModel:
        self.tools[:] = [tool.name for tool in tools]
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.messages[:] = [message for message in messages if isinstance(message, ToolMessage)]
        at = len(self.messages)
        message = AIMessage(DONE)
        if at < len(self.calls):
            name, arguments = self.calls[at]
            message = AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{at}"}])
        return ChatResult(generations=[ChatGeneration(message=message)])

    def report(self) -> dict[str, Any]:
        marks = [message.status == "error" for message in self.messages]
        return shown([_text(message.content) for message in self.messages], self.tools, marks=marks)


def _text(content: str | list[Any]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] if part["type"] == "text" else json.dumps(part) for part in content)
