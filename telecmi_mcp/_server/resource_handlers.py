"""Handlers of resources, resource templates and completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    PromptReference,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from pydantic_core import to_json

from telecmi_mcp._mcp.call_record import record_contacts
from telecmi_mcp._mcp.resources import CONTACT, MIME_TYPE, STATUS, contact_id_in, read_contact, read_status
from telecmi_mcp._server.error_mapping import check_rate_limit, protocol_errors
from telecmi_mcp._server.prompt_handlers import find_prompt
from telecmi_mcp._server.request_params import raise_if_paged

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext

    from telecmi_mcp._app import App
    from telecmi_mcp._mcp.tool_names import ToolNames

_MAX_COMPLETIONS = 100  # by the specification


async def list_resources(
    ctx: ServerRequestContext[App, Any], params: PaginatedRequestParams | None
) -> ListResourcesResult:
    """Answer ``resources/list``."""
    raise_if_paged(ctx, params)
    status = Resource(
        uri=STATUS.uri,
        name=STATUS.name,
        title=STATUS.title,
        description=STATUS.description,
        mime_type=MIME_TYPE,
    )
    return ListResourcesResult(resources=[status])


async def list_resource_templates(
    ctx: ServerRequestContext[App, Any], params: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    """Answer ``resources/templates/list``."""
    raise_if_paged(ctx, params)
    contact = ResourceTemplate(
        uri_template=CONTACT.uri,
        name=CONTACT.name,
        title=CONTACT.title,
        description=CONTACT.description,
        mime_type=MIME_TYPE,
    )
    return ListResourceTemplatesResult(resource_templates=[contact])


async def read_resource(
    names: ToolNames, ctx: ServerRequestContext[App, Any], params: ReadResourceRequestParams
) -> ReadResourceResult:
    """Answer ``resources/read`` with a contact or the status."""
    app = ctx.lifespan_context
    with protocol_errors(ctx, uri=params.uri):
        contact_id = contact_id_in(params.uri)
        if contact_id is None:
            data = await read_status(app, names)
        else:
            check_rate_limit(app)
            answer = await read_contact(app, contact_id, names)
            data = answer.data
            record_contacts(answer.contacts, answer.unlisted)
    contents = TextResourceContents(uri=params.uri, mime_type=MIME_TYPE, text=to_json(data).decode())
    return ReadResourceResult(contents=[contents])


async def complete(ctx: ServerRequestContext[App, Any], params: CompleteRequestParams) -> CompleteResult:
    """Answer ``completion/complete`` from the contacts of recent answers."""
    if isinstance(params.ref, PromptReference):
        argument = find_prompt(params.ref.name).argument
    elif params.ref.uri == CONTACT.uri:
        argument = "contact_id"
    else:
        raise MCPError(INVALID_PARAMS, "Unknown template: resources/templates/list returns all of them.")
    if params.argument.name != argument:
        raise MCPError(INVALID_PARAMS, f"Unknown argument: only {argument} can be completed here.")
    with protocol_errors(ctx):
        recent = await ctx.lifespan_context.recall()
    values = recent.completions(argument, params.argument.value)
    shown = values[:_MAX_COMPLETIONS]
    record_contacts(recent.contacts_with(argument, shown))
    return CompleteResult(
        completion=Completion(values=shown, total=len(values), has_more=len(values) > _MAX_COMPLETIONS)
    )
