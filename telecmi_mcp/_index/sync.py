"""Copies TeleCMI's list into a store page by page; writes each page while the next one is read."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._api.pager import RESTARTS, PageReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from anyio.abc import TaskGroup

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.sync_state import SyncState
    from telecmi_mcp._models import Contact, ContactPage
    from telecmi_mcp._search import ContactStore

_log = logging.getLogger(__name__)

_TRUSTED_AGES = 4  # multiples of max_age for which an unchanged count stands for an unchanged list


async def account_unchanged() -> bool:
    """Return True: the client reads for one account only."""
    return True


class IndexSync:
    """Keeps a store equal to TeleCMI's list. Runs one sync at a time and holds two pages in memory.

    Attributes:
        sync_state: The progress.
        fault: Why the last request failed; ``None`` once one succeeds.
        fault_count: Number of requests that failed in a row.
        is_running: True while a sync runs.
        resumes_at: The event loop's time at which a sync continues after a fault.
    """

    def __init__(
        self,
        client: TelecmiClient,
        store: ContactStore,
        sync_state: SyncState,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        is_same_account: Callable[[], Awaitable[bool]] = account_unchanged,
    ) -> None:
        self.store = store
        self.sync_state = sync_state
        self.fault: errors.TelecmiError | None = None
        self.fault_count = 0
        self.is_running = False
        self.resumes_at = 0.0
        self._client = client.in_background()
        self._clock = clock
        self._pages = PageReader(client, on_page=self._note_page, on_fault=self._note_fault, sleep=sleep)
        self._is_same_account = is_same_account
        self._progressed = anyio.Event()
        self._scope = anyio.CancelScope()

    @property
    def progressed(self) -> anyio.Event:
        """An event that is set when a page is written, a request fails or the sync ends; a new one replaces it."""
        return self._progressed

    def start(self, tasks: TaskGroup, *, max_age: float) -> None:
        """Start a sync in the background if one is due and none runs."""
        if not (self.is_running or self.is_current(max_age=max_age)):
            self.is_running = True
            self.fault, self.fault_count, self.resumes_at = None, 0, 0.0
            self._scope = anyio.CancelScope()
            tasks.start_soon(self._run, max_age)

    def stop(self) -> None:
        """Cancel the running sync; it can be resumed."""
        self._scope.cancel()

    def is_current(self, *, max_age: float) -> bool:
        """Return True if the last sync is complete and no other one is due."""
        return not self.sync_state.is_due(self._clock(), max_age=max_age)

    async def _run(self, max_age: float) -> None:
        """Run a sync unless TeleCMI's count is unchanged. Raises nothing, because no caller waits for it."""
        try:
            with self._scope:
                if not await self._is_unchanged(max_age):
                    await self._read_all()
                    if self.sync_state.is_to_be_confirmed:
                        await self._read_all()
                elif self.sync_state.is_dirty:
                    await self._compact()
        except errors.TelecmiError as fault:
            self.fault = fault
            _log.info("the sync stopped: %s", fault.code)
        except Exception as defect:  # noqa: BLE001 - a defect here must not end the server
            self.fault = errors.SyncFailed(type(defect).__name__)
            _log.error("the sync failed with %s", type(defect).__name__)
        finally:
            self.is_running = False
            self._announce()

    async def note(self, contacts: Sequence[Contact]) -> None:
        """Write contacts that a tool call read."""
        if not await self._is_same_account():
            return
        generation = self.sync_state.generation
        written = await run_sync(partial(self.store.upsert, contacts, generation=generation, state={}))
        await self._mark_dirty(is_dirty=written.changed > 0)

    async def drop(self, *contact_ids: str) -> None:
        """Remove contacts that TeleCMI no longer has, or one by each form of its id."""
        if not await self._is_same_account():
            return
        removed = await run_sync(self.store.delete, contact_ids)
        await self._mark_dirty(is_dirty=removed > 0)

    async def _is_unchanged(self, max_age: float) -> bool:
        """Read one contact and compare the count; an edit does not change it, so it is trusted for a limited time."""
        sync_state = self.sync_state
        if not (
            sync_state.ended_at and sync_state.is_whole and self._clock() - sync_state.as_of < _TRUSTED_AGES * max_age
        ):
            return False
        page = await self._client.list_contacts(limit=1)
        if page.count is None or page.count != sync_state.count:
            return False
        await self._save(replace(self.sync_state, checked_at=self._clock()))
        return True

    async def _read_all(self) -> None:
        self.sync_state = self.sync_state.opened(self._clock())
        for restarts_left in reversed(range(RESTARTS + 1)):
            try:
                await self._pages.read_on(self.sync_state.cursor or None, self._write)
                return await self._close()
            except errors.InvalidCursor:
                if not restarts_left:
                    raise
                self.sync_state = self.sync_state.restarted(self._clock())
        return None

    async def _write(self, page: ContactPage) -> None:
        sync_state = self.sync_state.after(page)
        upsert = partial(self.store.upsert, page.contacts, generation=sync_state.generation, state=sync_state.state)
        with anyio.CancelScope(shield=True):  # a page that was read is written even if reading the next one fails
            written = await run_sync(upsert)
        self.sync_state = replace(sync_state, is_dirty=self.sync_state.is_dirty or written.changed > 0)
        self._announce()

    async def _close(self) -> None:
        seen = await run_sync(self.store.count, self.sync_state.generation)
        sync_state = self.sync_state.closed(self._clock(), seen=seen)
        if sync_state.is_whole:
            swept = await run_sync(partial(self.store.sweep, sync_state.generation, state=sync_state.state))
            self.sync_state = replace(sync_state, is_dirty=sync_state.is_dirty or swept > 0)
        else:
            await self._save(sync_state)
        if self.sync_state.is_dirty:
            await self._compact()

    async def _compact(self) -> None:
        if await run_sync(self.store.compact):
            await self._save(replace(self.sync_state, is_dirty=False))

    async def _mark_dirty(self, *, is_dirty: bool) -> None:
        if is_dirty and not self.sync_state.is_dirty:
            await self._save(replace(self.sync_state, is_dirty=True))

    async def _save(self, sync_state: SyncState) -> None:
        self.sync_state = sync_state
        await run_sync(self.store.remember, sync_state.state)

    async def _note_page(self) -> None:
        self.fault, self.fault_count = None, 0
        # If another user has signed in, the page is theirs and must not be written into this account's store.
        if not await self._is_same_account():
            self.stop()
            await anyio.lowlevel.checkpoint()

    def _note_fault(self, fault: errors.TelecmiError, pause: float | None) -> None:
        self.fault, self.fault_count = fault, self.fault_count + 1
        if pause is not None:
            self.resumes_at = anyio.current_time() + pause
            self._announce()

    def _announce(self) -> None:
        self._progressed.set()
        self._progressed = anyio.Event()
