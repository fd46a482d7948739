"""Search that keeps the index fresh: what has arrived answers, the few hits are read again, the mirror goes on."""

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
from telecmi_mcp._index.sync import IndexSync, always
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
"""Is told how many contacts have been read, and of how many."""

_log = logging.getLogger(__name__)

_WAITING, _CHECKING = 0.75, 0.95
"""Parts of a search's time after which it takes what has arrived, and what could be read again."""

_ROUNDS = 3  # of reading hits again: where one changed or is gone, others move up
_ENOUGH_FAULTS = 3
_INDEXES = 3  # that one call tries: the one that is there, one made anew, and one in memory
_POLL = 0.2  # seconds between two looks at what another process writes


class Directory:
    """Finds contacts, and hands on what else is read of them to the index.

    Nothing runs before the first search. From then on a pass of the mirror runs in ``tasks`` whenever one is due.

    Args:
        client: Reads contacts.
        shelf: Where the index stands; ``None`` for no index: each search then reads what it can in its time.
        tasks: What the mirror runs in.
        timeout: Seconds that one search may take.
        max_age: Seconds after which the index is renewed.
        clock: Tells the Unix time.
        is_ours: Tells whether the client still reads for the account whose index this is.
    """

    def __init__(
        self,
        client: TelecmiClient,
        shelf: IndexLocation | None,
        tasks: TaskGroup,
        *,
        timeout: float = 30.0,
        max_age: float = 900.0,
        clock: Callable[[], float] = time.time,
        is_ours: Callable[[], Awaitable[bool]] = always,
    ) -> None:
        self._client = client
        self._shelf = shelf
        self._tasks = tasks
        self._timeout = timeout
        self._max_age = max_age
        self._clock = clock
        self._is_ours = is_ours
        self._mirror: IndexSync | None = None
        self._taking = anyio.Lock()
        self._count_checker = CountChecker(client, clock=clock)

    async def search(self, query: str, *, limit: int = 5, report: Report | None = None) -> SearchResult:
        """Find contacts by whatever is known of them, inside the time of one call.

        It waits for the mirror only while nothing conclusive was found and the first pass is under way.

        Args:
            query: A name, a phone number, an e-mail address, a company, a title, an id, or a sentence around them.
            limit: How many hits at most.
            report: Is told how far the first pass is, whenever it comes further.

        Raises:
            TelecmiError: Nothing can be read and nothing was, or nobody is signed in.
        """
        if self._shelf is None:
            return await self._search_once(query, limit, report)
        return await self._or_anew(partial(self._search, query, limit, report, anyio.current_time()))

    async def sync(self, report: Report) -> SearchResult:
        """Follow the pass that is due, here or in the process that writes the index, to its end.

        Raises:
            TelecmiError: It cannot be finished.
        """
        return await self._or_anew(partial(self._sync, report))

    async def get_contact(self, contact_id: str) -> Contact:
        """Read one contact as the client does, and let the index know."""
        try:
            contact = await self._client.get_contact(contact_id)
        except errors.ContactNotFound:
            self._tell(lambda mirror: mirror.drop(contact_id.lower()))
            raise
        self._tell(lambda mirror: mirror.note([contact]))
        return contact

    async def list_contacts(self, *, limit: int = 10, page_state: str | None = None) -> ContactPage:
        """Read one page as the client does, and let the index know."""
        page = await self._client.list_contacts(limit=limit, page_state=page_state)
        self._tell(lambda mirror: mirror.note(page.contacts))
        return page

    async def resume(self) -> bool:
        """Go on with the pass that is under way, or begin the one that is due; False where another process writes.

        Raises:
            TelecmiError: The index cannot be used.
        """
        if self._shelf is None:
            return False
        await self._current()
        return self._may_write

    async def standing(self) -> SearchResult | None:
        """Tell how far the index is; ``None`` before the first search. Nothing is begun, and nothing is read anew."""
        return None if self._mirror is None else await self._found(self._mirror, Hits(), 0)

    @property
    def is_syncing(self) -> bool:
        """Whether a pass of the mirror is under way in this process."""
        return self._mirror is not None and self._mirror.is_running

    def stop(self) -> None:
        """End what runs in the background."""
        if self._mirror is not None:
            self._mirror.stop()

    async def _search_once(self, query: str, limit: int, report: Report | None) -> SearchResult:
        """Search what can be read in the time of this call, and keep nothing."""
        shelf = MemoryLocation()
        try:
            async with open_tasks() as tasks:
                once = Directory(self._client, shelf, tasks, timeout=self._timeout, clock=self._clock)
                found = await once.search(query, limit=limit, report=report)
                tasks.cancel_scope.cancel()
        finally:
            shelf.close()
        return replace(found, is_kept=False)

    async def _or_anew(self, work: Callable[[], Awaitable[SearchResult]]) -> SearchResult:
        """Do it again on a new index where the old one is malformed, and then in memory: it is only a cache."""
        was_wiped = False
        for _ in range(_INDEXES - 1):
            try:
                return await work()
            except errors.IndexUnusable as unusable:
                if unusable.malformed and not was_wiped:
                    await self._let_go(self._wipe)
                    was_wiped = True
                elif not ((unusable.malformed or unusable.reason) and await self._let_go(self._retreat, unusable)):
                    raise
        return await work()

    async def _sync(self, report: Report) -> SearchResult:
        mirror = await self._current()
        while self._is_under_way(mirror):
            moved = mirror.moved
            await report(mirror.sync_state.read, mirror.sync_state.count)
            mirror = await self._next(mirror, moved, anyio.current_time() + self._timeout)
        if mirror.fault:
            raise mirror.fault
        return await self._found(mirror, Hits(), 0)

    async def _search(self, query: str, limit: int, report: Report | None, begun: float) -> SearchResult:
        mirror = await self._current()
        if contact_id := id_in(query):
            return await self._by_id(mirror, contact_id)
        until = begun + self._timeout * _WAITING
        mirror, hits = await self._awaited(mirror, query, limit, until, report)
        count_check = None
        if mirror.sync_state.is_whole and _denies(hits):
            mirror, hits, count_check = await self._before_denial(
                mirror, partial(search, query=query, limit=limit), until
            )
        if _is_of_index(mirror.fault):
            raise mirror.fault
        reading = _Reading(self._client, query, limit, until=begun + self._timeout * _CHECKING)
        hits = await reading.checked(mirror, hits, may_write=self._may_write)
        unchecked = sum(hit.contact.contact_id not in reading.live for hit in hits.hits)
        found = replace(await self._found(mirror, hits, unchecked), count_check=count_check)
        if mirror.fault and (isinstance(mirror.fault, errors.SignInError) or not found.indexed):
            raise mirror.fault
        return found

    async def _by_id(self, mirror: IndexSync, contact_id: str) -> SearchResult:
        try:
            hits = Hits(hits=(Hit(contact=await self.get_contact(contact_id), match="exact"),))
        except errors.ContactNotFound:
            hits = Hits()
        return replace(await self._found(mirror, hits, 0), by_id=True, as_of=self._clock())

    async def _awaited(
        self, mirror: IndexSync, query: str, limit: int, until: float, report: Report | None
    ) -> tuple[IndexSync, Hits]:
        while True:
            moved = mirror.moved
            hits = await run_sync(partial(search, mirror.store, query, limit=limit))
            if hits.is_settled or mirror.sync_state.is_whole or not self._is_worth_waiting(mirror, until):
                return mirror, hits
            if report:
                await report(mirror.sync_state.read, mirror.sync_state.count)
            mirror = await self._next(mirror, moved, until)

    async def _before_denial(
        self, mirror: IndexSync, find: Callable[..., Hits], until: float
    ) -> tuple[IndexSync, Hits, CountCheck]:
        """Compare TeleCMI's count before an answer says that nobody matches; where it differs, wait for a sync.

        Args:
            mirror: The index, which a sync has read completely.
            find: Searches a store.
            until: The event loop's time at which the answer must be given.
        """
        count_check = await self._count_checker.compare(mirror.sync_state)
        if count_check in {CountCheck.DIFFERENT, CountCheck.UNFINISHED}:
            if self._may_write:
                mirror.start(self._tasks, max_age=0)
            while self._is_syncing(mirror) and anyio.current_time() < until:
                mirror = await self._next(mirror, mirror.moved, until)
            count_check = await self._count_checker.compare(mirror.sync_state)
        return mirror, await run_sync(find, mirror.store), count_check

    def _is_worth_waiting(self, mirror: IndexSync, until: float) -> bool:
        rests = mirror.faults >= _ENOUGH_FAULTS or mirror.resumes_at >= until
        return self._is_under_way(mirror) and not rests and anyio.current_time() < until

    def _is_under_way(self, mirror: IndexSync) -> bool:
        """Whether a pass goes on here, or may go on in the process that writes."""
        return mirror.is_running if self._may_write else not mirror.is_current(max_age=self._max_age)

    def _is_syncing(self, mirror: IndexSync) -> bool:
        """Whether a sync is under way, here or in the process that writes."""
        return mirror.is_running if self._may_write else not mirror.sync_state.ended

    async def _next(self, mirror: IndexSync, moved: anyio.Event, until: float) -> IndexSync:
        """Wait until the mirror comes further; look for oneself where another process writes."""
        left = max(0.0, until - anyio.current_time())
        if self._may_write:
            with anyio.move_on_after(left):
                await moved.wait()
            return mirror
        await anyio.sleep(min(_POLL, left))
        return await self._current()

    async def _found(self, mirror: IndexSync, hits: Hits, unchecked: int) -> SearchResult:
        sync_state = mirror.sync_state
        return SearchResult(
            hits=hits.hits,
            has_more=hits.has_more,
            as_of=sync_state.as_of or sync_state.begun or self._clock(),
            indexed=await run_sync(mirror.store.count),
            count=sync_state.count,
            complete=sync_state.is_whole,
            unchecked=unchecked,
            place=self._shelf.notice if self._shelf else "",
        )

    async def _current(self) -> IndexSync:
        """The mirror over the index to use now, with the pass begun that is due."""
        async with self._taking:
            mirror = await self._taken()
            if self._may_write:
                mirror.start(self._tasks, max_age=self._max_age)
            else:
                mirror.sync_state = SyncState.from_state(await run_sync(mirror.store.state))
            return mirror

    async def _let_go(self, change: Callable[..., bool], *values: object) -> bool:
        """Let go of the index, and change what the next search takes."""
        async with self._taking:
            if self._mirror:
                self._mirror.stop()
            self._mirror = None
            return await run_sync(change, *values)

    def _wipe(self) -> bool:
        if self._shelf is not None:
            self._shelf.wipe()
        return True

    def _retreat(self, unusable: errors.IndexUnusable) -> bool:
        return self._shelf is not None and self._shelf.retreat(unusable.reason or UNUSABLE)

    async def _taken(self) -> IndexSync:
        if self._shelf is None:  # without one search() does not come here
            raise errors.IndexUnusable("no shelf", malformed=False)
        mirror = self._mirror
        if mirror and _is_of_index(mirror.fault):
            raise mirror.fault
        index = await run_sync(self._shelf.take)
        if mirror is None or mirror.store is not index:
            if mirror:
                mirror.stop()
            sync_state = SyncState.from_state(await run_sync(index.state))
            mirror = self._mirror = IndexSync(self._client, index, sync_state, clock=self._clock, is_ours=self._is_ours)
        return mirror

    @property
    def _may_write(self) -> bool:
        return self._shelf is not None and self._shelf.is_writer

    def _tell(self, operation: Callable[[IndexSync], Awaitable[None]]) -> None:
        if self._mirror is not None and self._may_write:
            self._tasks.start_soon(_told, self._mirror, operation)


class _Reading:
    """Reads the hits of one search again, until those that are shown are live.

    Attributes:
        live: What TeleCMI said of each contact just now; ``None`` for one that is gone.
    """

    def __init__(self, client: TelecmiClient, query: str, limit: int, *, until: float) -> None:
        self.live: dict[str, Contact | None] = {}
        self._client = client
        self._search = partial(search, query=query, limit=limit)
        self._until = until

    async def checked(self, mirror: IndexSync, hits: Hits, *, may_write: bool) -> Hits:
        """Return the hits as they are now; where one changed or is gone, as they are found now."""
        for _ in range(_ROUNDS):
            known = {hit.contact.contact_id: hit.contact for hit in hits.hits}
            asked = [contact_id for contact_id in known if _is_id(contact_id) and contact_id not in self.live]
            await self._read(asked)
            changed = [each for each in asked if each in self.live and self.live[each] != known[each]]
            if not (changed and may_write):
                break
            if not await self._correct(mirror, changed):
                break
            hits = await run_sync(self._search, mirror.store)
        return replace(hits, hits=tuple(self._as_live(hits.hits)))

    def _as_live(self, hits: Iterable[Hit]) -> Iterable[Hit]:
        for hit in hits:
            contact = self.live.get(hit.contact.contact_id, hit.contact)
            if contact is not None:
                yield replace(hit, contact=contact)

    async def _correct(self, mirror: IndexSync, changed: Iterable[str]) -> bool:
        """Write what is live; False where another process has begun to write, which will see it itself."""
        try:
            for contact_id in changed:
                contact = self.live[contact_id]
                await (mirror.drop(contact_id) if contact is None else mirror.note([contact]))
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
            _log.info("a hit was not read again: %s", fault.code)


def _denies(hits: Hits) -> bool:
    """Whether the answer would say that nobody matches all of the query."""
    return not hits.hits or hits.hits[0].match == "partial"


def _is_of_index(fault: errors.TelecmiError | None) -> TypeGuard[errors.IndexUnusable]:
    """Whether another index helps: this one is malformed, or cannot be where it is."""
    return isinstance(fault, errors.IndexUnusable) and bool(fault.malformed or fault.reason)


async def _told(mirror: IndexSync, operation: Callable[[IndexSync], Awaitable[None]]) -> None:
    try:
        await operation(mirror)
    except errors.TelecmiError as fault:
        _log.info("the index was not told: %s", fault.code)


def _is_id(contact_id: str) -> bool:
    """Whether TeleCMI would take this id; a contact with another one can be listed only."""
    return id_in(contact_id) == contact_id.lower()
