"""The tool ``lookup_contacts``: looks up many names, numbers, addresses and ids at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args

from pydantic import Field

from telecmi_mcp._index.request import MAX_LOOKUP_CONTACTS
from telecmi_mcp._index.result import LookupStatus
from telecmi_mcp._mcp.tools.coercion import ARRAY, decode_array
from telecmi_mcp._mcp.tools.schemas import CONTACT_SCHEMA, closed_object
from telecmi_mcp._mcp.tools.search_contacts import MAX_QUERY_CHARACTERS, match_data
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool
from telecmi_mcp._mcp.tools.whole_values import lookup_whole_values
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import LookupResult

MAX_QUERIES = 100
_MAX_CONTACTS = 120


class LookupContactsArguments(Arguments):
    """Arguments of lookup_contacts."""

    expected: ClassVar[Mapping[str, str]] = {
        "queries": f"an array of 1 to {MAX_QUERIES} texts of 1 to {MAX_QUERY_CHARACTERS} characters",
    }

    queries: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]],
        Field(
            min_length=1, max_length=MAX_QUERIES, description="Names (add the company), numbers, e-mails or ids, mixed."
        ),
        ARRAY,
    ]


async def _lookup_contacts(app: App, arguments: LookupContactsArguments, report: Report) -> Answer:
    queries = arguments.queries
    if app.admit_whole_values is None or not any(map(app.client.mask.hides, queries)):
        data = result_data(await app.directory.lookup(queries, report=report))
    else:
        data = await _with_whole_values(app, queries, report)
    return Answer(data, sum(len(each["contacts"]) for each in data["results"]))


async def _with_whole_values(app: App, queries: Sequence[str], report: Report) -> dict[str, Any]:
    """Look up whole masked values without the mask, and everything else with it."""
    hidden = [query for query in queries if app.client.mask.hides(query)]
    visible = [query for query in queries if query not in hidden]
    found = result_data(await lookup_whole_values(app, hidden, report))
    if not visible:
        return found
    other = result_data(await app.directory.lookup(visible, report=report))
    results = {True: iter(found["results"]), False: iter(other["results"])}
    notices = dict.fromkeys(each["notice"] for each in (found, other) if "notice" in each)
    return {
        "results": [next(results[query in hidden]) for query in queries],
        "complete": found["complete"] and other["complete"],
        **({"notice": " ".join(notices)} if notices else {}),
    }


def result_data(result: LookupResult) -> dict[str, Any]:
    """Return a lookup as a JSON object: at most three contacts for a query, and at most 120 in all."""
    spare = _MAX_CONTACTS - sum(bool(hits.hits) for hits in result.found)
    results = []
    for query, hits in zip(result.queries, result.found, strict=True):
        status = result.status(hits)
        shown = hits.hits[: 1 if status == "found" else 1 + min(spare, MAX_LOOKUP_CONTACTS - 1)]
        spare -= max(0, len(shown) - 1)
        data: dict[str, Any] = {"query": query, "status": status}
        if status == "several":
            data["total"] = hits.total
        results.append({**data, "contacts": [match_data(hit) for hit in shown]})
    notice = {"notice": result.notice} if result.notice else {}
    return {"results": results, "complete": result.is_confirmed, **notice}


def _as_rows(data: dict[str, Any]) -> dict[str, Any]:
    """Return one row for each contact, and one for each query without a contact."""
    rows = []
    for each in data["results"]:
        head = {name: value for name, value in each.items() if name != "contacts"}
        head["query"] = clean(head["query"], limit=MAX_QUERY_CHARACTERS)  # a cell holds no tab and no line break
        rows += [{**head, **contact} for contact in each["contacts"]] or [head]
    return {**data, "results": rows}


LOOKUP_CONTACTS = Tool(
    name="lookup_contacts",
    title="Look up many TeleCMI contacts",
    description=(
        "Look up 1 to 100 people in one call instead of searching for each. "
        "Returns one result for each query, in the same order."
    ),
    summary="Look up to 100 names, numbers, e-mail addresses or ids at once.",
    arguments=LookupContactsArguments,
    output_schema=closed_object(
        {
            "results": {
                "type": "array",
                "items": closed_object(
                    {
                        "query": {"type": "string"},
                        "status": {
                            "type": "string",
                            "enum": list(get_args(LookupStatus)),
                            "description": "unclear: not all contacts were searched, or the query asks for none.",
                        },
                        "total": {"type": "integer", "description": "Only if several."},
                        "contacts": {
                            "type": "array",
                            "items": {"type": "object"},
                            "description": "The first 3, like the matches of search_contacts.",
                        },
                    },
                    "query",
                    "status",
                    "contacts",
                ),
            },
            "complete": {"type": "boolean"},
            "notice": {"type": "string"},
        },
        "results",
        "complete",
    ),
    rows="results",
    row_columns=("query", "status", "total", *CONTACT_SCHEMA["properties"], "match", "found_in"),
    as_rows=_as_rows,
    cost=lambda arguments: _query_count(arguments.get("queries")),
    run=_lookup_contacts,
)


def _query_count(queries: object) -> int:
    """Return how many calls a lookup counts for: one for each query, whatever the check of the arguments says later."""
    queries = decode_array(queries)
    return min(max(1, len(queries)), MAX_QUERIES) if isinstance(queries, list) else 1
