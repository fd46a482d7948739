"""Finds, counts and exports the contacts of one account, and writes what other calls read into its index."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import anyio

from telecmi_mcp import errors
from telecmi_mcp._index.answers import IndexAnswers
from telecmi_mcp._index.current_index import CurrentIndex, Report
from telecmi_mcp._index.location import MemoryLocation
from telecmi_mcp._index.result import CountResult, LookupResult, SearchResult
from telecmi_mcp._index.sync import account_unchanged
from telecmi_mcp._task_groups import open_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.location import IndexLocation
    from telecmi_mcp._index.request import CountRequest, FilterFields, SearchRequest, WriteRows
    from telecmi_mcp._index.result import Freshness
    from telecmi_mcp._models import Contact, ContactPage

__all__ = ["Directory", "Report"]

_Result = TypeVar("_Result", SearchResult, LookupResult, CountResult)


class Directory:
    """Finds contacts, and writes contacts that other calls read into the index.

    Nothing runs before the first search. From then on a sync runs in ``tasks`` whenever one is due.

    Args:
        client: Reads contacts.
        location: Where the index is; ``None`` for no index: each search then reads what it can in its time.
        tasks: The task group in which the sync runs.
        timeout: Maximum seconds of one search.
        max_age: Seconds after which the next search starts a new sync.
        clock: Returns the Unix time.
        is_same_account: Returns True while the client reads for the account of this index.
    """

    def __init__(
        self,
        client: TelecmiClient,
        location: IndexLocation | None,
        tasks: TaskGroup,
        *,
        timeout: float = 30.0,
        max_age: float = 900.0,
        clock: Callable[[], float] = time.time,
        is_same_account: Callable[[], Awaitable[bool]] = account_unchanged,
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self._index: CurrentIndex | None = None
        if location is not None:
            self._index = CurrentIndex(
                client, location, tasks, max_age=max_age, clock=clock, is_same_account=is_same_account
            )

    async def search(self, request: SearchRequest, *, report: Report | None = None) -> SearchResult:
        """Find contacts within the time of one call.

        Waits for the sync only while no conclusive match was found and the first sync runs.

        Args:
            request: What to look for.
            report: Is called whenever the first sync progresses.

        Raises:
            TelecmiError: No contact was read, or no user is signed in.
        """
        return await self._answer(lambda answers: answers.search(request), report)

    async def lookup(self, queries: Sequence[str], *, report: Report | None = None) -> LookupResult:
        """Find at most three contacts for each query within the time of one call; see ``search``."""
        return await self._answer(lambda answers: answers.lookup(queries), report)

    async def count(self, request: CountRequest, *, report: Report | None = None) -> CountResult:
        """Count contacts, and group them, within the time of one call; waits for the first sync as ``search`` does."""
        return await self._answer(lambda answers: answers.count(request), report)

    async def export_rows(
        self, filters: FilterFields, write: WriteRows, *, report: Report | None = None
    ) -> CountResult:
        """Write the contacts that pass the filters from a complete copy, within the time of one call.

        Waits for the first sync as ``search`` does, and compares TeleCMI's count. Without a contact nothing is written.

        Raises:
            ContactsIncomplete: The copy is not complete, TeleCMI's count contradicts it, or the time does not suffice.
            TelecmiError: No contact was read, no user is signed in, or ``write`` failed.
        """
        return await self._answer(lambda answers: answers.export_rows(filters, write), report)

    async def sync(self, report: Report) -> Freshness:
        """Wait for the end of the sync that is due, in this process or in the one that writes the index.

        Raises:
            TelecmiError: The sync cannot be completed.
        """
        index = self._index
        if index is None:
            raise errors.IndexUnusable("no location", malformed=False)
        return await index.with_new_index(lambda: index.wait_for_end(report, patience=self._timeout))

    async def get_contact(self, contact_id: str) -> Contact:
        """Read one contact with the client, and write it into the index."""
        try:
            contact = await self._client.get_contact(contact_id)
        except errors.ContactNotFound:
            if self._index is not None:
                forms = {contact_id, contact_id.lower(), contact_id.upper()}
                self._index.notify(lambda index_sync: index_sync.drop(*forms))
            raise
        if self._index is not None:
            self._index.notify(lambda index_sync: index_sync.note([contact]))
        return contact

    async def list_contacts(self, *, limit: int = 10, page_state: str | None = None) -> ContactPage:
        """Read one page with the client, and write it into the index."""
        page = await self._client.list_contacts(limit=limit, page_state=page_state)
        if self._index is not None:
            self._index.notify(lambda index_sync: index_sync.note(page.contacts))
        return page

    async def resume(self) -> bool:
        """Resume the interrupted sync or start the one that is due; return False if another process writes.

        Raises:
            TelecmiError: The index cannot be used.
        """
        if self._index is None:
            return False
        await self._index.sync()
        return self._index.may_write

    async def status(self) -> Freshness | None:
        """Return how complete the index is, without a request; ``None`` before the first search."""
        return None if self._index is None else await self._index.status()

    @property
    def is_syncing(self) -> bool:
        """True while a sync runs in this process."""
        return self._index is not None and self._index.is_syncing

    def stop(self) -> None:
        """Cancel the running sync."""
        if self._index is not None:
            self._index.stop()

    async def _answer(self, answer: Callable[[IndexAnswers], Awaitable[_Result]], report: Report | None) -> _Result:
        """Answer from the index, or from the contacts that can be read in the time of this call if none is kept."""
        index = self._index
        if index is None:
            return await self._answer_without_index(answer, report)
        answers = IndexAnswers(
            self._client,
            index,
            self.get_contact,
            clock=self._clock,
            started_at=anyio.current_time(),
            timeout=self._timeout,
            report=report,
        )
        return await index.with_new_index(lambda: answer(answers))

    async def _answer_without_index(
        self, answer: Callable[[IndexAnswers], Awaitable[_Result]], report: Report | None
    ) -> _Result:
        location = MemoryLocation()
        try:
            async with open_tasks() as tasks:
                directory = Directory(self._client, location, tasks, timeout=self._timeout, clock=self._clock)
                found = await directory._answer(answer, report)
                tasks.cancel_scope.cancel()
        finally:
            location.close()
        return replace(found, is_kept=False)
