"""Builds the ASGI app of the team server: ``/mcp`` over Streamable HTTP, for both generations, without sessions."""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import RequireAuthMiddleware
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import AnyHttpUrl, TypeAdapter, UrlConstraints
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from telecmi_mcp._config.logging import configure_logging
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._mcp.output import OutputFormat
from telecmi_mcp._mcp.toolsets import toolset_of
from telecmi_mcp._private_files import state_folder
from telecmi_mcp._server.factory import build_server
from telecmi_mcp._team.auth.bearer import BearerBackend, answer_unknowable, choose_verifier
from telecmi_mcp._team.auth.callers import caller_now
from telecmi_mcp._team.config import variables
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.context import choose_database, open_team, require_extra
from telecmi_mcp._team.http.allowed_hosts import AllowedHosts
from telecmi_mcp._team.http.concurrency import (
    MARGIN_S,
    CallerBounds,
    RecentCallers,
    RequestBounds,
    Slots,
    max_requests_for,
)
from telecmi_mcp._team.http.connections import MAX_CONNECTIONS, max_telecmi_connections_for
from telecmi_mcp._team.http.deferred_start import DeferredStart
from telecmi_mcp._team.http.health import Health
from telecmi_mcp._team.http.host_origin import HostOriginMiddleware
from telecmi_mcp._team.http.limits import MAX_BODY_BYTES, BodyBounds
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

PATH = "/mcp"


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
    health = Health()

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
                yield team
            finally:
                health.watch(None)
                watch(None)

    requests, allowed_hosts = max_requests_for(max_connections), AllowedHosts.of(settings)
    output = OutputFormat(text=settings.common.text, structured=settings.common.structured)
    toolset = toolset_of(settings.common.tools, settings.common.tool_prefix)
    server = build_server(opened, output, toolset=toolset, middleware=(_as_caller,))
    manager = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=MAX_BODY_BYTES)
    return Starlette(
        routes=[
            Route(PATH, endpoint=_endpoint(manager.asgi_app, choose_verifier(settings, database), settings, requests)),
            *health.routes(),
            *_metadata(settings),
        ],
        middleware=[
            Middleware(HostOriginMiddleware, allowed_hosts, this_machine_only=settings.callers == "anyone"),
            Middleware(_AllowedPages, allowed_hosts),
        ],
        lifespan=lambda _: _running(manager),
    )


@asynccontextmanager
async def _running(manager: StreamableHTTPSessionManager) -> AsyncIterator[None]:
    # Otherwise sse-starlette ends every stream, and so the calls in flight, when uvicorn begins to stop. The SDK
    # creates the responses, so this switch is the only way to reach them. It holds for the whole process.
    AppStatus.enable_automatic_graceful_drain = False
    logging.getLogger("sse_starlette.sse").setLevel(logging.INFO)  # at DEBUG it logs whole answers with their contacts
    async with manager.run():
        yield


async def _as_caller(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Apply the limits of the caller, and replace the team with the caller's app before a handler runs."""
    team: Team = ctx.lifespan_context

    async def call(ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
        return await call_next(replace(ctx, lifespan_context=await team.app_of(caller_now())))

    return await team.policy.guard(ctx, call)


def _endpoint(app: ASGIApp, verifier: TokenVerifier | None, settings: TeamSettings, requests: int) -> ASGIApp:
    """Return the app for ``/mcp``: it takes a slot for the request, then verifies the caller, then reads the body."""
    seconds = settings.common.timeout + MARGIN_S
    inner = _posts_only(BodyBounds(DeferredStart(app)))
    if verifier is None:
        return RequestBounds(inner, Slots(requests, most_each=requests), seconds=seconds)
    slots, recent = Slots(requests), RecentCallers()
    protected = _protected(CallerBounds(inner, slots, recent), verifier, settings)
    return RequestBounds(protected, slots, seconds=seconds, recent=recent)


def _protected(app: ASGIApp, verifier: TokenVerifier, settings: TeamSettings) -> ASGIApp:
    """Require a token that the verifier accepts and that has the scope."""
    metadata = build_resource_metadata_url(AnyHttpUrl(settings.public_url)) if settings.callers == "oauth" else None
    inner = AuthContextMiddleware(RequireAuthMiddleware(app, [settings.scope], metadata))
    return AuthenticationMiddleware(inner, BearerBackend(verifier), answer_unknowable)


def _metadata(settings: TeamSettings) -> list[Route]:
    """Return the routes where clients find the issuer of tokens (RFC 9728)."""
    if settings.callers != "oauth":
        return []
    return create_protected_resource_routes(
        resource_url=AnyHttpUrl(settings.public_url),
        authorization_servers=[_to_the_letter(settings.issuer)],
        scopes_supported=[settings.scope],
        resource_name="TeleCMI contacts",
    )


def _to_the_letter(issuer: str) -> AnyHttpUrl:
    """Return the issuer without the slash that pydantic adds: clients compare it with the provider's own metadata."""
    return TypeAdapter(Annotated[AnyHttpUrl, UrlConstraints(preserve_empty_path=True)]).validate_python(issuer)


class _AllowedPages(CORSMiddleware):
    """Lets pages of allowed origins read answers."""

    def __init__(self, app: ASGIApp, allowed_hosts: AllowedHosts) -> None:
        super().__init__(app, allow_methods=["POST"], allow_headers=["*"], expose_headers=["WWW-Authenticate"])
        self._allowed_hosts = allowed_hosts

    def is_allowed_origin(self, origin: str) -> bool:
        return self._allowed_hosts.allows_cors_origin(origin)


_NOT_POSTED = PlainTextResponse("Send messages by POST: there are no sessions here.", 405, {"Allow": "POST"})


def _posts_only(app: ASGIApp) -> ASGIApp:
    """Answer 405 to other methods than POST: there are no sessions to end and no streams to open."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["method"] == "POST" else _NOT_POSTED)(scope, receive, send)

    return handle
