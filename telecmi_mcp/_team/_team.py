"""The composition root of a team's server: builds the real objects; everyone else receives them."""

from __future__ import annotations

import logging
from contextlib import ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._tasks import open_tasks
from telecmi_mcp._team._callers import caller_now
from telecmi_mcp._team._oversight._oversight import open_oversight
from telecmi_mcp._team._sign_ins._apps import open_apps
from telecmi_mcp.errors import ConfigurationError, DatabaseAway, DatabaseUnusable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import httpx2

    from telecmi_mcp._app import App
    from telecmi_mcp._http import Outlook
    from telecmi_mcp._secrets import KnownSecrets
    from telecmi_mcp._team._callers import Caller
    from telecmi_mcp._team._database import Database
    from telecmi_mcp._team._mirror._mirrors import Mirrors
    from telecmi_mcp._team._oversight._oversight import Oversight
    from telecmi_mcp._team._settings import TeamSettings

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
    outlook: Outlook
    oversight: Oversight


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
    from telecmi_mcp._team._database import Database  # noqa: PLC0415 - its driver is part of an extra

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
        _overseen(settings, database, secrets) as oversight,
        _mirrored(database) as mirrors,
        open_apps(
            settings,
            database,
            open_shelf=mirrors.open_shelf if mirrors else None,
            terms_of=oversight.terms_of,
            transport=transport,
            state=state,
            secrets=secrets,
        ) as apps,
        mirrors.looked_after(apps) if mirrors else nullcontext(),
    ):
        yield Team(settings, database, apps.app_of, apps.outlook, oversight)


@asynccontextmanager
async def _mirrored(database: Database | None) -> AsyncIterator[Mirrors | None]:
    """Give the mirrors of the database; without one, each process has the desk's kinds of index."""
    if database is None:
        yield None
        return
    from telecmi_mcp._team._mirror._mirrors import open_mirrors  # noqa: PLC0415 - its driver is part of an extra

    async with open_mirrors(database) as mirrors:
        yield mirrors


@asynccontextmanager
async def _overseen(
    settings: TeamSettings, database: Database | None, secrets: KnownSecrets | None
) -> AsyncIterator[Oversight]:
    stack = ExitStack()
    oversight = stack.enter_context(open_oversight(settings, database, caller_now=caller_now, secrets=secrets))
    try:
        yield oversight
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
    except DatabaseAway as why:
        is_missing = await run_sync(database.is_missing)
        fact = "its server has no database of the name in TELECMI_DATABASE_URL" if is_missing else why.detail
        _log.warning("the database is away, its schema is looked after once it is back: %s", fact)
        return False
    except DatabaseUnusable:  # which the database has logged; whoever runs it can mend that without a restart
        return False
    if steps:
        _log.info("the database's schema took %d steps", steps)
    return True
