"""Reader of TeleCMI's whole list, page by page, with retries for each page."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Any

import anyio

from telecmi_mcp import errors
from telecmi_mcp._api.retry import retry_delay_s
from telecmi_mcp._task_groups import open_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._models import ContactPage

PAGE = 100
"""Contacts of a page: TeleCMI's maximum."""

RESTARTS = 2
"""How often a list is restarted because its cursor is refused."""

_MAX_ATTEMPTS = 8  # for one page
_MAX_CURSOR_ATTEMPTS = 3  # after so many failures the cursor is the likely cause
_MAX_DELAY_S = 3600.0


class PageReader:
    """Reads pages in the background, and waits after an error.

    Args:
        client: Reads one page at a time; every other call of it goes first.
        on_page: Awaited after each page, before the page is written; an exception ends the reading.
        on_fault: Called with each error and the seconds until the next attempt; ``None`` for no further attempt.
        sleep: Waits.
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
        """Read from a cursor to the end of the list; write each page while the next one is requested.

        Raises:
            InvalidCursor: The list must be read again from its start.
            TelecmiError: A page cannot be read.
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
            except errors.TelecmiError as error:
                await self._wait(error, attempt, has_cursor=page_state is not None)
            else:
                await self._on_page()
                return page
        raise AssertionError  # count() has no end

    async def _wait(self, error: errors.TelecmiError, attempt: int, *, has_cursor: bool) -> None:
        """Wait before the next attempt, or raise."""
        delay_s = retry_delay_s(attempt, retry_after=getattr(error, "retry_after", None), rng=random.random)
        is_cursor_refused = has_cursor and isinstance(error, errors.ServiceFailed) and attempt >= _MAX_CURSOR_ATTEMPTS
        is_last = is_cursor_refused or not error.retryable or attempt >= _MAX_ATTEMPTS or delay_s > _MAX_DELAY_S
        self._on_fault(error, None if is_last else delay_s)
        if is_cursor_refused:
            raise errors.InvalidCursor(detail=error.detail)
        if is_last:
            raise error
        await self._sleep(delay_s)
