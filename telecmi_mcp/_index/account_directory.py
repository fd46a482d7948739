"""Gives each call the directory of the account that is signed in; two accounts never share an index."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._index.recent import Recent
from telecmi_mcp._mask import NO_MASK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from anyio.abc import TaskGroup
    from pydantic import SecretStr

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._api.token_source import TokenSource
    from telecmi_mcp._index.directory import Directory, Report
    from telecmi_mcp._index.location import IndexLocation
    from telecmi_mcp._index.request import CountRequest, FilterFields, SearchRequest, WriteRows
    from telecmi_mcp._index.result import CountResult, Freshness, LookupResult, SearchResult
    from telecmi_mcp._mask import Mask
    from telecmi_mcp._models import Contact, ContactPage

_T = TypeVar("_T")
_Reader = TypeVar("_Reader", "Directory", "Directory | TelecmiClient")


async def owner_of(base_url: str, tokens: TokenSource, mask: Mask = NO_MASK) -> str:
    """Return the account that the tokens read, with the mask: the user's, or the token's if the user is not known.

    Raises:
        TelecmiError: No user is signed in.
    """
    return name_masked(_owner_name(base_url, tokens, await tokens.current()), mask)


async def known_owner_of(base_url: str, tokens: TokenSource, mask: Mask = NO_MASK) -> str:
    """Return the same without a request to TeleCMI; "" if it is not known.

    Raises:
        TelecmiError: The store of the token does not work.
    """
    token = await tokens.held()
    return "" if token is None else name_masked(_owner_name(base_url, tokens, token), mask)


def name_owner(base_url: str, user: str) -> str:
    """Return the name of a user's account; it is never shown, and it is stored as a hash."""
    return f"{base_url}\n{user}"


def name_organisation(base_url: str, label: str) -> str:
    """Return the name of an organisation whose users see the same contacts; it differs from every user's."""
    return f"{base_url}\n\n{label}"


def name_masked(owner: str, mask: Mask) -> str:
    """Return the name of an account as a masked reader sees it: its index is another one, without the masked values."""
    return f"{owner}\n\n\n{mask.name}" if mask else owner


def _owner_name(base_url: str, tokens: TokenSource, token: SecretStr) -> str:
    origin = tokens.origin
    if origin.organisation:
        return name_organisation(base_url, origin.organisation)
    return name_owner(base_url, origin.user_id or token.get_secret_value())


class CurrentDirectory:
    """Searches and reads contacts, each call for the account that is signed in when the call starts.

    Before the first search it only reads, and does not import the search.
    Another sign-in stops the sync of the previous account, closes its index and drops its recent answers.

    Attributes:
        recent: Remembers the recent answers to this account; another account gets another object.

    Args:
        client: Reads contacts.
        owner: Returns the account, without a request unless the first login is due.
        open_location: Opens the index of an account; ``None`` for no index.
        tasks: The task group in which the sync runs.
        timeout: Maximum seconds of one call.
        max_age: Seconds after which the next search starts a new sync.
        clock: Returns the Unix time.
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
        self._open_location = open_location
        self._tasks = tasks
        self._timeout = timeout
        self._max_age = max_age
        self._clock = clock
        self.recent = Recent()
        self._switching = anyio.Lock(fast_acquire=True)
        self._current_owner: str | None = None
        self._directory: Directory | None = None
        self._location: IndexLocation | None = None

    async def search(self, request: SearchRequest, *, report: Report | None = None) -> SearchResult:
        """Find contacts; see ``Directory.search``."""
        self._require_visible(request.filters)
        self._client.mask.require_visible_in(request.query)
        return await self._in_time(self._choose_directory, lambda directory: directory.search(request, report=report))

    async def lookup(self, queries: Sequence[str], *, report: Report | None = None) -> LookupResult:
        """Find contacts for several queries; see ``Directory.lookup``. A query for a masked value finds nobody.

        Raises:
            MaskedField: Every query asks for a masked value.
        """
        mask = self._client.mask
        visible = [query for query in queries if not mask.hides(query)]
        if not visible:
            mask.require_visible_in(" ".join(queries))
        result: LookupResult = await self._in_time(
            self._choose_directory, lambda directory: directory.lookup(visible, report=report)
        )
        return result if len(visible) == len(queries) else result.with_masked(queries, mask.hides)

    async def count(self, request: CountRequest, *, report: Report | None = None) -> CountResult:
        """Count contacts; see ``Directory.count``."""
        self._require_visible(request.filters, request.group_by or "")
        return await self._in_time(self._choose_directory, lambda directory: directory.count(request, report=report))

    async def export_rows(
        self, filters: FilterFields, write: WriteRows, *, report: Report | None = None
    ) -> CountResult:
        """Write the contacts that pass the filters; see ``Directory.export_rows``."""
        self._require_visible(filters)
        return await self._in_time(
            self._choose_directory, lambda directory: directory.export_rows(filters, write, report=report)
        )

    async def get_contact(self, contact_id: str) -> Contact:
        """Read one contact; see ``TelecmiClient.get_contact``."""
        return await self._in_time(self._choose_reader, lambda reader: reader.get_contact(contact_id))

    async def list_contacts(self, *, limit: int = 10, page_state: str | None = None) -> ContactPage:
        """Read one page; see ``TelecmiClient.list_contacts``."""
        return await self._in_time(
            self._choose_reader, lambda reader: reader.list_contacts(limit=limit, page_state=page_state)
        )

    async def sync(self, report: Report) -> Freshness:
        """Wait for the end of the sync that is due, without a time limit; see ``Directory.sync``."""
        return await (await self._choose_directory()).sync(report)

    async def resume(self) -> bool:
        """Resume the sync of the account that is signed in; see ``Directory.resume``."""
        return await (await self._choose_directory()).resume()

    def recent_of(self, owner: str) -> Recent:
        """Return the recent answers if they were to this account; else an empty record."""
        return self.recent if owner == self._current_owner else Recent()

    async def status_of(self, owner: str) -> Freshness | None:
        """Return how complete the index is, if it is of this account; see ``Directory.status``."""
        return await self._directory.status() if self._directory and owner == self._current_owner else None

    @property
    def is_syncing(self) -> bool:
        """True while a sync runs."""
        return self._directory is not None and self._directory.is_syncing

    def close(self) -> None:
        """Close the index."""
        if self._location is not None:
            self._location.close()

    async def _in_time(self, choose: Callable[[], Awaitable[_Reader]], read: Callable[[_Reader], Awaitable[_T]]) -> _T:
        with anyio.move_on_after(self._timeout):  # the first login is inside the same time
            return await read(await choose())
        raise errors.DeadlineExceeded(self._timeout)

    async def _choose_reader(self) -> Directory | TelecmiClient:
        """Return the directory, which updates the index, or the client before the first search."""
        async with self._switching:
            await self._follow_sign_in()
            return self._directory or self._client

    def _require_visible(self, filters: FilterFields, group_by: str = "") -> None:
        mask = self._client.mask
        mask.require_visible(group_by, *filters.missing)
        mask.require_visible_in(filters.company)
        mask.require_visible_in(filters.job_title)

    async def _choose_directory(self) -> Directory:
        async with self._switching:
            owner = await self._follow_sign_in()
            if self._directory is None:
                self._directory = await self._open_directory(owner)
            return self._directory

    async def _follow_sign_in(self) -> str:
        owner = await self._owner()
        if owner != self._current_owner:
            await self._close_index()
            self._current_owner = owner
        return owner

    async def _open_directory(self, owner: str) -> Directory:
        directory = await run_sync(_import_directory)
        self._location = self._open_location(owner) if self._open_location else None
        return directory(
            self._client,
            self._location,
            self._tasks,
            timeout=self._timeout,
            max_age=self._max_age,
            clock=self._clock,
            is_same_account=partial(self._is_of, owner),
        )

    async def _close_index(self) -> None:
        if self._current_owner is not None:
            self.recent = Recent()
        if self._directory is not None:
            self._directory.stop()
        if self._location is not None:
            await run_sync(self._location.close)
        self._directory = self._location = None

    async def _is_of(self, owner: str) -> bool:
        return await self._owner() == owner


def _import_directory() -> type[Directory]:
    """Import the search and SQLite: 2 MiB, and 16 ms in which the process could not answer."""
    from telecmi_mcp._index.directory import Directory

    return Directory
