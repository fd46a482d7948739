"""Addresses of the MCP endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp

    from telecmi_mcp._team.config.settings import TeamSettings

PATH: Final = "/mcp"


def endpoint_routes(app: ASGIApp, settings: TeamSettings) -> list[Route]:
    """Return the routes of the MCP endpoint: ``/mcp``, and the path of the public address.

    A proxy with a path prefix may strip the prefix or not. Both paths are served with and without a slash at the end,
    because many clients lose the header Authorization when they follow a redirect.
    """
    paths = [PATH, unquote(urlsplit(settings.public_url).path)] if settings.public_url else [PATH]
    return [Route(path, endpoint=app) for path in with_and_without_slash(paths)]


def with_and_without_slash(paths: Iterable[str]) -> list[str]:
    """Return each path in both spellings, once."""
    bare = dict.fromkeys(path.rstrip("/") for path in paths)
    return [each for path in bare for each in (path, f"{path}/") if each]
