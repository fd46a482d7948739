"""Writes all contacts to a stream, such as standard output; what is written cannot be taken back or resumed."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp import errors
from telecmi_mcp._api.pager import PageReader
from telecmi_mcp._export.csv import BYTE_ORDER_MARK
from telecmi_mcp._export.run import Exported, refuse_others
from telecmi_mcp._export.seen_ids import SeenIds
from telecmi_mcp._index.sync_state import SyncState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._export.formats import FileFormat
    from telecmi_mcp._models import ContactPage

STDOUT = Path("-")
"""The path that stands for standard output."""


async def export_stream(
    client: TelecmiClient,
    file_format: FileFormat,
    write: Callable[[bytes], object],
    *,
    report: Callable[[int, int | None], Awaitable[None]],
    is_same_account: Callable[[], Awaitable[bool]],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> Exported:
    """Read all contacts, and write each page, without the byte order mark that a file has for Excel.

    Args:
        client: Reads the contacts.
        file_format: The format of the stream.
        write: Writes bytes to the stream; it may block.
        report: Is called with the number of contacts written and their total, if known.
        is_same_account: Returns True while the client reads for the account that it read for at first.
        clock: Returns the Unix time.
        sleep: Waits before a page is requested again.

    Raises:
        TelecmiError: Reading ended early; the pages so far are written.
    """
    stream = _Stream(file_format, write, SyncState().restarted(clock()))

    async def write_page(page: ContactPage) -> None:
        await run_sync(stream.append, page)
        await report(stream.contacts, stream.sync_state.count)

    pages = PageReader(client, on_page=partial(refuse_others, is_same_account), on_fault=lambda *_: None, sleep=sleep)
    await run_sync(write, file_format.head.removeprefix(BYTE_ORDER_MARK))
    try:
        await pages.read_on(None, write_page)
    except errors.InvalidCursor as refused:
        fact = "TeleCMI no longer takes the cursor of the next page"
        raise errors.InvalidCursor(hint="Run the command again", fact=fact, detail=refused.detail) from None
    return stream.result(clock())


class _Stream:
    """The contacts that are written, each once."""

    def __init__(self, file_format: FileFormat, write: Callable[[bytes], object], sync_state: SyncState) -> None:
        self.contacts = 0
        self.sync_state = sync_state
        self._surplus = 0
        self._format = file_format
        self._write = write
        self._seen = SeenIds(token_bytes(16))

    def append(self, page: ContactPage) -> None:
        """Write the contacts of a page that are not written yet."""
        fresh = [contact for contact in page.contacts if self._seen.add(contact.contact_id)]
        self._write(b"".join(map(self._format.render, fresh)))
        self.contacts += len(fresh)
        self._surplus += page.surplus
        self.sync_state = self.sync_state.after(page)

    def result(self, now: float) -> Exported:
        """Return what was written, and whether it is everything."""
        state = self.sync_state.closed(now, seen=self.contacts)
        return Exported(
            path=STDOUT,
            contacts=self.contacts,
            count=state.count,
            malformed=state.left_out,
            surplus=self._surplus,
            is_broken=state.is_broken,
            is_whole=state.is_whole and not self._surplus,
            resumed=0,
            restarted="",
        )
