"""Composition root: builds the objects that the tools and the commands work with."""

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
from telecmi_mcp._mask import Mask
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    import httpx2
    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import RequestHooks
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._index.location import IndexLocation


@dataclass(frozen=True, slots=True)
class App:
    """The objects that the tools work with.

    Attributes:
        client: Reads contacts from TeleCMI.
        directory: Searches contacts, and reads contacts for the tools.
        rate_limit: Rate limit of tool calls.
        tokens: Token source of the client.
        clock: Returns the Unix time.
        preconnect: Opens a connection for the first call in the background.
        settings: The configuration of these objects.
        views: The apps of the same account for readers with other masks, as far as they were opened.
        open_view: Returns the app of the same account for a mask.
        admit_whole_values: Counts lookups of whole masked values, and raises an error where a reader has made too many;
            ``None`` where the reader may not ask for one.
    """

    client: TelecmiClient
    directory: CurrentDirectory
    rate_limit: RateLimit = field(default_factory=lambda: RateLimit(0, clock=time.monotonic))
    tokens: TokenSource = field(default=FixedToken(None), repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    preconnect: Callable[[], object] = field(default=lambda: None, repr=False)
    settings: Settings = field(default=Settings(), repr=False)
    views: Mapping[Mask, App] = field(default_factory=dict, repr=False)
    open_view: Callable[[Mask], App] | None = field(default=None, repr=False)
    admit_whole_values: Callable[[int], Awaitable[None]] | None = field(default=None, repr=False)

    def with_mask(self, mask: Mask) -> App:
        """Return the app of the same account for a reader with this mask. It has an index of its own.

        The connections, the token and the rate limit are shared.
        """
        return self if mask == self.client.mask or self.open_view is None else self.open_view(mask)

    @property
    def is_syncing(self) -> bool:
        """True while a sync runs, for whatever mask."""
        return any(app.directory.is_syncing for app in self.views.values())

    @property
    def notice(self) -> str:
        """Sentence that every answer must show to the user; "" if there is none."""
        return self.tokens.origin.notice(self.clock())

    async def account(self) -> str:
        """Return the key of the signed-in account without a request to TeleCMI; "" if it is not known.

        Raises:
            TelecmiError: The credential store does not work.
        """
        return await known_owner_of(self.settings.base_url, self.tokens, self.client.mask)

    async def recall(self) -> Recent:
        """Return the recent answers to the signed-in account, without a request to TeleCMI."""
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
    hooks: RequestHooks = NO_HOOKS,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[App]:
    """Build the objects of the settings, and close their connections at the end.

    Args:
        settings: The configuration.
        transport: Replaces the network, for example by a sandbox in this process.
        state: Folder of the stored sign-ins; ``None`` neither reads nor stores a sign-in.
        secrets: Collects every token and password, so that the log can hide them.
        hooks: Hooks around each request to TeleCMI.
        clock: Returns the Unix time, by which the age of a token is measured.
    """
    channel = Channel(settings.base_url, transport=transport)
    known = secrets or KnownSecrets()
    known.add(settings.token, settings.password)
    choose = partial(choose_source, settings, channel, state=state, secrets=known, clock=clock)
    try:
        async with assemble_app(settings, channel, choose, state=state, hooks=hooks, clock=clock) as app:
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
    hooks: RequestHooks = NO_HOOKS,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[App]:
    """Build the same objects on an existing channel, which stays open at the end.

    Args:
        settings: The configuration.
        channel: HTTP channel to TeleCMI, which other apps may share.
        choose: Returns the token source; its argument ``tasks`` is the task group of the renewals.
        open_location: Opens the index of an account; ``None`` follows the settings. ``off`` stays off.
        state: See ``open_app``.
        hooks: See ``open_app``.
        clock: Returns the Unix time.
    """
    async with open_tasks() as tasks:
        tokens = choose(tasks=tasks)
        client = TelecmiClient(channel, tokens, timeout=settings.timeout, hooks=hooks)
        rate_limit = RateLimit(settings.rate_limit, clock=time.monotonic)
        preconnect = partial(tasks.start_soon, _connect_ahead, client, settings, state)
        views: dict[Mask, App] = {}

        def open_view(mask: Mask) -> App:
            if mask not in views:
                masked = client.with_mask(mask)
                directory = _open_directory(settings, masked, tokens, tasks, open_location)
                views[mask] = App(masked, directory, rate_limit, tokens, clock, preconnect, settings, views, open_view)
            return views[mask]

        try:
            yield open_view(Mask(settings.mask))
        finally:
            tasks.cancel_scope.cancel()
            for app in views.values():
                app.directory.close()


async def _connect_ahead(client: TelecmiClient, settings: Settings, state: Path | None) -> None:
    with suppress(TelecmiError):  # the first call fails with the same error and reports it
        if settings.preconnect and await has_credential(settings, state):
            await client.preconnect()


def _open_directory(
    settings: Settings,
    client: TelecmiClient,
    tokens: TokenSource,
    tasks: TaskGroup,
    open_location: Callable[[str], IndexLocation] | None,
) -> CurrentDirectory:
    owner = partial(owner_of, settings.base_url, tokens, client.mask)
    return CurrentDirectory(
        client,
        owner,
        None if settings.index == "off" else open_location or _LOCATIONS[settings.index],
        tasks,
        timeout=settings.timeout,
        max_age=settings.index_max_age,
    )


def _memory_location(_: str) -> IndexLocation:
    from telecmi_mcp._index.location import MemoryLocation

    return MemoryLocation()


def _file_location(owner: str) -> IndexLocation:
    from telecmi_mcp._index.location import FileLocation, cache_folder

    return FileLocation(cache_folder(), owner)


_LOCATIONS = {"memory": _memory_location, "disk": _file_location}
