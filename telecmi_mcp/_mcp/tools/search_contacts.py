"""The tool ``search_contacts``: finds contacts by name, number, e-mail address, company or title."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

from pydantic import Field

from telecmi_mcp._index.result import utc_time
from telecmi_mcp._mcp.tools.schemas import CONTACT_SCHEMA, closed_object, contact_data, without_none
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool
from telecmi_mcp._models import MatchName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import SearchResult

_MAX_QUERY_CHARACTERS = 200
_MAX_MATCHES = 25


class SearchContactsArguments(Arguments):
    """Arguments of search_contacts."""

    expected: ClassVar[Mapping[str, str]] = {
        "query": f"text of 1 to {_MAX_QUERY_CHARACTERS} characters",
        "limit": f"an integer from 1 to {_MAX_MATCHES}",
    }

    query: Annotated[
        str,
        Field(
            min_length=1,
            max_length=_MAX_QUERY_CHARACTERS,
            description="Name, number, e-mail, company, title.",
            examples=["Priya Acme"],
        ),
    ]
    limit: Annotated[int, Field(ge=1, le=_MAX_MATCHES, description="Maximum matches.")] = 5


async def _search_contacts(app: App, arguments: SearchContactsArguments, report: Report) -> Answer:
    result = await app.directory.search(arguments.query, limit=arguments.limit, report=report)
    return Answer(_result_data(result), len(result.hits))


def _result_data(result: SearchResult) -> dict[str, Any]:
    return without_none(
        {
            "matches": [{**contact_data(hit.contact), "match": hit.match} for hit in result.hits],
            "has_more": result.has_more,
            "as_of": utc_time(result.as_of),
            "indexed": result.indexed,
            "count": result.count,
            "complete": result.complete,
            "notice": result.notice or None,
        }
    )


_MATCH_SCHEMA = closed_object(
    {**CONTACT_SCHEMA["properties"], "match": {"type": "string", "enum": list(get_args(MatchName))}},
    "contact_id",
    "match",
)

SEARCH_CONTACTS = Tool(
    name="search_contacts",
    title="Search TeleCMI contacts",
    description=(
        'Find people: "what is Priya\'s number at Acme?" Accepts typos, partial names and Indian scripts. '
        "A partial match lacks words of the query: do not present it as the person asked for."
    ),
    summary="Find people by name, number, e-mail address, company or title, with typos and initials.",
    arguments=SearchContactsArguments,
    output_schema=closed_object(
        {
            "matches": {"type": "array", "items": _MATCH_SCHEMA},
            "has_more": {"type": "boolean"},
            "as_of": {"type": "string"},
            "indexed": {"type": "integer", "description": "Contacts searched."},
            "count": {"type": "integer"},
            "complete": {"type": "boolean", "description": "All were searched."},
            "notice": {"type": "string"},
        },
        "matches",
        "has_more",
        "as_of",
        "indexed",
        "complete",
    ),
    rows="matches",
    run=_search_contacts,
)
