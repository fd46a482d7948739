"""Builds the ASGI app of the team server: ``/mcp`` over Streamable HTTP, for both generations, without sessions."""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from telecmi_mcp._config.logging import configure_logging
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.toolsets import toolset_of
from telecmi_mcp._private_files import state_folder
from telecmi_mcp._server.factory import build_server
from telecmi_mcp._team.auth.bearer import choose_verifier
from telecmi_mcp._team.auth.callers import caller_now
from telecmi_mcp._team.auth.key_events import KeyEvents
from telecmi_mcp._team.config import variables
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.context import choose_database, open_team, require_extra
from telecmi_mcp._team.http.allowed_hosts import AllowedHosts
from telecmi_mcp._team.http.authentication import BearerAuthentication
from telecmi_mcp._team.http.concurrency import (
    MARGIN_S,
    CallerBounds,
    RecentCallers,
    RequestBounds,
    Slots,
    max_requests_for,
)
from telecmi_mcp._team.http.connections import MAX_CONNECTIONS, max_telecmi_connections_for
from telecmi_mcp._team.http.endpoint import Endpoint
from telecmi_mcp._team.http.health import Health
from telecmi_mcp._team.http.host_origin import HostOriginMiddleware
from telecmi_mcp._team.http.limits import BodyBounds
from telecmi_mcp._team.http.refusal import refusal
from telecmi_mcp._team.http.resource_metadata import metadata_routes, metadata_url
from telecmi_mcp._team.http.routes import endpoint_routes
from telecmi_mcp._team.policy.masking import view_of
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    import httpx2
    from mcp.server import ServerRequestContext
    from mcp.server.auth.provider import TokenVerifier
    from mcp.server.context import CallNext, HandlerResult
    from starlette.types import ASGIApp, Receive, Scope, Send

    from telecmi_mcp._team.context import Team


def create_app(environ: Mapping[str, str] | None = None) -> Starlette:
    """Return the team server for any ASGI server: ``uvicorn --factory telecmi_mcp:create_app --workers 4``.

    Each process opens its resources when its ASGI server starts it, and closes them at the end.

    Args:
        environ: Variables with the settings; by default the environment.

    Raises:
        ConfigurationError: A setting is not valid, or two contradict each other.
    """
    settings = TeamSettings.from_env(os.environ if environ is None else environ)
    if settings.admin_listen is not None:  # several workers cannot listen at one address, each with figures of its own
        raise ConfigurationError(
            hint=f"Unset {variables.ADMIN_HTTP.variable}, or run telecmi-mcp serve --http",
            fact="another ASGI server opens no second listener",
        )
    secrets = KnownSecrets()
    if not logging.getLogger().handlers:  # a program that has set up logging keeps its own
        configure_logging(settings.common, secrets)
    return build_app(settings, state=state_folder(), secrets=secrets)


def build_app(
    settings: TeamSettings,
    *,
    max_connections: int = MAX_CONNECTIONS,
    transport: httpx2.AsyncBaseTransport | None = None,
    state: Path | None = None,
    secrets: KnownSecrets | None = None,
    watch: Callable[[Team | None], object] = lambda _: None,
) -> Starlette:
    """Return the same app for settings that were read, in a server with at most so many connections of callers.

    ``watch`` gets the team once it is open, and ``None`` before it closes. The other arguments are those of
    ``open_team``.
    """
    require_extra(settings)
    known = secrets or KnownSecrets()
    known.add(*settings.secrets)
    database = choose_database(settings)
    health, key_events = Health(), KeyEvents()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Team]:
        async with open_team(
            settings,
            database=database,
            transport=transport,
            state=state,
            secrets=known,
            telecmi_connections=max_telecmi_connections_for(max_connections),
        ) as team:
            health.watch(team)
            watch(team)
            try:
                with key_events.audited_by(team.policy.audit.write_key_event):
                    yield team
            finally:
                health.watch(None)
                watch(None)

    requests, allowed_hosts = max_requests_for(max_connections), AllowedHosts.of(settings)
    output = OutputFormat(text=settings.common.text, structured=settings.common.structured)
    toolset = toolset_of(settings.common.tools, settings.common.tool_prefix)
    # The tools of a key may be fewer than those of another one.
    tools_scope: Literal["public", "private"] = "private" if settings.callers == "keys" else "public"
    server = build_server(opened, output, toolset=toolset, middleware=(_as_caller,), tools_scope=tools_scope)
    endpoint = Endpoint(server)
    bounded = _bounded(endpoint, choose_verifier(settings, database, key_events), settings, requests)
    app = Starlette(
        routes=[*endpoint_routes(bounded, settings), *health.routes(), *metadata_routes(settings)],
        middleware=[
            Middleware(HostOriginMiddleware, allowed_hosts, this_machine_only=settings.callers == "anyone"),
            Middleware(_AllowedPages, allowed_hosts),
        ],
        lifespan=lambda _: endpoint.running(),
    )
    app.router.redirect_slashes = False  # behind a proxy it would redirect to another scheme, host or prefix
    return app


async def _as_caller(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Apply the limits of the caller, and replace the team with the caller's app before a handler runs."""
    team: Team = ctx.lifespan_context

    async def call(ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
        caller = caller_now()
        app = view_of(await team.app_of(caller.name), caller, team.policy.quotas)
        return await call_next(replace(ctx, lifespan_context=app))

    return await team.policy.guard(ctx, call)


def _bounded(app: ASGIApp, verifier: TokenVerifier | None, settings: TeamSettings, requests: int) -> ASGIApp:
    """Return the app with all bounds: a request takes a slot, then its caller is verified, then its body is read."""
    seconds = settings.common.timeout + MARGIN_S
    inner = _posts_only(BodyBounds(app))
    if verifier is None:
        return RequestBounds(inner, Slots(requests, most_each=requests), seconds=seconds)
    slots, recent = Slots(requests), RecentCallers()
    verified = CallerBounds(inner, slots, recent)
    protected = BearerAuthentication(verified, verifier, scope=settings.scope, metadata_url=metadata_url(settings))
    return RequestBounds(protected, slots, seconds=seconds, recent=recent)


class _AllowedPages(CORSMiddleware):
    """Lets pages of allowed origins read answers."""

    def __init__(self, app: ASGIApp, allowed_hosts: AllowedHosts) -> None:
        super().__init__(app, allow_methods=["POST"], allow_headers=["*"], expose_headers=["WWW-Authenticate"])
        self._allowed_hosts = allowed_hosts

    def is_allowed_origin(self, origin: str) -> bool:
        return self._allowed_hosts.allows_cors_origin(origin)


def _posts_only(app: ASGIApp) -> ASGIApp:
    """Answer 405 to other methods than POST: there are no sessions to end and no streams to open."""
    not_posted = refusal("Send messages by POST: there are no sessions here.", 405, {"Allow": "POST"})

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["method"] == "POST" else not_posted)(scope, receive, send)

    return handle
