"""Handlers of ``prompts/list`` and ``prompts/get``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    PromptArgument,
    PromptMessage,
    TextContent,
)
from mcp_types import Prompt as ListedPrompt

from telecmi_mcp._mcp.prompts import PROMPTS, Prompt
from telecmi_mcp._server.error_mapping import protocol_errors
from telecmi_mcp._server.request_params import raise_if_paged, raise_if_unreadable

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext

    from telecmi_mcp._app import App
    from telecmi_mcp._mcp.tool_names import ToolNames


async def list_prompts(ctx: ServerRequestContext[App, Any], params: PaginatedRequestParams | None) -> ListPromptsResult:
    """Answer ``prompts/list``."""
    raise_if_paged(ctx, params)
    return ListPromptsResult(prompts=[_listed_prompt(prompt) for prompt in PROMPTS])


def _listed_prompt(prompt: Prompt) -> ListedPrompt:
    argument = PromptArgument(
        name=prompt.argument, title=prompt.argument_title, description=prompt.argument_description, required=True
    )
    return ListedPrompt(name=prompt.name, title=prompt.title, description=prompt.description, arguments=[argument])


async def get_prompt(
    names: ToolNames, ctx: ServerRequestContext[App, Any], params: GetPromptRequestParams
) -> GetPromptResult:
    """Answer ``prompts/get``: one message with the user's words inserted."""
    prompt = find_prompt(params.name)
    with protocol_errors(ctx):
        raise_if_unreadable(prompt.name)
        text = prompt.message(params.arguments or {}, names)
    message = PromptMessage(role="user", content=TextContent(type="text", text=text))
    return GetPromptResult(description=prompt.description, messages=[message])


def find_prompt(name: str) -> Prompt:
    """Return a prompt by its name.

    Raises:
        MCPError: There is no such prompt.
    """
    prompt = next((prompt for prompt in PROMPTS if prompt.name == name), None)
    if prompt is None:
        raise MCPError(INVALID_PARAMS, "Unknown prompt: prompts/list returns the names of all prompts.")
    return prompt
