"""Asks TeleCMI for its count before an answer says that nobody matches."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from telecmi_mcp import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from telecmi_mcp._api.client import TelecmiClient
    from telecmi_mcp._index.sync_state import SyncState

_log = logging.getLogger(__name__)

MIN_INTERVAL_S = 60.0
"""Seconds between two requests for the count of one account."""


class CountCheck(Enum):
    """How TeleCMI's count compares with the index."""

    SAME = auto()
    DIFFERENT = auto()
    MISSING = auto()
    """TeleCMI's answer holds no count."""
    UNREACHABLE = auto()
    """TeleCMI could not be asked."""
    UNFINISHED = auto()
    """A sync is under way, so what the index holds is of two times."""


@dataclass(frozen=True, slots=True)
class _Reply:
    asked_at: float
    count: int | None
    is_answer: bool


class CountChecker:
    """Compares TeleCMI's count with what a sync read, and asks for it at most once a minute.

    Args:
        client: Asks TeleCMI.
        clock: Tells the Unix time.
    """

    def __init__(self, client: TelecmiClient, *, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._last = _Reply(-math.inf, None, is_answer=False)

    async def compare(self, sync_state: SyncState) -> CountCheck:
        """Compare the count of the last complete sync with TeleCMI's count.

        A sync that ended within the last minute counts as an answer of TeleCMI.

        Raises:
            SignInError: TeleCMI does not accept the token.
        """
        if not sync_state.ended_at:
            return CountCheck.UNFINISHED
        if self._is_recent(sync_state.checked_at):
            return CountCheck.MISSING if sync_state.count is None else CountCheck.SAME
        if not self._is_recent(self._last.asked_at):
            self._last = await self._ask()
        if not self._last.is_answer:
            return CountCheck.UNREACHABLE
        if self._last.count is None:
            return CountCheck.MISSING
        return CountCheck.SAME if self._last.count == sync_state.count else CountCheck.DIFFERENT

    async def _ask(self) -> _Reply:
        asked_at = self._clock()
        try:
            page = await self._client.list_contacts(limit=1)
        except errors.SignInError:
            raise
        except errors.TelecmiError as fault:
            _log.info("TeleCMI's count could not be read: %s", fault.code)
            return _Reply(asked_at, None, is_answer=False)
        return _Reply(asked_at, page.count, is_answer=True)

    def _is_recent(self, time: float) -> bool:
        return 0 <= self._clock() - time < MIN_INTERVAL_S
