"""Serves the metadata where OAuth clients find who issues tokens for this server (RFC 9728)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl, TypeAdapter, UrlConstraints
from starlette.routing import Route

from telecmi_mcp._team.http.routes import with_and_without_slash

if TYPE_CHECKING:
    from telecmi_mcp._team.config.settings import TeamSettings

ROOT: Final = "/.well-known/oauth-protected-resource"
"""The metadata's address for clients that do not add the path of ``/mcp``."""


def metadata_url(settings: TeamSettings) -> str:
    """Return the address of the metadata, for the challenge; "" where no issuer issues tokens."""
    return str(build_resource_metadata_url(AnyHttpUrl(settings.public_url))) if settings.callers == "oauth" else ""


def metadata_routes(settings: TeamSettings) -> list[Route]:
    """Return the routes of the metadata: the address of RFC 9728, and the root; none without OAuth.

    The challenge names the first. A client that does not read the challenge may look at either: MCP, "Protected
    Resource Metadata Discovery Requirements".
    """
    if settings.callers != "oauth":
        return []
    routes = create_protected_resource_routes(
        resource_url=AnyHttpUrl(settings.public_url),
        authorization_servers=[_to_the_letter(settings.issuer)],
        scopes_supported=[settings.scope],
        resource_name="TeleCMI contacts",
    )
    (first,) = routes
    paths = with_and_without_slash([first.path, ROOT])
    return [Route(path, endpoint=first.endpoint, methods=["GET", "OPTIONS"]) for path in paths]


def _to_the_letter(issuer: str) -> AnyHttpUrl:
    """Return the issuer without the slash that pydantic adds: clients compare it with the provider's own metadata."""
    return TypeAdapter(Annotated[AnyHttpUrl, UrlConstraints(preserve_empty_path=True)]).validate_python(issuer)
