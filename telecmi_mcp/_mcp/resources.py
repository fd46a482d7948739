"""The resources: URIs, and what is read at them. The tools say the same; nothing depends on these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from telecmi_mcp import __version__
from telecmi_mcp._mcp.tools import TOOLS
from telecmi_mcp.errors import ResourceNotFound, TelecmiError

if TYPE_CHECKING:
    from telecmi_mcp._app import App

MIME_TYPE = "application/json"
MAX_URI = 200
"""The most characters of a URI; one whose id is percent-encoded throughout has 127."""

_CONTACT = r"telecmi://contacts/([^/?#]*)"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, or a template of some, as a client shows it."""

    uri: str
    name: str
    title: str
    description: str


STATUS = Resource(
    uri="telecmi://status",
    name="status",
    title="TeleCMI server status",
    description="Version, sign-in, index and limit of calls. Reading it asks TeleCMI nothing.",
)
CONTACT = Resource(
    uri="telecmi://contacts/{contact_id}",
    name="contact",
    title="TeleCMI contact",
    description="One contact by its id, as get_contact returns it.",
)

_GET_CONTACT = next(tool for tool in TOOLS if tool.name == "get_contact")


def contact_id_in(uri: str) -> str | None:
    """Tell which contact a URI means, or ``None`` for the status.

    Scheme and authority are read in any case, the id with its percent-encoding undone (RFC 3986, section 6.2.2).
    Whether it can be an id is not checked here.

    Raises:
        ResourceNotFound: It is neither.
    """
    if len(uri) > MAX_URI or not uri.isascii():
        raise ResourceNotFound
    if uri.lower() == STATUS.uri:
        return None
    found = re.fullmatch(_CONTACT, uri, re.IGNORECASE)
    if found is None:
        raise ResourceNotFound
    return unquote(found[1])


async def read_contact(app: App, contact_id: str) -> dict[str, Any]:
    """Read a contact exactly as get_contact does.

    Raises:
        TelecmiError: What get_contact says.
    """
    return await _GET_CONTACT.call(app, {"contact_id": contact_id})


async def read_status(app: App) -> dict[str, Any]:
    """Tell how the server stands, without a request to TeleCMI and without a secret; an error becomes its notice."""
    facts: dict[str, Any] = {"version": __version__, "calls_a_minute": app.settings.rate_limit, "signed_in": False}
    try:
        facts.update(await _sign_in(app))
        facts["index"] = await _index(app)
        notice = app.notice
    except TelecmiError as error:
        notice = str(error)
    return {**facts, "notice": notice} if notice else facts


async def _sign_in(app: App) -> dict[str, Any]:
    token = await app.tokens.held()
    origin = app.tokens.origin
    known = {"sign_in": origin.source, "renews_itself": origin.renewal} if origin.source else {}
    return {"signed_in": token is not None, **known}


async def _index(app: App) -> dict[str, Any]:
    kept = {"kept": app.settings.index}
    standing = await app.directory.standing_of(await app.account())
    if standing is None:
        return kept
    facts = {
        "indexed": standing.indexed,
        "count": standing.count,
        "complete": standing.complete,
        "as_of": datetime.fromtimestamp(standing.as_of, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {**kept, **{name: value for name, value in facts.items() if value is not None}}
