"""The tool ``list_contacts``: reads all contacts, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from telecmi_mcp._api.cursors import MAX_CURSOR, pack_cursor, unpack_cursor
from telecmi_mcp._api.protocol import MAX_LIMIT
from telecmi_mcp._mcp.tools.coercion import INTEGER
from telecmi_mcp._mcp.tools.schemas import CONTACT_SCHEMA, closed_object, contacts_data, without_none
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._models import ContactPage


class ListContactsArguments(Arguments):
    """Arguments of list_contacts."""

    expected: ClassVar[Mapping[str, str]] = {
        "limit": f"an integer from 1 to {MAX_LIMIT}",
        "page_state": "the page_state of the previous answer, unchanged",
    }

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Contacts per page."), INTEGER] = 10
    page_state: Annotated[str, Field(max_length=MAX_CURSOR, description="From the previous page.")] = ""


async def _list_contacts(app: App, arguments: ListContactsArguments, _: Report) -> Answer:
    page_state = unpack_cursor(arguments.page_state) or None
    page = await app.directory.list_contacts(limit=arguments.limit, page_state=page_state)
    data = page_data(page)
    return Answer(data, data["contacts"])


def page_data(page: ContactPage) -> dict[str, Any]:
    """Return a page as a JSON object."""
    return without_none(
        {
            "contacts": contacts_data(page.contacts),
            "count": page.count,
            "has_more": page.page_state is not None,
            "page_state": None if page.page_state is None else pack_cursor(page.page_state),
            "notice": page.notice or None,
        }
    )


LIST_CONTACTS = Tool(
    name="list_contacts",
    title="List TeleCMI contacts",
    description=(
        "Go through all contacts, page by page; to find some, use search_contacts. Pass page_state back unchanged, "
        "with the same limit, until has_more is false; an empty page is not the end."
    ),
    summary="Go through all contacts, page by page.",
    arguments=ListContactsArguments,
    output_schema=closed_object(
        {
            "contacts": {"type": "array", "items": CONTACT_SCHEMA},
            "count": {"type": "integer", "description": "In the organisation."},
            "has_more": {"type": "boolean"},
            "page_state": {"type": "string"},
            "notice": {"type": "string"},
        },
        "contacts",
        "has_more",
    ),
    rows="contacts",
    run=_list_contacts,
)
