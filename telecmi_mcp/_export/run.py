"""Reads all contacts into the partial file, and moves it to its path."""

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
    """The result of an export.

    Attributes:
        path: The file that was written: the requested one if ``is_whole``, else the incomplete one beside it.
        contacts: Number of contacts in the file.
        count: Number of contacts by TeleCMI's count, if TeleCMI gave one.
        malformed: Number of entries left out because they are not contacts.
        surplus: Number of entries left out because a page had more than the limit.
        is_broken: True if the list ended before TeleCMI's cursors did.
        is_whole: True if the file holds all contacts, by TeleCMI's count and cursors.
        resumed: Number of the contacts that an earlier run read.
        restarted: Why the contacts of an earlier run were not used, or reading started again; "" otherwise.
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
    partial_file: PartialFile,
    *,
    incomplete: Path,
    report: Callable[[int, int | None], Awaitable[None]],
    is_same_account: Callable[[], Awaitable[bool]],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> Exported:
    """Read all contacts, and move the file to its path.

    Args:
        client: Reads the contacts.
        partial_file: Holds the contacts while they are read.
        incomplete: The path of the file if it does not hold all contacts.
        report: Is called with the number of contacts read and their total, if known.
        is_same_account: Returns True while the client reads for the account of the partial file.
        clock: Returns the Unix time.
        sleep: Waits before a page is requested again.

    Raises:
        TelecmiError: The export cannot be completed now. The partial file stays, and the next call resumes it.
    """
    async with _locked(partial_file):
        await run_sync(partial_file.open, clock())
        if partial_file.resumed:
            await report(partial_file.contacts, partial_file.sync_state.count)
        try:
            await _read_all(
                client, partial_file, report=report, is_same_account=is_same_account, clock=clock, sleep=sleep
            )
        finally:
            with anyio.CancelScope(
                shield=True
            ):  # the contacts that were read are saved even if reading the next page failed
                await run_sync(partial_file.save)
        exported = _exported(partial_file, incomplete, clock())
        await run_sync(partial_file.put, exported.path)
        return exported


async def _read_all(
    client: TelecmiClient,
    partial_file: PartialFile,
    *,
    report: Callable[[int, int | None], Awaitable[None]],
    is_same_account: Callable[[], Awaitable[bool]],
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    async def write(page: ContactPage) -> None:
        with anyio.CancelScope(shield=True):  # a page is written completely or not at all
            await run_sync(partial_file.append, page)
        await report(partial_file.contacts, partial_file.sync_state.count)

    pages = PageReader(client, on_page=partial(refuse_others, is_same_account), on_fault=lambda *_: None, sleep=sleep)
    for restarts_left in reversed(range(RESTARTS + 1)):
        try:
            return await pages.read_on(partial_file.sync_state.cursor or None, write)
        except errors.InvalidCursor:
            if not restarts_left:
                raise
            await run_sync(partial_file.restart, clock(), _REFUSED)
    return None


async def refuse_others(is_same_account: Callable[[], Awaitable[bool]]) -> None:
    """Raise an error if another user signed in while the contacts are read."""
    if not await is_same_account():
        raise errors.SignInError(hint="Run the command again", fact="another user signed in while it was reading")


def _exported(partial_file: PartialFile, incomplete: Path, now: float) -> Exported:
    sync_state = partial_file.sync_state.closed(now, seen=partial_file.contacts)
    is_whole = sync_state.is_whole and not partial_file.surplus
    return Exported(
        path=partial_file.path if is_whole else incomplete,
        contacts=partial_file.contacts,
        count=sync_state.count,
        malformed=sync_state.left_out,
        surplus=partial_file.surplus,
        is_broken=sync_state.is_broken,
        is_whole=is_whole,
        resumed=partial_file.resumed,
        restarted=partial_file.restarted,
    )


@asynccontextmanager
async def _locked(partial_file: PartialFile) -> AsyncIterator[None]:
    """Lock the partial file against other processes."""
    await run_sync(partial_file.make_folder)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(file_lock(partial_file.lock, timeout_s=0))
        except errors.DeadlineExceeded:
            hint, fact = "Wait for it to end", "another export is writing this file"
            raise errors.FileUnusable(None, hint=hint, fact=fact) from None
        yield
    partial_file.clear_away()
