"""Searches the index while a sync keeps it fresh, and reads the hits from TeleCMI again before it returns them."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._index.count_check import CountCheck, CountChecker
from telecmi_mcp._index.files import UNUSABLE
from telecmi_mcp._index.location import MemoryLocation
from telecmi_mcp._index.result import SearchResult
from telecmi_mcp._index.sync import IndexSync, account_unchanged
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._search import Hit, Hits, id_in, search
from telecmi_mcp._task_groups import open_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.location import IndexLocation
    from telecmi_mcp._models import Contact, ContactPage

Report: TypeAlias = Callable[[int, int | None], Awaitable[None]]
"""Is called with the number of contacts read and their total, if known."""

_log = logging.getLogger(__name__)

_WAIT_FRACTION, _CHECK_FRACTION = 0.75, 0.95
"""Fractions of the time of a search. After the first it stops waiting for the sync, after the second for its hits."""

_MAX_ROUNDS = 3  # of reading hits; other contacts replace those that changed or are gone
_MAX_FAULTS = 3
_MAX_INDEXES = 3  # that one call tries: the existing one, a new one, and one in memory
_POLL_S = 0.2  # between two reads of the state that another process writes


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

    async def search(self, query: str, *, limit: int = 5, report: Report | None = None) -> SearchResult:
        """Find contacts within the time of one call.

        Waits for the sync only while no conclusive match was found and the first sync runs.

        Args:
            query: A name, a phone number, an e-mail address, a company, a title, an id, or a sentence around them.
            limit: Maximum number of hits.
            report: Is called whenever the first sync progresses.

        Raises:
            TelecmiError: No contact was read, or no user is signed in.
        """
        if self._location is None:
            return await self._search_once(query, limit, report)
        return await self._with_new_index(partial(self._search, query, limit, report, anyio.current_time()))

    async def sync(self, report: Report) -> SearchResult:
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

    async def status(self) -> SearchResult | None:
        """Return how complete the index is, without a request; ``None`` before the first search."""
        return None if self._index_sync is None else await self._result(self._index_sync, Hits(), 0)

    @property
    def is_syncing(self) -> bool:
        """True while a sync runs in this process."""
        return self._index_sync is not None and self._index_sync.is_running

    def stop(self) -> None:
        """Cancel the running sync."""
        if self._index_sync is not None:
            self._index_sync.stop()

    async def _search_once(self, query: str, limit: int, report: Report | None) -> SearchResult:
        """Search the contacts that can be read in the time of this call, and keep nothing."""
        location = MemoryLocation()
        try:
            async with open_tasks() as tasks:
                directory = Directory(self._client, location, tasks, timeout=self._timeout, clock=self._clock)
                found = await directory.search(query, limit=limit, report=report)
                tasks.cancel_scope.cancel()
        finally:
            location.close()
        return replace(found, is_kept=False)

    async def _with_new_index(self, work: Callable[[], Awaitable[SearchResult]]) -> SearchResult:
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

    async def _sync(self, report: Report) -> SearchResult:
        index_sync = await self._current_sync()
        while self._is_under_way(index_sync):
            progressed = index_sync.progressed
            await report(index_sync.sync_state.read, index_sync.sync_state.count)
            index_sync = await self._wait_for_progress(index_sync, progressed, anyio.current_time() + self._timeout)
        if index_sync.fault:
            raise index_sync.fault
        return await self._result(index_sync, Hits(), 0)

    async def _search(self, query: str, limit: int, report: Report | None, started_at: float) -> SearchResult:
        index_sync = await self._current_sync()
        if contact_id := id_in(query):
            return await self._by_id(index_sync, contact_id)
        until = started_at + self._timeout * _WAIT_FRACTION
        index_sync, hits = await self._search_until(index_sync, query, limit, until, report)
        count_check = None
        if index_sync.sync_state.is_whole and _denies(hits):
            find = partial(search, query=query, limit=limit)
            index_sync, hits, count_check = await self._before_denial(index_sync, find, until)
        if _is_of_index(index_sync.fault):
            raise index_sync.fault
        reading = _LiveReader(self._client, query, limit, until=started_at + self._timeout * _CHECK_FRACTION)
        hits = await reading.checked(index_sync, hits, may_write=self._may_write)
        unchecked = sum(hit.contact.contact_id not in reading.live for hit in hits.hits)
        found = replace(await self._result(index_sync, hits, unchecked), count_check=count_check)
        if index_sync.fault and (isinstance(index_sync.fault, errors.SignInError) or not found.indexed):
            raise index_sync.fault
        return found

    async def _by_id(self, index_sync: IndexSync, contact_id: str) -> SearchResult:
        try:
            hits = Hits(hits=(Hit(contact=await self.get_contact(contact_id), match="exact"),))
        except errors.ContactNotFound:
            hits = Hits()
        return replace(await self._result(index_sync, hits, 0), by_id=True, as_of=self._clock())

    async def _search_until(
        self, index_sync: IndexSync, query: str, limit: int, until: float, report: Report | None
    ) -> tuple[IndexSync, Hits]:
        while True:
            progressed = index_sync.progressed
            hits = await run_sync(partial(search, index_sync.store, query, limit=limit))
            if hits.is_settled or index_sync.sync_state.is_whole or not self._is_worth_waiting(index_sync, until):
                return index_sync, hits
            if report:
                await report(index_sync.sync_state.read, index_sync.sync_state.count)
            index_sync = await self._wait_for_progress(index_sync, progressed, until)

    async def _before_denial(
        self, index_sync: IndexSync, find: Callable[..., Hits], until: float
    ) -> tuple[IndexSync, Hits, CountCheck]:
        """Compare TeleCMI's count before an answer says that no contact matches; if it differs, wait for a sync.

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

    async def _result(self, index_sync: IndexSync, hits: Hits, unchecked: int) -> SearchResult:
        sync_state = index_sync.sync_state
        return SearchResult(
            hits=hits.hits,
            has_more=hits.has_more,
            as_of=sync_state.as_of or sync_state.started_at or self._clock(),
            indexed=await run_sync(index_sync.store.count),
            count=sync_state.count,
            complete=sync_state.is_whole,
            unchecked=unchecked,
            missing=hits.missing,
            no_question=hits.no_question.value if hits.no_question else "",
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


class _LiveReader:
    """Reads the hits of one search from TeleCMI until those that are returned are live.

    Attributes:
        live: Each contact as TeleCMI returned it during this search; ``None`` for one that does not exist.
    """

    def __init__(self, client: TelecmiClient, query: str, limit: int, *, until: float) -> None:
        self.live: dict[str, Contact | None] = {}
        self._client = client
        self._search = partial(search, query=query, limit=limit)
        self._until = until

    async def checked(self, index_sync: IndexSync, hits: Hits, *, may_write: bool) -> Hits:
        """Return the hits with their live contacts; search again if one changed or does not exist."""
        for _ in range(_MAX_ROUNDS):
            known = {hit.contact.contact_id: hit.contact for hit in hits.hits}
            asked = [contact_id for contact_id in known if _is_id(contact_id) and contact_id not in self.live]
            await self._read(asked)
            changed = [each for each in asked if each in self.live and self.live[each] != known[each]]
            if not (changed and may_write):
                break
            if not await self._correct(index_sync, changed):
                break
            hits = await run_sync(self._search, index_sync.store)
        return replace(hits, hits=tuple(self._as_live(hits.hits)))

    def _as_live(self, hits: Iterable[Hit]) -> Iterable[Hit]:
        for hit in hits:
            contact = self.live.get(hit.contact.contact_id, hit.contact)
            if contact is not None:
                yield replace(hit, contact=contact)

    async def _correct(self, index_sync: IndexSync, changed: Iterable[str]) -> bool:
        """Write the live contacts; return False if another process writes now and reads them itself."""
        try:
            for contact_id in changed:
                contact = self.live[contact_id]
                await (index_sync.drop(contact_id) if contact is None else index_sync.note([contact]))
        except errors.WriterLockLost:
            return False
        return True

    async def _read(self, contact_ids: Iterable[str]) -> None:
        with anyio.move_on_after(max(0.0, self._until - anyio.current_time())):
            async with open_tasks() as tasks:
                for contact_id in contact_ids:
                    tasks.start_soon(self._read_one, contact_id)

    async def _read_one(self, contact_id: str) -> None:
        try:
            self.live[contact_id] = await self._client.get_contact(contact_id)
        except errors.ContactNotFound:
            self.live[contact_id] = None
        except errors.SignInError:
            raise
        except errors.TelecmiError as fault:
            _log.info("a hit could not be read again: %s", fault.code)


def _denies(hits: Hits) -> bool:
    """Return True if the answer would say that no contact matches the whole query."""
    return hits.no_question is None and (not hits.hits or hits.hits[0].match == "partial")


def _is_of_index(fault: errors.TelecmiError | None) -> TypeGuard[errors.IndexUnusable]:
    """Return True if another index helps: this one is malformed, or its place cannot be used."""
    return isinstance(fault, errors.IndexUnusable) and bool(fault.malformed or fault.reason)


async def _run_notification(index_sync: IndexSync, operation: Callable[[IndexSync], Awaitable[None]]) -> None:
    try:
        await operation(index_sync)
    except errors.TelecmiError as fault:
        _log.info("the index was not updated: %s", fault.code)


def _is_id(contact_id: str) -> bool:
    """Return True if TeleCMI accepts this id; a contact with another kind of id can only be listed."""
    return id_in(contact_id) == contact_id.lower()
