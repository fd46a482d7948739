"""Reads all contacts into the partial file, and moves that to its place."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._api.pager import RESTARTS, PageReader
from telecmi_mcp._private_files import file_lock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._export.partial_file import PartialFile
    from telecmi_mcp._models import ContactPage

_REFUSED = "TeleCMI no longer took the cursor"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to.

    Attributes:
        path: The file that was written: the one asked for if ``is_whole``, else the one beside it.
        contacts: How many contacts it holds.
        count: How many TeleCMI says there are, as far as it does.
        malformed: How many entries were left out because they are not contacts.
        surplus: How many were left out because a page had more than were asked for.
        is_broken: Whether the list ended before TeleCMI's cursors did.
        is_whole: Whether it holds all contacts, as far as TeleCMI's count and cursors tell.
        resumed: How many of the contacts an earlier run had read.
        restarted: Why an earlier run's contacts were not taken up, or reading began again; "" otherwise.
    """

    path: Path
    contacts: int
    count: int | None
    malformed: int
    surplus: int
    is_broken: bool
    is_whole: bool
    resumed: int
    restarted: str


async def export(
    client: TelecmiClient,
    draft: PartialFile,
    *,
    incomplete: Path,
    report: Callable[[int, int | None], Awaitable[None]],
    is_ours: Callable[[], Awaitable[bool]],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> Exported:
    """Read all contacts and put the file in its place.

    Args:
        client: Reads them.
        draft: What they are kept in while they are read.
        incomplete: Where the file goes if it does not hold all contacts.
        report: Is told how many have been read, and of how many.
        is_ours: Tells whether the client still reads for the account that the draft belongs to.
        clock: Tells the Unix time.
        sleep: Waits before a page is asked for again.

    Raises:
        TelecmiError: It cannot be finished for now. The draft stays, and the next call goes on with it.
    """
    async with _locked(draft):
        await run_sync(draft.open, clock())
        if draft.resumed:
            await report(draft.contacts, draft.sync_state.count)
        try:
            await _read_all(client, draft, report=report, is_ours=is_ours, clock=clock, sleep=sleep)
        finally:
            with anyio.CancelScope(shield=True):  # what was read is kept, even where reading on failed
                await run_sync(draft.save)
        exported = _exported(draft, incomplete, clock())
        await run_sync(draft.put, exported.path)
        return exported


async def _read_all(
    client: TelecmiClient,
    draft: PartialFile,
    *,
    report: Callable[[int, int | None], Awaitable[None]],
    is_ours: Callable[[], Awaitable[bool]],
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    async def write(page: ContactPage) -> None:
        with anyio.CancelScope(shield=True):  # a page goes in whole
            await run_sync(draft.append, page)
        await report(draft.contacts, draft.sync_state.count)

    pages = PageReader(client, on_page=partial(_refuse_others, is_ours), on_fault=lambda *_: None, sleep=sleep)
    for restarts_left in reversed(range(RESTARTS + 1)):
        try:
            return await pages.read_on(draft.sync_state.cursor or None, write)
        except errors.InvalidCursor:
            if not restarts_left:
                raise
            await run_sync(draft.restart, clock(), _REFUSED)
    return None


async def _refuse_others(is_ours: Callable[[], Awaitable[bool]]) -> None:
    if not await is_ours():
        raise errors.SignInError(hint="Run the command again", fact="another user signed in while it was reading")


def _exported(draft: PartialFile, incomplete: Path, now: float) -> Exported:
    sync_state = draft.sync_state.closed(now, seen=draft.contacts)
    is_whole = sync_state.is_whole and not draft.surplus
    return Exported(
        path=draft.path if is_whole else incomplete,
        contacts=draft.contacts,
        count=sync_state.count,
        malformed=sync_state.left_out,
        surplus=draft.surplus,
        is_broken=sync_state.is_broken,
        is_whole=is_whole,
        resumed=draft.resumed,
        restarted=draft.restarted,
    )


@asynccontextmanager
async def _locked(draft: PartialFile) -> AsyncIterator[None]:
    """Be the only process that works on the draft."""
    await run_sync(draft.make_folder)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(file_lock(draft.lock, timeout_s=0))
        except errors.DeadlineExceeded:
            hint, fact = "Wait for it to end", "another export is writing this file"
            raise errors.FileUnusable(None, hint=hint, fact=fact) from None
        yield
    draft.clear_away()
