"""The composition root of a team's server: builds the real objects; everyone else receives them."""

from __future__ import annotations

import logging
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.accounts.app_pool import open_apps
from telecmi_mcp._team.auth.callers import caller_now
from telecmi_mcp._team.policy.build import open_policy
from telecmi_mcp.errors import ConfigurationError, DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import httpx2

    from telecmi_mcp._api.http import UpstreamHealth
    from telecmi_mcp._app import App
    from telecmi_mcp._config.secrets import KnownSecrets
    from telecmi_mcp._team.auth.callers import Caller
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.index.indexes import Indexes
    from telecmi_mcp._team.policy.build import Policy

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 2.0  # after which a database that was away is asked again for its schema


@dataclass(frozen=True, slots=True)
class Team:
    """What one process of a team's server works with.

    Attributes:
        settings: What all of it was built from.
        database: The database; ``None`` for none.
        app_of: What the tools work with for a caller. It raises nothing for a caller who has no sign-in: the tools find
            that out when they need a token.
        outlook: Whether TeleCMI answers, whoever asks.
        oversight: Limits, audit, metrics and spans.
    """

    settings: TeamSettings
    database: Database | None
    app_of: Callable[[Caller], Awaitable[App]]
    upstream_health: UpstreamHealth
    policy: Policy


def require_extra(settings: TeamSettings) -> None:
    """Refuse settings that need more than is installed.

    Raises:
        ConfigurationError: The sentence says what to install.
    """
    needed = {"psycopg": bool(settings.database_url), "jwt": settings.callers == "oauth"}
    if any(is_needed and find_spec(name) is None for name, is_needed in needed.items()):
        raise ConfigurationError(
            hint="Install what a team's server needs: pip install 'telecmi-mcp[team]'",
            fact="a database, access keys and OAuth come with it",
        )


def choose_database(settings: TeamSettings) -> Database | None:
    """Return the database that the settings name, not opened; ``None`` for none."""
    if settings.database_url is None:
        return None
    from telecmi_mcp._team.db.database import Database  # needs an extra

    return Database(settings.database_url)


@asynccontextmanager
async def open_team(
    settings: TeamSettings,
    *,
    database: Database | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    state: Path | None = None,
    secrets: KnownSecrets | None = None,
) -> AsyncIterator[Team]:
    """Build what one process works with, and close it at the end.

    A database that is away does not keep it from starting: its schema is looked after once it is back.

    Args:
        settings: The configuration.
        database: The database, as ``choose_database`` returns it.
        transport: Stands in for the network: a pretend TeleCMI in this process.
        state: The folder of what ``telecmi-mcp login`` keeps; ``None`` looks nothing up and keeps nothing.
        secrets: Learns every token and password that is met, for the log.
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
            on_surplus=policy.metrics.count_surplus,
            transport=transport,
            state=state,
            secrets=secrets,
        ) as apps,
        indexes.with_recovery(apps) if indexes else nullcontext(),
    ):
        yield Team(settings, database, apps.app_of, apps.upstream_health, policy)


@asynccontextmanager
async def _with_indexes(database: Database | None) -> AsyncIterator[Indexes | None]:
    """Give the mirrors of the database; without one, each process has the desk's kinds of index."""
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
    policy = stack.enter_context(open_policy(settings, database, caller_now=caller_now, secrets=secrets))
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
    while not await _migrate(database):  # noqa: ASYNC110 - nobody tells when the database is back
        await anyio.sleep(_AGAIN_SECONDS)


async def _migrate(database: Database) -> bool:
    """Bring the schema up to date; whether that is done."""
    try:
        steps = await run_sync(database.migrate)
    except DatabaseUnavailable as why:
        is_missing = await run_sync(database.is_missing)
        fact = "its server has no database of the name in TELECMI_DATABASE_URL" if is_missing else why.detail
        _log.warning("the database is away, its schema is looked after once it is back: %s", fact)
        return False
    except StatementRejected:  # which the database has logged; whoever runs it can mend that without a restart
        return False
    if steps:
        _log.info("the database's schema took %d steps", steps)
    return True
