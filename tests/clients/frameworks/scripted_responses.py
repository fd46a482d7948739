"""OpenAI's Responses API as a script: it keeps the requests, which hold all that a model would be shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from openai import AsyncOpenAI
from script import DONE

if TYPE_CHECKING:
    from script import Calls

MODEL = "gpt-5"


class ScriptedResponses:
    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.bodies: list[dict[str, Any]] = []
        transport = httpx.MockTransport(self._answer)
        self.client = AsyncOpenAI(api_key="none", http_client=httpx.AsyncClient(transport=transport))

    def texts(self) -> list[str]:
        """What the last request has for each call."""
        outputs = [item["output"] for item in self.bodies[-1]["input"] if item.get("type") == "function_call_output"]
        return [each if isinstance(each, str) else "".join(part["text"] for part in each) for each in outputs]

    def names(self) -> list[str]:
        return [tool["name"] for tool in self.tools()]

    def tools(self) -> list[dict[str, Any]]:
        return self.bodies[0]["tools"]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        response = {"id": "resp", "object": "response", "created_at": 0, "model": MODEL, "status": "completed"}
        settings = {"parallel_tool_calls": False, "tool_choice": "auto", "tools": []}
        return httpx.Response(200, json={**response, **settings, "output": [self._item(len(self.texts()))]})

    def _item(self, at: int) -> dict[str, Any]:
        if at < len(self.calls):
            name, arguments = self.calls[at]
            call = {"id": f"fc_{at}", "call_id": f"call_{at}", "name": name, "arguments": json.dumps(arguments)}
            return {"type": "function_call", "status": "completed", **call}
        text = {"type": "output_text", "text": DONE, "annotations": []}
        return {"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": [text]}
