"""Opens the index of one account, keeps its sync running, and searches it while the sync can change the result."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeGuard, TypeVar

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._index.count_check import CountCheck, CountChecker
from telecmi_mcp._index.files import UNUSABLE
from telecmi_mcp._index.result import Freshness
from telecmi_mcp._index.sync import IndexSync
from telecmi_mcp._index.sync_state import SyncState

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.location import IndexLocation
    from telecmi_mcp._search import ContactStore

Report: TypeAlias = Callable[[int, int | None], Awaitable[None]]
"""Is called with the number of contacts read and their total, if known."""

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

_MAX_FAULTS = 3
_MAX_INDEXES = 3  # that one call tries: the existing one, a new one, and one in memory
_POLL_S = 0.2  # between two reads of the state that another process writes


@dataclass(frozen=True, slots=True)
class Finding(Generic[_T]):
    """What a search found.

    Attributes:
        index_sync: The sync of the index that was searched.
        sync_state: Its progress when the search began: a sync may end while the search runs.
        found: The result.
    """

    index_sync: IndexSync
    sync_state: SyncState
    found: _T


class CurrentIndex:
    """The index that calls search now. A malformed index is replaced by a new one, or by one in memory.

    Args:
        client: Reads contacts.
        location: Where the index is.
        tasks: The task group in which the sync runs.
        max_age: Seconds after which the next call starts a new sync.
        clock: Returns the Unix time.
        is_same_account: Returns True while the client reads for the account of this index.
    """

    def __init__(
        self,
        client: TelecmiClient,
        location: IndexLocation,
        tasks: TaskGroup,
        *,
        max_age: float,
        clock: Callable[[], float],
        is_same_account: Callable[[], Awaitable[bool]],
    ) -> None:
        self._client = client
        self._location = location
        self._tasks = tasks
        self._max_age = max_age
        self._clock = clock
        self._is_same_account = is_same_account
        self._index_sync: IndexSync | None = None
        self._opening = anyio.Lock()
        self._count_checker = CountChecker(client, clock=clock)

    @property
    def may_write(self) -> bool:
        """True if this process writes the index."""
        return self._location.is_writer

    @property
    def is_syncing(self) -> bool:
        """True while a sync runs in this process."""
        return self._index_sync is not None and self._index_sync.is_running

    def stop(self) -> None:
        """Cancel the running sync."""
        if self._index_sync is not None:
            self._index_sync.stop()

    def notify(self, operation: Callable[[IndexSync], Awaitable[None]]) -> None:
        """Run an operation in the background that writes what another call read, if there is an index to write."""
        if self._index_sync is not None and self.may_write:
            self._tasks.start_soon(_run_notification, self._index_sync, operation)

    async def status(self) -> Freshness | None:
        """Return how complete the index is, without a request; ``None`` before the first search."""
        return None if self._index_sync is None else await self.freshness(self._index_sync)

    async def freshness(self, index_sync: IndexSync, sync_state: SyncState | None = None) -> Freshness:
        """Return how fresh and complete the index of a sync is now, or was when a search began."""
        sync_state = sync_state or index_sync.sync_state
        return Freshness(
            as_of=sync_state.as_of or sync_state.started_at or self._clock(),
            indexed=await run_sync(index_sync.store.count),
            count=sync_state.count,
            complete=sync_state.is_whole,
            has_ended=bool(sync_state.ended_at),
            created_at=sync_state.created_at,
            left_out=sync_state.left_out,
            place=self._location.notice,
        )

    async def sync(self) -> IndexSync:
        """Return the sync of the current index; start it if it is due."""
        async with self._opening:
            index_sync = await self._opened_sync()
            if self.may_write:
                index_sync.start(self._tasks, max_age=self._max_age)
            else:
                index_sync.sync_state = SyncState.from_state(await run_sync(index_sync.store.state))
            return index_sync

    async def with_new_index(self, work: Callable[[], Awaitable[_T]]) -> _T:
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

    async def wait_for_end(self, report: Report, *, patience: float) -> Freshness:
        """Wait for the end of the sync that is due, in this process or in the one that writes the index.

        Args:
            report: Is called with each progress.
            patience: Maximum seconds between two looks at the state.

        Raises:
            TelecmiError: The sync cannot be completed.
        """
        index_sync = await self.sync()
        while self._is_under_way(index_sync):
            progressed = index_sync.progressed
            await report(index_sync.sync_state.read, index_sync.sync_state.count)
            index_sync = await self._wait_for_progress(index_sync, progressed, anyio.current_time() + patience)
        if index_sync.fault:
            raise index_sync.fault
        return await self.freshness(index_sync)

    async def find_until(
        self, find: Callable[[ContactStore], _T], is_settled: Callable[[_T], bool], until: float, report: Report | None
    ) -> Finding[_T]:
        """Search the index again and again while the first sync runs and more contacts could change the result."""
        index_sync = await self.sync()
        while True:
            progressed = index_sync.progressed
            finding = await _find(find, index_sync)
            if finding.sync_state.is_whole or is_settled(finding.found):
                return finding
            if index_sync.sync_state.is_whole:
                return await _find(find, index_sync)
            if not self._is_worth_waiting(index_sync, until):
                return finding
            if report:
                await report(index_sync.sync_state.read, index_sync.sync_state.count)
            index_sync = await self._wait_for_progress(index_sync, progressed, until)

    async def find_after_count_check(
        self, finding: Finding[_T], find: Callable[[ContactStore], _T], until: float
    ) -> tuple[Finding[_T], CountCheck]:
        """Compare TeleCMI's count before an answer depends on every contact; if it differs, wait for a sync.

        Args:
            finding: What was found in an index that a sync has read completely.
            find: Searches a store again after a sync.
            until: The event loop's time at which the answer must be given.
        """
        index_sync = finding.index_sync
        count_check = await self._count_checker.compare(index_sync.sync_state)
        if count_check not in {CountCheck.DIFFERENT, CountCheck.UNFINISHED}:
            return finding, count_check
        if self.may_write:
            index_sync.start(self._tasks, max_age=0)
        while self._is_syncing(index_sync) and anyio.current_time() < until:
            index_sync = await self._wait_for_progress(index_sync, index_sync.progressed, until)
        count_check = await self._count_checker.compare(index_sync.sync_state)
        return await _find(find, index_sync), count_check

    def _is_syncing(self, index_sync: IndexSync) -> bool:
        """Return True if a sync runs, here or in the process that writes."""
        return index_sync.is_running if self.may_write else not index_sync.sync_state.ended_at

    def _is_worth_waiting(self, index_sync: IndexSync, until: float) -> bool:
        is_pausing = index_sync.fault_count >= _MAX_FAULTS or index_sync.resumes_at >= until
        return self._is_under_way(index_sync) and not is_pausing and anyio.current_time() < until

    def _is_under_way(self, index_sync: IndexSync) -> bool:
        """Return True if a sync runs here, or may run in the process that writes."""
        return index_sync.is_running if self.may_write else not index_sync.is_current(max_age=self._max_age)

    async def _wait_for_progress(self, index_sync: IndexSync, progressed: anyio.Event, until: float) -> IndexSync:
        """Wait for progress of the sync; poll the index if another process writes it."""
        left = max(0.0, until - anyio.current_time())
        if self.may_write:
            with anyio.move_on_after(left):
                await progressed.wait()
            return index_sync
        await anyio.sleep(min(_POLL_S, left))
        return await self.sync()

    async def _replace_index(self, change: Callable[..., bool], *values: object) -> bool:
        """Drop the index, and change which one the next search opens."""
        async with self._opening:
            if self._index_sync:
                self._index_sync.stop()
            self._index_sync = None
            return await run_sync(change, *values)

    def _wipe(self) -> bool:
        self._location.wipe()
        return True

    def _use_memory(self, unusable: errors.IndexUnusable) -> bool:
        return self._location.use_memory(unusable.reason or UNUSABLE)

    async def _opened_sync(self) -> IndexSync:
        index_sync = self._index_sync
        if index_sync and is_of_index(index_sync.fault):
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


async def _find(find: Callable[[ContactStore], _T], index_sync: IndexSync) -> Finding[_T]:
    sync_state = index_sync.sync_state
    return Finding(index_sync, sync_state, await run_sync(find, index_sync.store))


def is_of_index(fault: errors.TelecmiError | None) -> TypeGuard[errors.IndexUnusable]:
    """Return True if another index helps: this one is malformed, or its place cannot be used."""
    return isinstance(fault, errors.IndexUnusable) and bool(fault.malformed or fault.reason)


async def _run_notification(index_sync: IndexSync, operation: Callable[[IndexSync], Awaitable[None]]) -> None:
    try:
        await operation(index_sync)
    except errors.TelecmiError as fault:
        _log.info("the index was not updated: %s", fault.code)
