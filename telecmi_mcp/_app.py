"""The composition root: builds the real objects; everyone else receives them."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp._api.client import NO_HOOKS, TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._api.limiters import RateLimit
from telecmi_mcp._auth.resolve import choose_source, has_credential
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._config.secrets import KnownSecrets
from telecmi_mcp._config.settings import Settings
from telecmi_mcp._index.account_directory import CurrentDirectory, known_owner_of, owner_of
from telecmi_mcp._index.recent import Recent
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import httpx2
    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import RequestHooks
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._index.location import IndexLocation


@dataclass(frozen=True, slots=True)
class App:
    """What the tools work with.

    Attributes:
        client: Reads contacts from TeleCMI.
        directory: Searches them, and reads them for the tools.
        rate_limit: How many tool calls are let through.
        tokens: What the client signs in with.
        clock: Tells the Unix time.
        expect_calls: To be told that calls will come: a connection is opened for the first.
        settings: What all of it was built from.
    """

    client: TelecmiClient
    directory: CurrentDirectory
    rate_limit: RateLimit = field(default_factory=lambda: RateLimit(0, clock=time.monotonic))
    tokens: TokenSource = field(default=FixedToken(None), repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    expect_calls: Callable[[], object] = field(default=lambda: None, repr=False)
    settings: Settings = field(default=Settings(), repr=False)

    @property
    def notice(self) -> str:
        """What the user must be told with every answer; "" if nothing."""
        return self.tokens.origin.notice(self.clock())

    async def account(self) -> str:
        """Tell who is signed in, as the directory names accounts, without asking TeleCMI; "" where that is not known.

        Raises:
            TelecmiError: The place where the token is kept does not work.
        """
        return await known_owner_of(self.settings.base_url, self.tokens)

    async def recall(self) -> Recent:
        """Return what the tools answered lately to the account that is signed in now, without asking TeleCMI."""
        if not self.directory.recent:
            return Recent()
        try:
            return self.directory.recent_of(await self.account())
        except TelecmiError:
            return Recent()


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    state: Path | None = None,
    secrets: KnownSecrets | None = None,
    terms: RequestHooks = NO_HOOKS,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[App]:
    """Build the objects that the settings ask for, and close their connections at the end.

    Args:
        settings: The configuration.
        transport: Stands in for the network: a pretend TeleCMI in this process.
        state: The folder of what ``telecmi-mcp login`` keeps; ``None`` looks nothing up and keeps nothing.
        secrets: Learns every token and password that is met, for the log.
        terms: On what terms requests are sent to TeleCMI.
        clock: Tells the Unix time, to which a token's age is measured.
    """
    channel = Channel(settings.base_url, transport=transport)
    known = secrets or KnownSecrets()
    known.add(settings.token, settings.password)
    choose = partial(choose_source, settings, channel, state=state, secrets=known, clock=clock)
    try:
        async with assemble_app(settings, channel, choose, state=state, terms=terms, clock=clock) as app:
            yield app
    finally:
        with anyio.CancelScope(shield=True):
            await channel.aclose()


@asynccontextmanager
async def assemble_app(
    settings: Settings,
    channel: Channel,
    choose: Callable[..., TokenSource],
    *,
    open_location: Callable[[str], IndexLocation] | None = None,
    state: Path | None = None,
    terms: RequestHooks = NO_HOOKS,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[App]:
    """Build the same on a channel that is left open at the end.

    Args:
        settings: The configuration.
        channel: Leads to TeleCMI; others may use it too.
        choose: Makes the source of tokens; ``tasks`` is the task group that renewals run in.
        open_location: Opens the index of an account; ``None`` for where the settings say. ``off`` stays off.
        state: As for ``open_app``.
        terms: As for ``open_app``.
        clock: Tells the Unix time.
    """
    async with open_tasks() as tasks:
        tokens = choose(tasks=tasks)
        client = TelecmiClient(channel, tokens, timeout=settings.timeout, terms=terms)
        directory = _open_directory(settings, client, tokens, tasks, open_location)
        rate_limit = RateLimit(settings.rate_limit, clock=time.monotonic)
        expect_calls = partial(tasks.start_soon, _connect_ahead, client, settings, state)
        try:
            yield App(client, directory, rate_limit, tokens, clock, expect_calls, settings)
        finally:
            tasks.cancel_scope.cancel()
            directory.close()


async def _connect_ahead(client: TelecmiClient, settings: Settings, state: Path | None) -> None:
    with suppress(TelecmiError):  # which the first call meets, and tells
        if settings.preconnect and await has_credential(settings, state):
            await client.connect_ahead()


def _open_directory(
    settings: Settings,
    client: TelecmiClient,
    tokens: TokenSource,
    tasks: TaskGroup,
    open_location: Callable[[str], IndexLocation] | None,
) -> CurrentDirectory:
    owner = partial(owner_of, settings.base_url, tokens)
    return CurrentDirectory(
        client,
        owner,
        None if settings.index == "off" else open_location or _LOCATIONS[settings.index],
        tasks,
        timeout=settings.timeout,
        max_age=settings.index_max_age,
    )


def _memory_location(_: str) -> IndexLocation:
    from telecmi_mcp._index.location import MemoryLocation  # SQLite comes with the first search

    return MemoryLocation()


def _file_location(owner: str) -> IndexLocation:
    from telecmi_mcp._index.location import FileLocation, cache_folder

    return FileLocation(cache_folder(), owner)


_LOCATIONS = {"memory": _memory_location, "disk": _file_location}
