"""Addresses of the MCP endpoint and of the metadata by which clients find the issuer of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import unquote, urlsplit

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl, TypeAdapter, UrlConstraints
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from telecmi_mcp._team.config.settings import TeamSettings

PATH: Final = "/mcp"


def endpoint_routes(app: ASGIApp, settings: TeamSettings) -> list[Route]:
    """Return the routes of the MCP endpoint: ``/mcp``, and the path of the public address.

    A proxy with a path prefix may strip the prefix or not. Both paths are served with and without a slash at the end,
    because many clients lose the header Authorization when they follow a redirect.
    """
    paths = [PATH, unquote(urlsplit(settings.public_url).path)] if settings.public_url else [PATH]
    return [Route(path, endpoint=app) for path in _with_and_without_slash(paths)]


def metadata_url(settings: TeamSettings) -> str:
    """Return the address of the resource metadata (RFC 9728); "" where no issuer issues tokens."""
    return str(build_resource_metadata_url(AnyHttpUrl(settings.public_url))) if settings.callers == "oauth" else ""


def metadata_routes(settings: TeamSettings) -> list[Route]:
    """Return the routes of the resource metadata."""
    if settings.callers != "oauth":
        return []
    routes = create_protected_resource_routes(
        resource_url=AnyHttpUrl(settings.public_url),
        authorization_servers=[_to_the_letter(settings.issuer)],
        scopes_supported=[settings.scope],
        resource_name="TeleCMI contacts",
    )
    return [
        Route(path, endpoint=route.endpoint, methods=["GET", "OPTIONS"])
        for route in routes
        for path in _with_and_without_slash([route.path])
    ]


def _with_and_without_slash(paths: list[str]) -> list[str]:
    bare = dict.fromkeys(path.rstrip("/") for path in paths)
    return [each for path in bare for each in (path, f"{path}/") if each]


def _to_the_letter(issuer: str) -> AnyHttpUrl:
    """Return the issuer without the slash that pydantic adds: clients compare it with the provider's own metadata."""
    return TypeAdapter(Annotated[AnyHttpUrl, UrlConstraints(preserve_empty_path=True)]).validate_python(issuer)
