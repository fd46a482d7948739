"""The directory of whoever is signed in now: two accounts never share an index, not even one after the other."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._index.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup
    from pydantic import SecretStr

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._index.directory import Directory, Report
    from telecmi_mcp._index.location import IndexLocation
    from telecmi_mcp._index.result import SearchResult
    from telecmi_mcp._models import Contact, ContactPage

_T = TypeVar("_T")
_Reader = TypeVar("_Reader", "Directory", "Directory | TelecmiClient")


async def owner_of(base_url: str, tokens: TokenSource) -> str:
    """Tell whose contacts the tokens read: the user's, or where nothing names the user, the token's.

    Raises:
        TelecmiError: Nobody is signed in.
    """
    return _named(base_url, tokens, await tokens.current())


async def known_owner_of(base_url: str, tokens: TokenSource) -> str:
    """Tell the same without asking TeleCMI; "" where that cannot be told.

    Raises:
        TelecmiError: The place where the token is kept does not work.
    """
    token = await tokens.held()
    return "" if token is None else _named(base_url, tokens, token)


def name_owner(base_url: str, user: str) -> str:
    """Return the name under which the contacts of a user are kept; never shown, and hashed where it is stored."""
    return f"{base_url}\n{user}"


def name_organisation(base_url: str, label: str) -> str:
    """Return the same for an organisation whose users see the same contacts; no user's name can be equal to it."""
    return f"{base_url}\n\n{label}"


def _named(base_url: str, tokens: TokenSource, token: SecretStr) -> str:
    origin = tokens.origin
    if origin.organisation:
        return name_organisation(base_url, origin.organisation)
    return name_owner(base_url, origin.user_id or token.get_secret_value())


class CurrentDirectory:
    """Searches and reads contacts, each call for the account that is signed in when it begins.

    Until the first search it only reads, and nothing that searches is loaded.
    Another sign-in ends the mirror of the account before, its index is closed, and what was answered is forgotten.

    Attributes:
        recent: Takes note of what is answered to this account; another account gets another one.

    Args:
        client: Reads contacts.
        owner: Tells the account; asks nobody, unless the first login is still to be made.
        open_location: Opens the index of an account; ``None`` for no index.
        tasks: What the mirror runs in.
        timeout: Seconds that one call may take.
        max_age: Seconds after which the index is renewed.
        clock: Tells the Unix time.
    """

    def __init__(
        self,
        client: TelecmiClient,
        owner: Callable[[], Awaitable[str]],
        open_location: Callable[[str], IndexLocation] | None,
        tasks: TaskGroup,
        *,
        timeout: float = 30.0,
        max_age: float = 900.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._owner = owner
        self._open_shelf = open_location
        self._tasks = tasks
        self._timeout = timeout
        self._max_age = max_age
        self._clock = clock
        self.recent = Recent()
        self._choosing = anyio.Lock(fast_acquire=True)
        self._chosen: str | None = None
        self._directory: Directory | None = None
        self._shelf: IndexLocation | None = None

    async def search(self, query: str, *, limit: int = 5, report: Report | None = None) -> SearchResult:
        """Find contacts; see ``Directory.search``."""
        return await self._in_time(
            self._searcher, lambda directory: directory.search(query, limit=limit, report=report)
        )

    async def get_contact(self, contact_id: str) -> Contact:
        """Read one contact; see ``TelecmiClient.get_contact``."""
        return await self._in_time(self._reader, lambda reader: reader.get_contact(contact_id))

    async def list_contacts(self, *, limit: int = 10, page_state: str | None = None) -> ContactPage:
        """Read one page; see ``TelecmiClient.list_contacts``."""
        return await self._in_time(
            self._reader, lambda reader: reader.list_contacts(limit=limit, page_state=page_state)
        )

    async def sync(self, report: Report) -> SearchResult:
        """Follow the pass that is due to its end, however long that takes; see ``Directory.sync``."""
        return await (await self._searcher()).sync(report)

    async def resume(self) -> bool:
        """Go on with the pass of the account that is signed in; see ``Directory.resume``."""
        return await (await self._searcher()).resume()

    def recent_of(self, owner: str) -> Recent:
        """What was answered lately, if that was to this account; else nothing."""
        return self.recent if owner == self._chosen else Recent()

    async def standing_of(self, owner: str) -> SearchResult | None:
        """How far the index is, if it is this account's; see ``Directory.standing``."""
        return await self._directory.standing() if self._directory and owner == self._chosen else None

    @property
    def is_syncing(self) -> bool:
        """Whether a pass of the mirror is under way."""
        return self._directory is not None and self._directory.is_syncing

    def close(self) -> None:
        """Close the index."""
        if self._shelf is not None:
            self._shelf.close()

    async def _in_time(self, whom: Callable[[], Awaitable[_Reader]], read: Callable[[_Reader], Awaitable[_T]]) -> _T:
        with anyio.move_on_after(self._timeout):  # the first login takes of the same time
            return await read(await whom())
        raise errors.DeadlineExceeded(self._timeout)

    async def _reader(self) -> Directory | TelecmiClient:
        """Who reads: the directory, so that the index learns of it, or the client while there is none."""
        async with self._choosing:
            await self._choose()
            return self._directory or self._client

    async def _searcher(self) -> Directory:
        async with self._choosing:
            owner = await self._choose()
            if self._directory is None:
                self._directory = await self._opened(owner)
            return self._directory

    async def _choose(self) -> str:
        owner = await self._owner()
        if owner != self._chosen:
            await self._let_go()
            self._chosen = owner
        return owner

    async def _opened(self, owner: str) -> Directory:
        directory = await run_sync(_import_directory)
        self._shelf = self._open_shelf(owner) if self._open_shelf else None
        return directory(
            self._client,
            self._shelf,
            self._tasks,
            timeout=self._timeout,
            max_age=self._max_age,
            clock=self._clock,
            is_ours=partial(self._is_of, owner),
        )

    async def _let_go(self) -> None:
        if self._chosen is not None:
            self.recent = Recent()
        if self._directory is not None:
            self._directory.stop()
        if self._shelf is not None:
            await run_sync(self._shelf.close)
        self._directory = self._shelf = None

    async def _is_of(self, owner: str) -> bool:
        return await self._owner() == owner


def _import_directory() -> type[Directory]:
    """Import all that searches: two MiB with SQLite, and 16 ms, in which nothing else could be answered."""
    from telecmi_mcp._index.directory import Directory  # with the first search

    return Directory
