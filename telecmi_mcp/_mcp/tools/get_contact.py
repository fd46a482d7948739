"""The tool ``get_contact``: reads one contact by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from telecmi_mcp._mcp.tools.schemas import CONTACT_SCHEMA, closed_object, contact_data
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report

CONTACT_ID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class GetContactArguments(Arguments):
    """Arguments of get_contact."""

    expected: ClassVar[Mapping[str, str]] = {
        "contact_id": "a UUID, such as d3b07384-d113-4ec5-a5ae-be81d6e3c239",
    }

    contact_id: Annotated[
        str,
        Field(
            pattern=CONTACT_ID_PATTERN,
            # The schema shows a shorter pattern than the one that is checked, and no format: Gemini's own schema
            # accepts two formats of a string and refuses all others (docs/compatibility.md).
            json_schema_extra={"pattern": "^[0-9a-fA-F-]{36}$"},
            description="The contact's UUID.",
        ),
    ]


async def _get_contact(app: App, arguments: GetContactArguments, _: Report) -> Answer:
    data = contact_data(await app.directory.get_contact(arguments.contact_id))
    return Answer(data, [data])


GET_CONTACT = Tool(
    name="get_contact",
    title="Get a TeleCMI contact",
    description="Returns one contact by its id. Without an id, use search_contacts.",
    summary="Read one contact by its id.",
    arguments=GetContactArguments,
    output_schema=closed_object({**CONTACT_SCHEMA["properties"], "notice": {"type": "string"}}, "contact_id"),
    rows="",
    run=_get_contact,
)
