"""Reading TeleCMI's whole list: one page after the other, each asked for as often as is within reason."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio

from telecmi_mcp import errors
from telecmi_mcp._api.limiters import pause_before
from telecmi_mcp._task_groups import open_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._models import ContactPage

PAGE = 100
"""Contacts of a page: TeleCMI's most."""

RESTARTS = 2
"""How often a list is begun again whose cursor is refused."""

_ATTEMPTS = 8  # for one page
_CURSOR_ATTEMPTS = 3  # after so many failures at a cursor, the cursor may be why
_LONGEST_REST = 3600.0


class PageReader:
    """Reads pages in the background, and rests after a fault.

    Args:
        client: Reads one page at a time; every other call of it goes first.
        sleep: Waits.
        on_page: Is awaited after each page, before anybody gets it; what it raises ends the reading.
        on_fault: Is told of each fault, and of the seconds until the next attempt; ``None`` if there is none.
    """

    def __init__(
        self,
        client: TelecmiClient,
        *,
        on_page: Callable[[], Awaitable[None]],
        on_fault: Callable[[errors.TelecmiError, float | None], None],
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._client = client.in_background()
        self._sleep = sleep
        self._on_page = on_page
        self._on_fault = on_fault

    async def read_on(self, page_state: str | None, write: Callable[[ContactPage], Coroutine[Any, Any, None]]) -> None:
        """Read from a cursor to the end of the list; each page is written while the next is on its way.

        Raises:
            InvalidCursor: The list has to be begun again.
            TelecmiError: A page cannot be read for now, or at all.
        """
        page: ContactPage | None = await self._read(page_state)
        while page is not None:
            async with open_tasks() as tasks:
                tasks.start_soon(write, page)
                page = await self._read(page.page_state) if page.page_state else None

    async def _read(self, page_state: str | None) -> ContactPage:
        for attempt in count(1):
            try:
                page = await self._client.list_contacts(limit=PAGE, page_state=page_state)
            except errors.TelecmiError as fault:
                await self._rest(fault, attempt, at_cursor=page_state is not None)
            else:
                await self._on_page()
                return page
        raise AssertionError  # count() has no end

    async def _rest(self, fault: errors.TelecmiError, attempt: int, *, at_cursor: bool) -> None:
        """Wait before the next attempt; raise when there is none."""
        pause = pause_before(attempt, retry_after=getattr(fault, "retry_after", None), draw=random.random)
        is_of_cursor = at_cursor and isinstance(fault, errors.ServiceFailed) and attempt >= _CURSOR_ATTEMPTS
        ends = is_of_cursor or not fault.retryable or attempt >= _ATTEMPTS or pause > _LONGEST_REST
        self._on_fault(fault, None if ends else pause)
        if is_of_cursor:
            raise errors.InvalidCursor(detail=fault.detail)
        if ends:
            raise fault
        await self._sleep(pause)
