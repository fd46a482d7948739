"""Composition root of the team server: builds the objects that all other parts receive."""

from __future__ import annotations

import logging
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._config.distribution import requirement
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.accounts.app_pool import MAX_TELECMI_CONNECTIONS, open_apps
from telecmi_mcp._team.policy.build import open_policy
from telecmi_mcp.errors import ConfigurationError, DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import httpx2

    from telecmi_mcp._api.http import UpstreamHealth
    from telecmi_mcp._app import App
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.index.indexes import Indexes
    from telecmi_mcp._team.policy.build import Policy

_log = logging.getLogger(__name__)

_MIGRATION_RETRY_S = 2.0  # until the schema of a database that was unreachable is checked again


@dataclass(frozen=True, slots=True)
class Team:
    """Objects of one process of the team server.

    Attributes:
        database: The database; ``None`` for none.
        app_of: Returns the app of a caller. It raises nothing for a caller without a sign-in: the tools raise the
            error when they need a token.
        upstream_health: Whether TeleCMI answers, for all accounts together.
        policy: Limits, audit, metrics and spans.
    """

    database: Database | None
    app_of: Callable[[str], Awaitable[App]]
    upstream_health: UpstreamHealth
    policy: Policy


def require_extra(settings: TeamSettings) -> None:
    """Check that the packages are installed that the settings need.

    Raises:
        ConfigurationError: The sentence says what to install.
    """
    has_pages = settings.admin_listen is not None
    needed = {
        "psycopg": bool(settings.database_url),
        "jwt": settings.callers == "oauth",
        "jinja2": has_pages,
        "prometheus_client": has_pages,
    }
    if any(is_needed and find_spec(name) is None for name, is_needed in needed.items()):
        raise ConfigurationError(
            hint=f"Install what a team server needs: pip install '{requirement('team')}'",
            fact="a database, access keys, OAuth and administrators' pages come with it",
        )


def choose_database(settings: TeamSettings) -> Database | None:
    """Return the database that the settings name, not yet opened; ``None`` if they name none."""
    if settings.database_url is None:
        return None
    from telecmi_mcp._team.db.database import Database  # needs an extra

    return Database(settings.database_url, direct_url=settings.database_direct_url)


@asynccontextmanager
async def open_team(
    settings: TeamSettings,
    *,
    database: Database | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    state: Path | None = None,
    secrets: KnownSecrets | None = None,
    telecmi_connections: int = MAX_TELECMI_CONNECTIONS,
) -> AsyncIterator[Team]:
    """Build the objects of one process, and close them at the end.

    The process starts without a reachable database too: it migrates the schema as soon as it can connect.

    Args:
        settings: The configuration.
        database: The database, as ``choose_database`` returns it.
        transport: Replaces the network: a TeleCMI stand-in in this process.
        state: Folder where ``telecmi-mcp login`` keeps sign-ins; ``None`` reads and writes none.
        secrets: Collects every token and password, so that the log can mask them.
        telecmi_connections: Maximum number of connections to TeleCMI.
    """
    async with (
        _opened(database),
        _with_policy(settings, database, secrets) as policy,
        _with_indexes(database) as indexes,
        open_apps(
            settings,
            database,
            open_location=indexes.open_location if indexes else None,
            hooks_for=policy.hooks_for,
            connections=telecmi_connections,
            on_surplus=policy.metrics.count_surplus,
            transport=transport,
            state=state,
            secrets=secrets,
        ) as apps,
        indexes.with_recovery(apps) if indexes else nullcontext(),
    ):
        yield Team(database, apps.app_of, apps.upstream_health, policy)


@asynccontextmanager
async def _with_indexes(database: Database | None) -> AsyncIterator[Indexes | None]:
    """Yield the indexes in the database; without a database each process has a local index."""
    if database is None:
        yield None
        return
    from telecmi_mcp._team.index.indexes import open_indexes  # needs an extra

    async with open_indexes(database) as indexes:
        yield indexes


@asynccontextmanager
async def _with_policy(
    settings: TeamSettings, database: Database | None, secrets: KnownSecrets | None
) -> AsyncIterator[Policy]:
    stack = ExitStack()
    policy = stack.enter_context(open_policy(settings, database, secrets=secrets))
    try:
        yield policy
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(stack.close)


@asynccontextmanager
async def _opened(database: Database | None) -> AsyncIterator[None]:
    if database is None:
        yield
        return
    async with open_tasks() as tasks:
        await run_sync(database.open)
        try:
            if not await _migrate(database):
                tasks.start_soon(_migrate_later, database)
            yield
        finally:
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await run_sync(database.close)


async def _migrate_later(database: Database) -> None:
    while not await _migrate(database):  # noqa: ASYNC110 - PostgreSQL sends no event when it is back
        await anyio.sleep(_MIGRATION_RETRY_S)


async def _migrate(database: Database) -> bool:
    """Bring the schema up to date, and return whether it is."""
    try:
        steps = await run_sync(database.migrate)
    except DatabaseUnavailable as why:
        is_missing = await run_sync(database.is_missing)
        fact = "its server has no database of the name in TELECMI_DATABASE_URL" if is_missing else why.detail
        _log.warning("the database is unreachable; its schema is migrated once it is back: %s", fact)
        return False
    except StatementRejected:  # ``Database`` has logged it; the administrator can correct it without a restart
        return False
    if steps:
        _log.info("applied %d migrations of the database schema", steps)
    return True
