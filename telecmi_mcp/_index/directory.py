"""Searches the index while a sync keeps it fresh, and reads the hits from TeleCMI again before it returns them."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard, TypeVar

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._index.count_check import CountCheck, CountChecker
from telecmi_mcp._index.files import UNUSABLE
from telecmi_mcp._index.live_reader import LiveReader
from telecmi_mcp._index.location import MemoryLocation
from telecmi_mcp._index.request import MAX_LOOKUP_CONTACTS, CountRequest, SearchRequest
from telecmi_mcp._index.result import CountResult, Freshness, LookupResult, SearchResult
from telecmi_mcp._index.sync import IndexSync, account_unchanged
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._search import Hit, Hits
from telecmi_mcp._task_groups import open_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.live_reader import Find
    from telecmi_mcp._index.location import IndexLocation
    from telecmi_mcp._index.request import FilterFields, WriteRows
    from telecmi_mcp._models import Contact, ContactPage
    from telecmi_mcp._search import ContactStore

Report: TypeAlias = Callable[[int, int | None], Awaitable[None]]
"""Is called with the number of contacts read and their total, if known."""

_T = TypeVar("_T")
_Result = TypeVar("_Result", SearchResult, LookupResult, CountResult)

_log = logging.getLogger(__name__)

_WAIT_FRACTION, _CHECK_FRACTION = 0.75, 0.95
"""Fractions of the time of a search. After the first it stops waiting for the sync, after the second for its hits."""

_MAX_FAULTS = 3
_MAX_INDEXES = 3  # that one call tries: the existing one, a new one, and one in memory
_POLL_S = 0.2  # between two reads of the state that another process writes


class _Found(NamedTuple):
    freshness: Freshness
    hits: Sequence[Hits]
    unchecked: int


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
        self._location = location
        self._tasks = tasks
        self._timeout = timeout
        self._max_age = max_age
        self._clock = clock
        self._is_same_account = is_same_account
        self._index_sync: IndexSync | None = None
        self._opening = anyio.Lock()
        self._count_checker = CountChecker(client, clock=clock)

    async def search(self, request: SearchRequest, *, report: Report | None = None) -> SearchResult:
        """Find contacts within the time of one call.

        Waits for the sync only while no conclusive match was found and the first sync runs.

        Args:
            request: What to look for.
            report: Is called whenever the first sync progresses.

        Raises:
            TelecmiError: No contact was read, or no user is signed in.
        """
        return await self._run(lambda directory, started_at: directory._search(request, report, started_at))  # noqa: SLF001 - of the same class

    async def lookup(self, queries: Sequence[str], *, report: Report | None = None) -> LookupResult:
        """Find at most three contacts for each query within the time of one call; see ``search``."""
        return await self._run(lambda directory, started_at: directory._lookup(queries, report, started_at))  # noqa: SLF001 - the same

    async def count(self, request: CountRequest, *, report: Report | None = None) -> CountResult:
        """Count contacts, and group them, within the time of one call; waits for the first sync as ``search`` does."""
        return await self._run(lambda directory, started_at: directory._count(request, report, started_at))  # noqa: SLF001 - the same

    async def export_rows(
        self, filters: FilterFields, write: WriteRows, *, report: Report | None = None
    ) -> CountResult:
        """Write the contacts that pass the filters from a complete copy, within the time of one call.

        Waits for the first sync as ``search`` does, and compares TeleCMI's count. Without a contact nothing is written.

        Raises:
            ContactsIncomplete: The copy is not complete, TeleCMI's count contradicts it, or the time does not suffice.
            TelecmiError: No contact was read, no user is signed in, or ``write`` failed.
        """
        return await self._run(lambda directory, started_at: directory._export_rows(filters, write, report, started_at))  # noqa: SLF001 - the same

    async def sync(self, report: Report) -> Freshness:
        """Wait for the end of the sync that is due, in this process or in the one that writes the index.

        Raises:
            TelecmiError: The sync cannot be completed.
        """
        return await self._with_new_index(partial(self._sync, report))

    async def get_contact(self, contact_id: str) -> Contact:
        """Read one contact with the client, and write it into the index."""
        try:
            contact = await self._client.get_contact(contact_id)
        except errors.ContactNotFound:
            self._notify(lambda index_sync: index_sync.drop(contact_id.lower()))
            raise
        self._notify(lambda index_sync: index_sync.note([contact]))
        return contact

    async def list_contacts(self, *, limit: int = 10, page_state: str | None = None) -> ContactPage:
        """Read one page with the client, and write it into the index."""
        page = await self._client.list_contacts(limit=limit, page_state=page_state)
        self._notify(lambda index_sync: index_sync.note(page.contacts))
        return page

    async def resume(self) -> bool:
        """Resume the interrupted sync or start the one that is due; return False if another process writes.

        Raises:
            TelecmiError: The index cannot be used.
        """
        if self._location is None:
            return False
        await self._current_sync()
        return self._may_write

    async def status(self) -> Freshness | None:
        """Return how complete the index is, without a request; ``None`` before the first search."""
        return None if self._index_sync is None else await self._freshness(self._index_sync)

    @property
    def is_syncing(self) -> bool:
        """True while a sync runs in this process."""
        return self._index_sync is not None and self._index_sync.is_running

    def stop(self) -> None:
        """Cancel the running sync."""
        if self._index_sync is not None:
            self._index_sync.stop()

    async def _run(self, answer: Callable[[Directory, float], Awaitable[_Result]]) -> _Result:
        """Answer from the index, or from the contacts that can be read in the time of this call if none is kept."""
        started_at = anyio.current_time()
        if self._location is not None:
            return await self._with_new_index(lambda: answer(self, started_at))
        location = MemoryLocation()
        try:
            async with open_tasks() as tasks:
                directory = Directory(self._client, location, tasks, timeout=self._timeout, clock=self._clock)
                found = await answer(directory, started_at)
                tasks.cancel_scope.cancel()
        finally:
            location.close()
        return replace(found, is_kept=False)

    async def _with_new_index(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Repeat the work with a new index if the old one is malformed, then in memory: the index is only a cache."""
        was_wiped = False
        for _ in range(_MAX_INDEXES - 1):
            try:
                return await work()
            except errors.IndexUnusable as unusable:
                if unusable.malformed and not was_wiped:
                    await self._replace_index(self._wipe)
                    was_wiped = True
                elif not (
                    (unusable.malformed or unusable.reason) and await self._replace_index(self._use_memory, unusable)
                ):
                    raise
        return await work()

    async def _sync(self, report: Report) -> Freshness:
        index_sync = await self._current_sync()
        while self._is_under_way(index_sync):
            progressed = index_sync.progressed
            await report(index_sync.sync_state.read, index_sync.sync_state.count)
            index_sync = await self._wait_for_progress(index_sync, progressed, anyio.current_time() + self._timeout)
        if index_sync.fault:
            raise index_sync.fault
        return await self._freshness(index_sync)

    async def _search(self, request: SearchRequest, report: Report | None, started_at: float) -> SearchResult:
        if contact_id := request.contact_id:
            return await self._by_id(await self._current_sync(), contact_id)
        if request.is_page_of_filter and request.created_at != (await self._current_sync()).sync_state.created_at:
            raise errors.InvalidArguments(
                hint="Call again without page_state", fact="the contacts were read anew since the previous page"
            )
        found = await self._find(lambda store: [request.run(store)], report, started_at)
        return SearchResult(**_fields(found.freshness), found=found.hits[0], unchecked=found.unchecked)

    async def _lookup(self, queries: Sequence[str], report: Report | None, started_at: float) -> LookupResult:
        requests = [SearchRequest(query=query, limit=MAX_LOOKUP_CONTACTS) for query in queries]
        found = await self._find(lambda store: [request.run(store) for request in requests], report, started_at)
        return LookupResult(
            **_fields(found.freshness), queries=tuple(queries), found=tuple(found.hits), unchecked=found.unchecked
        )

    async def _count(self, request: CountRequest, report: Report | None, started_at: float) -> CountResult:
        until = started_at + self._timeout * _WAIT_FRACTION
        index_sync, counts = await self._find_until(request.run, lambda _: False, until, report)
        _raise_unless_read(index_sync, found := await self._freshness(index_sync))
        return CountResult(**_fields(found), counts=counts)

    async def _export_rows(
        self, filters: FilterFields, write: WriteRows, report: Report | None, started_at: float
    ) -> CountResult:
        until = started_at + self._timeout * _WAIT_FRACTION
        count = CountRequest(filters=filters).run
        index_sync, counts = await self._find_until(count, lambda _: False, until, report)
        count_check = None
        if index_sync.sync_state.is_whole:
            index_sync, counts, count_check = await self._before_denial(index_sync, count, until)
        freshness = replace(await self._freshness(index_sync), count_check=count_check)
        _raise_unless_read(index_sync, freshness)
        if not freshness.is_confirmed:
            raise errors.ContactsIncomplete
        with anyio.move_on_after(started_at + self._timeout * _CHECK_FRACTION - anyio.current_time()):
            if counts.total:
                await run_sync(write, filters.pages(index_sync.store))
            return CountResult(**_fields(freshness), counts=counts)
        raise errors.ContactsIncomplete(
            hint="Pass filters, or ask the user to run telecmi-mcp export in a terminal",
            fact="there was no time to write all contacts, so no file was written",
        )

    async def _find(self, find: Find, report: Report | None, started_at: float) -> _Found:
        """Search the index, compare TeleCMI's count before a denial, and read the first contacts again."""
        until = started_at + self._timeout * _WAIT_FRACTION
        index_sync, hits = await self._find_until(find, _are_settled, until, report)
        count_check = None
        if index_sync.sync_state.is_whole and any(map(_denies, hits)):
            index_sync, hits, count_check = await self._before_denial(index_sync, find, until)
        if _is_of_index(index_sync.fault):
            raise index_sync.fault
        reading = LiveReader(self._client, find, until=started_at + self._timeout * _CHECK_FRACTION)
        hits = await reading.checked(index_sync, hits, may_write=self._may_write)
        freshness = replace(await self._freshness(index_sync), count_check=count_check)
        _raise_unless_read(index_sync, freshness)
        return _Found(freshness, hits, reading.unchecked(hits))

    async def _by_id(self, index_sync: IndexSync, contact_id: str) -> SearchResult:
        try:
            hits = Hits(hits=(Hit(contact=await self.get_contact(contact_id), match="exact"),), total=1)
        except errors.ContactNotFound:
            hits = Hits()
        freshness = replace(await self._freshness(index_sync), as_of=self._clock())
        return SearchResult(**_fields(freshness), found=hits, by_id=True)

    async def _find_until(
        self, find: Callable[[ContactStore], _T], is_settled: Callable[[_T], bool], until: float, report: Report | None
    ) -> tuple[IndexSync, _T]:
        """Search the index again and again while the first sync runs and more contacts could change the result."""
        index_sync = await self._current_sync()
        while True:
            progressed = index_sync.progressed
            found = await run_sync(find, index_sync.store)
            is_final = index_sync.sync_state.is_whole or is_settled(found)
            if is_final or not self._is_worth_waiting(index_sync, until):
                return index_sync, found
            if report:
                await report(index_sync.sync_state.read, index_sync.sync_state.count)
            index_sync = await self._wait_for_progress(index_sync, progressed, until)

    async def _before_denial(
        self, index_sync: IndexSync, find: Callable[[ContactStore], _T], until: float
    ) -> tuple[IndexSync, _T, CountCheck]:
        """Compare TeleCMI's count before an answer depends on every contact; if it differs, wait for a sync.

        Args:
            index_sync: The sync of an index that a sync has read completely.
            find: Searches a store.
            until: The event loop's time at which the answer must be given.
        """
        count_check = await self._count_checker.compare(index_sync.sync_state)
        if count_check in {CountCheck.DIFFERENT, CountCheck.UNFINISHED}:
            if self._may_write:
                index_sync.start(self._tasks, max_age=0)
            while self._is_syncing(index_sync) and anyio.current_time() < until:
                index_sync = await self._wait_for_progress(index_sync, index_sync.progressed, until)
            count_check = await self._count_checker.compare(index_sync.sync_state)
        return index_sync, await run_sync(find, index_sync.store), count_check

    def _is_syncing(self, index_sync: IndexSync) -> bool:
        """Return True if a sync runs, here or in the process that writes."""
        return index_sync.is_running if self._may_write else not index_sync.sync_state.ended_at

    def _is_worth_waiting(self, index_sync: IndexSync, until: float) -> bool:
        is_pausing = index_sync.fault_count >= _MAX_FAULTS or index_sync.resumes_at >= until
        return self._is_under_way(index_sync) and not is_pausing and anyio.current_time() < until

    def _is_under_way(self, index_sync: IndexSync) -> bool:
        """Return True if a sync runs here, or may run in the process that writes."""
        return index_sync.is_running if self._may_write else not index_sync.is_current(max_age=self._max_age)

    async def _wait_for_progress(self, index_sync: IndexSync, progressed: anyio.Event, until: float) -> IndexSync:
        """Wait for progress of the sync; poll the index if another process writes it."""
        left = max(0.0, until - anyio.current_time())
        if self._may_write:
            with anyio.move_on_after(left):
                await progressed.wait()
            return index_sync
        await anyio.sleep(min(_POLL_S, left))
        return await self._current_sync()

    async def _freshness(self, index_sync: IndexSync) -> Freshness:
        sync_state = index_sync.sync_state
        return Freshness(
            as_of=sync_state.as_of or sync_state.started_at or self._clock(),
            indexed=await run_sync(index_sync.store.count),
            count=sync_state.count,
            complete=sync_state.is_whole,
            created_at=sync_state.created_at,
            place=self._location.notice if self._location else "",
        )

    async def _current_sync(self) -> IndexSync:
        """Return the sync of the current index; start it if it is due."""
        async with self._opening:
            index_sync = await self._opened_sync()
            if self._may_write:
                index_sync.start(self._tasks, max_age=self._max_age)
            else:
                index_sync.sync_state = SyncState.from_state(await run_sync(index_sync.store.state))
            return index_sync

    async def _replace_index(self, change: Callable[..., bool], *values: object) -> bool:
        """Drop the index, and change which one the next search opens."""
        async with self._opening:
            if self._index_sync:
                self._index_sync.stop()
            self._index_sync = None
            return await run_sync(change, *values)

    def _wipe(self) -> bool:
        if self._location is not None:
            self._location.wipe()
        return True

    def _use_memory(self, unusable: errors.IndexUnusable) -> bool:
        return self._location is not None and self._location.use_memory(unusable.reason or UNUSABLE)

    async def _opened_sync(self) -> IndexSync:
        if self._location is None:  # search() handles this case before
            raise errors.IndexUnusable("no location", malformed=False)
        index_sync = self._index_sync
        if index_sync and _is_of_index(index_sync.fault):
            raise index_sync.fault
        index = await run_sync(self._location.take)
        if index_sync is None or index_sync.store is not index:
            if index_sync:
                index_sync.stop()
            sync_state = SyncState.from_state(await run_sync(index.state))
            index_sync = self._index_sync = IndexSync(
                self._client, index, sync_state, clock=self._clock, is_same_account=self._is_same_account
            )
        return index_sync

    @property
    def _may_write(self) -> bool:
        return self._location is not None and self._location.is_writer

    def _notify(self, operation: Callable[[IndexSync], Awaitable[None]]) -> None:
        if self._index_sync is not None and self._may_write:
            self._tasks.start_soon(_run_notification, self._index_sync, operation)


def _fields(freshness: Freshness) -> dict[str, Any]:
    return {field.name: getattr(freshness, field.name) for field in fields(freshness)}


def _are_settled(found: Sequence[Hits]) -> bool:
    return all(hits.is_settled for hits in found)


def _denies(hits: Hits) -> bool:
    """Return True if the answer would say that no contact matches the whole query."""
    return hits.no_question is None and (not hits.hits or hits.hits[0].match == "partial")


def _raise_unless_read(index_sync: IndexSync, freshness: Freshness) -> None:
    """Raise the fault of the sync if nothing was read, or if the user must sign in."""
    if index_sync.fault and (isinstance(index_sync.fault, errors.SignInError) or not freshness.indexed):
        raise index_sync.fault


def _is_of_index(fault: errors.TelecmiError | None) -> TypeGuard[errors.IndexUnusable]:
    """Return True if another index helps: this one is malformed, or its place cannot be used."""
    return isinstance(fault, errors.IndexUnusable) and bool(fault.malformed or fault.reason)


async def _run_notification(index_sync: IndexSync, operation: Callable[[IndexSync], Awaitable[None]]) -> None:
    try:
        await operation(index_sync)
    except errors.TelecmiError as fault:
        _log.info("the index was not updated: %s", fault.code)
