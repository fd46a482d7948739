"""The tool ``search_contacts``: finds contacts by name, number, e-mail address, company or title, and by filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

from pydantic import Field

from telecmi_mcp._api.cursors import MAX_CURSOR
from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp._index.result import utc_time
from telecmi_mcp._mcp.tools.coercion import INTEGER
from telecmi_mcp._mcp.tools.filters import EXPECTED_FILTERS, Company, JobTitle, Missing, filters_of
from telecmi_mcp._mcp.tools.page_state import pack_position, unpack_position
from telecmi_mcp._mcp.tools.schemas import CONTACT_SCHEMA, closed_object, contact_data, without_none
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool
from telecmi_mcp._models import MatchName
from telecmi_mcp.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import SearchResult
    from telecmi_mcp._search import Hit

MAX_QUERY_CHARACTERS = 200
_MAX_MATCHES = 100
_COUNT_INSTEAD = (
    "search_contacts finds contacts; count_contacts counts and groups them; company, job_title and missing are "
    "filters of both. TeleCMI gives no dates."
)
_PLAIN_FIELDS = ({"name"}, {"company"}, {"job_title"}, {"name", "company"}, set[str]())


class SearchContactsArguments(Arguments):
    """Arguments of search_contacts."""

    expected: ClassVar[Mapping[str, str]] = {
        "query": f"text of 1 to {MAX_QUERY_CHARACTERS} characters",
        **EXPECTED_FILTERS,
        "limit": f"an integer from 1 to {_MAX_MATCHES}",
        "page_state": "the page_state of the previous answer, unchanged",
    }

    query: Annotated[
        str,
        Field(
            max_length=MAX_QUERY_CHARACTERS,
            description="Name, number, e-mail, company, title. Optional with a filter.",
            examples=["Priya Acme"],
        ),
    ] = ""
    company: Company = ""
    job_title: JobTitle = ""
    missing: Missing = ()
    limit: Annotated[int, Field(ge=1, le=_MAX_MATCHES, description="Maximum matches."), INTEGER] = 10
    page_state: Annotated[
        str, Field(max_length=MAX_CURSOR, description="page_state of the previous answer, with the same arguments.")
    ] = ""


async def _search_contacts(app: App, arguments: SearchContactsArguments, report: Report) -> Answer:
    query, filters = arguments.query.strip(), filters_of(arguments)
    if not (query or filters):
        raise InvalidArguments(hint="Missing query", fact="pass query, company, job_title or missing")
    request = SearchRequest(query=query, filters=filters, limit=arguments.limit)
    if arguments.page_state:
        request = unpack_position(arguments.page_state, request, account=await app.account())
    result = await app.directory.search(request, report=report)
    page_state = None
    if result.found.position is not None and result.is_kept:
        page_state = pack_position(result.found.position, result.created_at, request, account=await app.account())
    advice = _COUNT_INSTEAD if result.asks_to_count else ""
    data = _result_data(result, query, page_state)
    return Answer(data, data["matches"], advice=advice)


def _result_data(result: SearchResult, query: str, page_state: str | None) -> dict[str, Any]:
    found = result.found
    data: dict[str, Any] = {
        "matches": [match_data(hit) if query else contact_data(hit.contact) for hit in found.hits],
        "total": found.total,
        "has_more": found.has_more,
        "page_state": page_state,
        "complete": result.is_confirmed,
        "companies": list(found.companies) or None,
    }
    if not (result.is_confirmed and found.total):
        data |= {"indexed": result.indexed, "count": result.count, "as_of": utc_time(result.as_of)}
    return without_none({**data, "notice": result.notice or None})


def match_data(hit: Hit) -> dict[str, Any]:
    """Return a match as a JSON object, with the fields in which the words were found if that is not plain."""
    data = {**contact_data(hit.contact), "match": hit.match}
    return data if set(hit.fields) in _PLAIN_FIELDS else {**data, "found_in": list(hit.fields)}


MATCH_SCHEMA: dict[str, Any] = {
    "type": "string",
    "enum": list(get_args(MatchName)),
    "description": (
        "exact: has all words, in any script, abbreviation or legal form. "
        "prefix: beginnings, initials, or an end of a number. fuzzy: another spelling of them. partial: lacks words. "
        "Absent without query."
    ),
}

SEARCH_CONTACTS = Tool(
    name="search_contacts",
    title="Search TeleCMI contacts",
    description=(
        'Find people: "what is Priya\'s number at Acme?" Accepts typos, partial names and other scripts. '
        "A partial match lacks words of the query: do not present it as the person asked for. "
        "company, job_title and missing are filters; total counts all pages."
    ),
    summary="Find people by name, number, e-mail address, company or title, with typos and initials, and by filters.",
    arguments=SearchContactsArguments,
    output_schema=closed_object(
        {
            "matches": {
                "type": "array",
                "items": closed_object(
                    {
                        **CONTACT_SCHEMA["properties"],
                        "match": MATCH_SCHEMA,
                        "found_in": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "Only if several fields hold the words.",
                        },
                    },
                    "contact_id",
                ),
            },
            "total": {"type": "integer", "description": "Matches that are not partial, on all pages."},
            "has_more": {"type": "boolean"},
            "page_state": {"type": "string"},
            "complete": {"type": "boolean", "description": "True if every contact was searched."},
            "indexed": {"type": "integer", "description": "Contacts searched."},
            "count": {"type": "integer", "description": "Contacts in the organisation."},
            "as_of": {"type": "string"},
            "companies": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Companies that the filter stands for, one spelling each.",
            },
            "notice": {"type": "string"},
        },
        "matches",
        "total",
        "has_more",
        "complete",
    ),
    rows="matches",
    run=_search_contacts,
)
