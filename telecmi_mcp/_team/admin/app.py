"""Builds the ASGI app of the administrators' listener: ``/metrics`` and ``/status``, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from telecmi_mcp._team.admin.authentication import BasicAuthentication, read_admin_key
from telecmi_mcp._team.admin.page import render, style_hash
from telecmi_mcp._team.admin.status import StatusSource
from telecmi_mcp._team.config import variables
from telecmi_mcp._team.config.addresses import authority_of
from telecmi_mcp._team.http.allowed_hosts import AllowedHosts
from telecmi_mcp._team.http.concurrency import RequestBounds, Slots
from telecmi_mcp._team.http.host_origin import HostOriginMiddleware

if TYPE_CHECKING:
    from pydantic import SecretStr
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.config.variables import Address
    from telecmi_mcp._team.context import Team
    from telecmi_mcp._team.policy.build import AdminMetrics

METRICS: Final = "/metrics"
STATUS: Final = "/status"

MAX_CONNECTIONS: Final = 16
"""Maximum number of connections of administrators."""

MAX_REQUESTS: Final = 8
"""Maximum number of their simultaneous requests."""

_REQUEST_TIMEOUT_S = 10.0
_NEEDS_KEY = f"Only programs on this machine may call: see {variables.ADMIN_KEY_FILE.variable}."
_POLICY = "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NOT_READY = "The server starts or stops: try again in a second."


class AdminPages:
    """The two pages of one process.

    Args:
        settings: The configuration.
    """

    def __init__(self, settings: TeamSettings) -> None:
        self._settings = settings
        self._admin: AdminMetrics | None = None
        self._source: StatusSource | None = None

    def watch(self, team: Team | None) -> None:
        """Show this team from now on; ``None`` means that the process does not serve calls."""
        self._admin = admin = None if team is None else team.policy.admin
        self._source = StatusSource(team, admin, self._settings) if team and admin else None

    def routes(self) -> list[Route]:
        """Return the two addresses."""
        return [Route(METRICS, self._metrics, methods=["GET"]), Route(STATUS, self._status, methods=["GET"])]

    async def _metrics(self, request: Request) -> Response:
        if self._admin is None:
            return PlainTextResponse(_NOT_READY, 503)
        body, media_type = self._admin.prometheus.exposition(request.headers.get("accept", ""))
        return Response(body, media_type=media_type)

    async def _status(self, _: Request) -> Response:
        if self._source is None:
            return PlainTextResponse(_NOT_READY, 503)
        return HTMLResponse(render(await self._source.collect()))


def build_admin_app(pages: AdminPages, settings: TeamSettings, address: Address, *, secrets: KnownSecrets) -> ASGIApp:
    """Return the app of the administrators' listener.

    Args:
        pages: The pages.
        settings: The configuration.
        address: The address of the listener.
        secrets: Collects the administrators' key, so that the log can mask it.

    Raises:
        ConfigurationError: The key cannot be read.
    """
    path = settings.admin_key_file
    key = None if path is None else read_admin_key(path)
    secrets.add(key)
    routes = Starlette(routes=pages.routes())
    routes.router.redirect_slashes = False
    bounded = RequestBounds(routes, Slots(MAX_REQUESTS, most_each=MAX_REQUESTS), seconds=_REQUEST_TIMEOUT_S)
    return _with_headers(_guarded(bounded, _allowed_hosts(settings, address), key))


def _guarded(app: ASGIApp, allowed_hosts: AllowedHosts, key: SecretStr | None) -> ASGIApp:
    """Check Host and Origin first, then the key."""
    inner = app if key is None else BasicAuthentication(app, key)
    return HostOriginMiddleware(inner, allowed_hosts, this_machine_only=key is None, elsewhere=_NEEDS_KEY)


def _allowed_hosts(settings: TeamSettings, address: Address) -> AllowedHosts:
    """Return the hosts of the other listener, and this one's own address."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    own = None if address.is_any else authority_of(f"{host}:*")
    rules = AllowedHosts.of(settings)
    return AllowedHosts((*rules.hosts, *filter(None, [own])), rules.origins, loopback=address.is_loopback)


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Add to every answer, refusals included, what keeps it out of caches, frames and other pages."""
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY.format(style_hash())}

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await app(scope, receive, sending)

    return handle
