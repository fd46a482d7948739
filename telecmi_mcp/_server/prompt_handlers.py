"""Handlers of prompts, resources and completions; maps errors to errors of the protocol."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    PromptArgument,
    PromptMessage,
    PromptReference,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)
from mcp_types import Prompt as ListedPrompt
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic_core import to_json

from telecmi_mcp._mcp.call_record import DEFECT, raise_if_rejected, record_contacts, record_failure
from telecmi_mcp._mcp.prompts import PROMPTS, Prompt
from telecmi_mcp._mcp.resources import CONTACT, MAX_URI, MIME_TYPE, STATUS, contact_id_in, read_contact, read_status
from telecmi_mcp._server.tool_handlers import INTERNAL, check_rate_limit, log_defect
from telecmi_mcp.errors import ContactNotFound, InvalidArguments, ResourceNotFound, TelecmiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp.server import ServerRequestContext

    from telecmi_mcp._app import App

_log = logging.getLogger(__name__)

_RESOURCE_NOT_FOUND = -32002  # up to 2025-11-25; from 2026-07-28 on it is INVALID_PARAMS (SEP-2164)
_MOST_COMPLETIONS = 100  # that the specification lets an answer hold


async def list_prompts(_: ServerRequestContext[App, Any], __: PaginatedRequestParams | None) -> ListPromptsResult:
    """Answer ``prompts/list``."""
    return ListPromptsResult(prompts=[_listed_prompt(prompt) for prompt in PROMPTS])


def _listed_prompt(prompt: Prompt) -> ListedPrompt:
    argument = PromptArgument(
        name=prompt.argument, title=prompt.argument_title, description=prompt.argument_description, required=True
    )
    return ListedPrompt(name=prompt.name, title=prompt.title, description=prompt.description, arguments=[argument])


async def get_prompt(ctx: ServerRequestContext[App, Any], params: GetPromptRequestParams) -> GetPromptResult:
    """Answer ``prompts/get``: one message that a person's words are put into."""
    prompt = _prompt(params.name)
    with _protocol_errors(ctx):
        text = prompt.message(params.arguments or {})
    message = PromptMessage(role="user", content=TextContent(type="text", text=text))
    return GetPromptResult(description=prompt.description, messages=[message])


def _prompt(name: str) -> Prompt:
    prompt = next((prompt for prompt in PROMPTS if prompt.name == name), None)
    if prompt is None:
        raise MCPError(INVALID_PARAMS, "Unknown prompt: prompts/list names the prompts there are.")
    return prompt


async def list_resources(_: ServerRequestContext[App, Any], __: PaginatedRequestParams | None) -> ListResourcesResult:
    """Answer ``resources/list``."""
    status = Resource(
        uri=STATUS.uri,
        name=STATUS.name,
        title=STATUS.title,
        description=STATUS.description,
        mime_type=MIME_TYPE,
    )
    return ListResourcesResult(resources=[status])


async def list_resource_templates(
    _: ServerRequestContext[App, Any], __: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    """Answer ``resources/templates/list``."""
    contact = ResourceTemplate(
        uri_template=CONTACT.uri,
        name=CONTACT.name,
        title=CONTACT.title,
        description=CONTACT.description,
        mime_type=MIME_TYPE,
    )
    return ListResourceTemplatesResult(resource_templates=[contact])


async def read_resource(ctx: ServerRequestContext[App, Any], params: ReadResourceRequestParams) -> ReadResourceResult:
    """Answer ``resources/read``: a contact, or the status."""
    app = ctx.lifespan_context
    with _protocol_errors(ctx, uri=params.uri):
        contact_id = contact_id_in(params.uri)
        if contact_id is None:
            facts = await read_status(app)
        else:
            check_rate_limit(app)
            facts = await read_contact(app, contact_id)
            record_contacts(1)
    contents = TextResourceContents(uri=params.uri, mime_type=MIME_TYPE, text=to_json(facts).decode())
    return ReadResourceResult(contents=[contents])


async def complete(ctx: ServerRequestContext[App, Any], params: CompleteRequestParams) -> CompleteResult:
    """Answer ``completion/complete`` from what was shown lately."""
    if isinstance(params.ref, PromptReference):
        known = _prompt(params.ref.name).argument
    elif params.ref.uri == CONTACT.uri:
        known = "contact_id"
    else:
        raise MCPError(INVALID_PARAMS, "Unknown template: resources/templates/list names those there are.")
    if params.argument.name != known:
        raise MCPError(INVALID_PARAMS, f"Unknown argument: only {known} can be completed here.")
    with _protocol_errors(ctx):
        values = (await ctx.lifespan_context.recall()).completions(known, params.argument.value)
    some = Completion(values=values[:_MOST_COMPLETIONS], total=len(values), has_more=len(values) > _MOST_COMPLETIONS)
    return CompleteResult(completion=some)


@contextmanager
def _protocol_errors(ctx: ServerRequestContext[App, Any], *, uri: str = "") -> Iterator[None]:
    """Let our errors out as errors of the protocol: only tools have a place for them in their results."""
    try:
        raise_if_rejected()
        yield
    except (ResourceNotFound, ContactNotFound) as error:
        record_failure(error.code)
        code = INVALID_PARAMS if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS else _RESOURCE_NOT_FOUND
        # What is longer or not ASCII is no URI, and nobody is helped by reading it again.
        data = {"uri": uri} if len(uri) <= MAX_URI and uri.isascii() and uri.isprintable() else None
        raise MCPError(code, str(error), data) from None
    except InvalidArguments as error:
        record_failure(error.code)
        raise MCPError(INVALID_PARAMS, str(error)) from None
    except TelecmiError as error:
        _log.info("%s: %s", ctx.method, error.code)
        record_failure(error.code)
        raise MCPError(INTERNAL_ERROR, str(error)) from None
    except Exception as error:  # noqa: BLE001 - as for tools
        log_defect(ctx.method, error)
        record_failure(DEFECT)
        raise MCPError(INTERNAL_ERROR, INTERNAL) from None
