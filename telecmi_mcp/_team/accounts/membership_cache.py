"""Caches which caller reads which account, at most five seconds old.

A refresh queries the revision, and reads the memberships only if it has changed. So thousands of callers cost one small
query a second.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp._team.accounts.credential_store import SharedAccount
from telecmi_mcp.errors import TelecmiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from anyio.abc import TaskGroup

    from telecmi_mcp._team.accounts.credential_store import Fault, Membership, TeamSignIns

_log = logging.getLogger(__name__)

REFRESH_AFTER_S = 1.0
"""Age after which a refresh starts in the background."""
MAX_AGE_S = 5.0
"""Age after which the next call waits for the refresh: all replicas follow a change within this time."""
MAX_STALE_S = 900.0
"""Age up to which the memberships are used while the database is unreachable."""


@dataclass(frozen=True, slots=True)
class _Memberships:
    """The memberships at one revision."""

    revision: int = 0
    accounts: Mapping[str, SharedAccount | Fault] = field(default_factory=dict)


class MembershipCache:
    """Cache of the accounts of callers at one TeleCMI. Its methods do not block.

    Attributes:
        refreshes: Number of successful refreshes.

    Args:
        sign_ins: The store of the memberships.
        base_url: Address of TeleCMI.
        tasks: Task group that refreshes run in.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        sign_ins: TeamSignIns,
        base_url: str,
        tasks: TaskGroup,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sign_ins = sign_ins
        self._base_url = base_url
        self._tasks = tasks
        self._clock = clock
        self._memberships = _Memberships()
        self._refreshing: anyio.Event | None = None
        self._attempted_at: float | None = None
        self._refreshed_at: float | None = None
        self._failed = False
        self.refreshes = 0

    @property
    def is_recent(self) -> bool:
        """Whether the last successful refresh is recent enough."""
        return not self._is_older(self._refreshed_at, MAX_STALE_S)

    async def account_of(self, caller: str) -> SharedAccount | Fault | None:
        """Return the caller's account, or why there is none, at most five seconds old.

        Raises nothing. While the database is unreachable the last refresh counts, and only one call waits for it.
        """
        await self._refresh_if_old()
        return self._memberships.accounts.get(caller)

    async def accounts(self) -> set[SharedAccount]:
        """Return the accounts that callers read."""
        await self._refresh_if_old()
        return {each for each in self._memberships.accounts.values() if isinstance(each, SharedAccount)}

    def revision(self) -> int:
        """Return a number that changes with every change of a sign-in."""
        self._start_refresh()
        return self._memberships.revision

    async def _refresh_if_old(self) -> None:
        is_known_unavailable = self._failed and not self._is_older(self._attempted_at, MAX_AGE_S)
        refreshing = self._start_refresh()
        if refreshing is not None and self._is_older(self._refreshed_at, MAX_AGE_S) and not is_known_unavailable:
            await refreshing.wait()

    def _start_refresh(self) -> anyio.Event | None:
        """Start a refresh that is due; return the one that runs."""
        if self._refreshing is None and self._is_older(self._attempted_at, REFRESH_AFTER_S):
            self._attempted_at = self._clock()
            self._refreshing = anyio.Event()
            self._tasks.start_soon(self._refresh, self._refreshing)
        return self._refreshing

    def _is_older(self, moment: float | None, seconds: float) -> bool:
        return moment is None or self._clock() - moment >= seconds

    async def _refresh(self, done: anyio.Event) -> None:
        started_at = self._clock()
        try:
            revision = await self._sign_ins.revision()
            if revision != self._memberships.revision:
                # Read after the revision: a newer change is read once more, and none is missed.
                self._memberships = _grouped(revision, await self._sign_ins.memberships(self._base_url))
            self._refreshed_at, self._failed = started_at, False
            self.refreshes += 1
        except TelecmiError as error:
            if not self._failed:
                _log.warning("callers' sign-ins cannot be refreshed: %s", error.code)
            self._failed = True
        finally:
            self._refreshing = None
            done.set()


def _grouped(revision: int, memberships: Iterable[Membership]) -> _Memberships:
    accounts: dict[str, SharedAccount | Fault] = {}
    for each in memberships:
        if each.fault is not None:
            _log.error("a caller's sign-in cannot be used: %s", each.fault.fact)
        accounts[each.caller] = each.fault or each.account
    return _Memberships(revision, accounts)
