"""The tools ``search`` and ``fetch``, in the form that ChatGPT's apps, deep research and company knowledge need.

Source: OpenAI, "Building MCP servers for ChatGPT and API integrations" and "Company knowledge compatibility"
(docs/clients.md has the dates). The arguments are exactly one text each; their limits are checked, but not in the
schemas, because ChatGPT compares those. An answer has the members of OpenAI's form. ``notice`` is ours: without it a
reader would take the closest contacts for the ones asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp._mcp.tools.get_contact import CONTACT_ID_PATTERN
from telecmi_mcp._mcp.tools.schemas import closed_object, contact_data
from telecmi_mcp._mcp.tools.search_contacts import MAX_QUERY_CHARACTERS
from telecmi_mcp._mcp.tools.tool import Answer, Arguments, Tool
from telecmi_mcp.errors import ContactsIncomplete, InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._app import App
    from telecmi_mcp._index.directory import Report
    from telecmi_mcp._index.result import SearchResult
    from telecmi_mcp._models import Contact

_MAX_RESULTS = 10
_UNTITLED = "Contact"
_DOT_SEGMENTS = {".", ".."}  # percent-encoding does not change them, and a browser removes them from a path
_DOCUMENT: dict[str, Any] = {"id": {"type": "string"}, "title": {"type": "string"}, "url": {"type": "string"}}
_CANNOT_COUNT = "search only finds contacts; it cannot count, group or list them. TeleCMI gives no dates."


def _plain_text(schema: dict[str, Any]) -> None:
    """Leave the limits of a text out of the schema."""
    for name in ("maxLength", "pattern"):
        schema.pop(name, None)


class SearchArguments(Arguments):
    """Arguments of search."""

    expected: ClassVar[Mapping[str, str]] = {"query": f"text of 1 to {MAX_QUERY_CHARACTERS} characters"}

    query: Annotated[
        str,
        Field(
            max_length=MAX_QUERY_CHARACTERS,
            json_schema_extra=_plain_text,
            description="Name, number, e-mail address, company or job title, such as: Priya Acme.",
        ),
    ]


class FetchArguments(Arguments):
    """Arguments of fetch."""

    expected: ClassVar[Mapping[str, str]] = {"id": "the id of a result of search, which is a UUID"}

    id: Annotated[
        str, Field(pattern=CONTACT_ID_PATTERN, json_schema_extra=_plain_text, description="The id of a result.")
    ]


async def _search(app: App, arguments: SearchArguments, report: Report) -> Answer:
    query = arguments.query.strip()
    if not query:
        raise InvalidArguments(hint="Missing query", fact=f"pass {arguments.expected['query']}")
    result = await app.directory.search(SearchRequest(query=query, limit=_MAX_RESULTS), report=report)
    if not (result.hits or result.is_confirmed or result.by_id or result.found.no_question):
        # An empty list would say that nobody matches, to whatever reads only the members of OpenAI's form.
        raise ContactsIncomplete(fact="no contact matches so far, and not all contacts are read yet")
    results = [_document(hit.contact, app.settings.contact_url) for hit in result.hits]
    notice = _search_notice(result)
    return Answer({"results": results, **({"notice": notice} if notice else {})}, results)


def _search_notice(result: SearchResult) -> str:
    cannot = _CANNOT_COUNT if result.asks_to_count else ""
    total, shown = result.found.total, len(result.hits)
    more = f"{total} contacts match, and the first {shown} are given: a query with more words finds fewer."
    return " ".join(filter(None, (cannot, more if total > shown else "", result.notice)))


async def _fetch(app: App, arguments: FetchArguments, _: Report) -> Answer:
    contact = await app.directory.get_contact(arguments.id)
    # A field holds no line break (_sanitize.py), so none can look like another field or like the notice.
    text = "\n".join(f"{name}: {value}" for name, value in contact_data(contact).items())
    document = _document(contact, app.settings.contact_url)
    data = {"id": document["id"], "title": document["title"], "text": text, "url": document["url"]}
    return Answer(data, [data])


def _add_line(data: dict[str, Any], notice: str) -> dict[str, Any]:
    return {**data, "text": f"{data['text']}\nnotice: {notice}"}


def _document(contact: Contact, url: str) -> dict[str, str]:
    return {"id": contact.contact_id, "title": title_of(contact), "url": url_of(contact, url)}


def title_of(contact: Contact) -> str:
    """Return the name and the company of a contact, or what else identifies it; never ""."""
    from telecmi_mcp._search.fields.placeholders import missing_fields  # with the first call, not with the server

    missing = missing_fields(contact)
    known = {name: text for name, text in contact_data(contact).items() if name not in missing}
    name = " ".join(known[field] for field in ("first_name", "last_name") if field in known)
    title = ", ".join(filter(None, (name, known.get("company"))))
    return title or known.get("phone_no") or known.get("email_id") or _UNTITLED


def url_of(contact: Contact, template: str) -> str:
    """Return the URL of a contact's page; "" if there is none, or if the id would lead to another page."""
    if contact.contact_id in _DOT_SEGMENTS:
        return ""
    return template.replace("{contact_id}", quote(contact.contact_id, safe=""))


SEARCH = Tool(
    name="search",
    title="Search TeleCMI contacts",
    description=(
        f"Find people: up to {_MAX_RESULTS} contacts with id and title (name, company), best first. Accepts typos, "
        "partial names and other scripts. For numbers and e-mail addresses call fetch with the id. If notice says that "
        "words are missing, the results are not the person asked for."
    ),
    summary="Find up to 10 contacts, in the form that ChatGPT needs.",
    arguments=SearchArguments,
    output_schema=closed_object(
        {
            "results": {"type": "array", "items": closed_object(_DOCUMENT, *_DOCUMENT)},
            "notice": {"type": "string", "description": "What the user must be told."},
        },
        "results",
    ),
    rows="results",
    run=_search,
)

FETCH = Tool(
    name="fetch",
    title="Fetch a TeleCMI contact",
    description="Returns all fields of one contact as text. Without an id, use search.",
    summary="Read one contact by its id, in the form that ChatGPT needs.",
    arguments=FetchArguments,
    output_schema=closed_object({**_DOCUMENT, "text": {"type": "string"}}, "id", "title", "text", "url"),
    rows="",
    run=_fetch,
    with_notice=_add_line,
)
