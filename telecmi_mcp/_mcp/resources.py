"""The resources: their URIs and contents. The tools return the same data; no tool depends on a resource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from telecmi_mcp import __version__
from telecmi_mcp._index.result import utc_time
from telecmi_mcp._mcp.tools.get_contact import GET_CONTACT
from telecmi_mcp._mcp.tools.schemas import without_none
from telecmi_mcp.errors import ResourceNotFound, TelecmiError

if TYPE_CHECKING:
    from telecmi_mcp._app import App
    from telecmi_mcp._mcp.tool_names import ToolNames
    from telecmi_mcp._mcp.tools.tool import Answer

MIME_TYPE = "application/json"
MAX_URI = 200
"""Maximum characters of a URI; one whose id is entirely percent-encoded has 127."""

_CONTACT = r"telecmi://contacts/([^/?#]*)"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, or a resource template, as a client shows it."""

    uri: str
    name: str
    title: str
    description: str


STATUS = Resource(
    uri="telecmi://status",
    name="status",
    title="TeleCMI server status",
    description="Version, sign-in, index and rate limit. Reading it sends no request to TeleCMI.",
)
CONTACT = Resource(
    uri="telecmi://contacts/{contact_id}",
    name="contact",
    title="TeleCMI contact",
    description="One contact by its id, as get_contact returns it.",
)


def contact_id_in(uri: str) -> str | None:
    """Return the contact id of a URI, or ``None`` for the URI of the status.

    Scheme and authority match in any case; the id is percent-decoded (RFC 3986, section 6.2.2). The form of the id is
    not checked here.

    Raises:
        ResourceNotFound: The URI is neither of a contact nor of the status.
    """
    if len(uri) > MAX_URI or not uri.isascii():
        raise ResourceNotFound
    if uri.lower() == STATUS.uri:
        return None
    found = re.fullmatch(_CONTACT, uri, re.IGNORECASE)
    if found is None:
        raise ResourceNotFound
    return unquote(found[1])


async def read_contact(app: App, contact_id: str, names: ToolNames) -> Answer:
    """Read a contact exactly as get_contact does.

    Raises:
        TelecmiError: The errors of get_contact.
    """
    return await GET_CONTACT.call(app, {"contact_id": contact_id}, names=names)


async def read_status(app: App, names: ToolNames) -> dict[str, Any]:
    """Return the status, without a request to TeleCMI and without a secret; an error becomes the notice."""
    data: dict[str, Any] = {"version": __version__, "calls_a_minute": app.settings.rate_limit, "signed_in": False}
    try:
        data.update(await _sign_in(app))
        data["index"] = await _index(app)
        notice = app.notice
    except TelecmiError as error:
        notice = names.in_text(str(error))
    return {**data, "notice": notice} if notice else data


async def _sign_in(app: App) -> dict[str, Any]:
    token = await app.tokens.held()
    origin = app.tokens.origin
    known = {"sign_in": origin.source, "renews_itself": origin.renewal} if origin.source else {}
    return {"signed_in": token is not None, **known}


async def _index(app: App) -> dict[str, Any]:
    kept = {"kept": app.settings.index}
    status = await app.directory.status_of(await app.account())
    if status is None:
        return kept
    data = {
        "indexed": status.indexed,
        "count": status.count,
        "complete": status.complete,
        "as_of": utc_time(status.as_of),
    }
    return {**kept, **without_none(data)}
