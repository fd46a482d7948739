"""Caches which caller reads which account, at most five seconds old.

A refresh queries the revision, and reads the memberships only if it has changed. So thousands of callers cost one small
query in five seconds.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telecmi_mcp._team.accounts.credential_store import SharedAccount
from telecmi_mcp._team.auth.refreshing_cache import CachePolicy, RefreshingCache
from telecmi_mcp.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from telecmi_mcp._team.accounts.credential_store import Fault, Membership, TeamSignIns

_log = logging.getLogger(__name__)

MAX_AGE_S = 5.0
"""Age after which the next call refreshes: all replicas follow a change within this time."""

MISS_PAUSE_S = 1.0
"""Time until the next refresh for a caller without a sign-in: a new sign-in works after that time."""

READ_TIMEOUT_S = 3.0
"""Time that a call waits for the database."""

MAX_STALE_S = 900.0
"""Age up to which the memberships are used while the database is unreachable."""


@dataclass(frozen=True, slots=True)
class _Memberships:
    """The memberships at one revision."""

    revision: int = 0
    accounts: Mapping[str, SharedAccount | Fault] = field(default_factory=dict)


class MembershipCache:
    """Cache of the accounts of callers at one TeleCMI.

    Attributes:
        refreshes: Number of successful refreshes.

    Args:
        sign_ins: The store of the memberships.
        base_url: Address of TeleCMI.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(self, sign_ins: TeamSignIns, base_url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._sign_ins = sign_ins
        self._base_url = base_url
        self._memberships = _Memberships()
        self._cache: RefreshingCache[_Memberships] = RefreshingCache(
            self._read,
            unavailable=DatabaseUnavailable,
            policy=CachePolicy(MISS_PAUSE_S, READ_TIMEOUT_S, MAX_STALE_S),
            clock=clock,
        )
        self.refreshes = 0

    @property
    def revision(self) -> int:
        """A number that changes with every change of a sign-in."""
        return self._memberships.revision

    async def account_of(self, caller: str) -> SharedAccount | Fault | None:
        """Return the caller's account, or why it cannot be used; ``None`` for a caller without a sign-in.

        Raises:
            DatabaseUnavailable: The caller is not cached, and the database cannot be read.
        """
        return await self._cache.find(lambda memberships: memberships.accounts.get(caller))

    async def accounts(self) -> set[SharedAccount]:
        """Return the accounts that callers read.

        Raises:
            DatabaseUnavailable: None are cached, and the database cannot be read.
        """
        found = await self._cache.find(lambda memberships: memberships) or self._memberships
        return {each for each in found.accounts.values() if isinstance(each, SharedAccount)}

    async def _read(self) -> tuple[_Memberships, float]:
        revision = await self._sign_ins.revision()
        if revision != self._memberships.revision:
            # Read after the revision: a newer change is read once more, and none is missed.
            self._memberships = _grouped(revision, await self._sign_ins.memberships(self._base_url))
        self.refreshes += 1
        return self._memberships, MAX_AGE_S


def _grouped(revision: int, memberships: Iterable[Membership]) -> _Memberships:
    accounts: dict[str, SharedAccount | Fault] = {}
    for each in memberships:
        if each.fault is not None:
            _log.error("a caller's sign-in cannot be used: %s", each.fault.fact)
        accounts[each.caller] = each.fault or each.account
    return _Memberships(revision, accounts)
