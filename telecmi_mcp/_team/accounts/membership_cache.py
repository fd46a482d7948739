"""The roll of callers: who reads which account, as this replica last saw it in the database, at most seconds ago.

One look asks for one number; only when that has risen is the roll read anew. So thousands of callers cost one small
question a second, whatever they call.
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

LOOK_AFTER = 1.0
"""Seconds after which another look is begun, which nobody waits for."""
WAIT_AFTER = 5.0
"""Seconds after which the next call waits for that look: so long a change may take until all replicas follow it."""
BELIEVED = 900.0
"""Seconds for which the last look is believed while the database is away."""


@dataclass(frozen=True, slots=True)
class _Page:
    """The roll at one revision."""

    revision: int = 0
    accounts: Mapping[str, SharedAccount | Fault] = field(default_factory=dict)
    stamps: Mapping[SharedAccount, object] = field(default_factory=dict)


class MembershipCache:
    """Who reads what at one TeleCMI. Looking into it never blocks.

    Attributes:
        looks: How many looks succeeded.

    Args:
        sign_ins: Where it is read.
        base_url: Which TeleCMI.
        tasks: What looks run in.
        clock: Tells seconds, from any beginning.
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
        self._page = _Page()
        self._looking: anyio.Event | None = None
        self._tried_at: float | None = None
        self._seen_at: float | None = None
        self._failed = False
        self.looks = 0

    @property
    def is_believed(self) -> bool:
        """Whether the last look that succeeded is not too long ago."""
        return not self._is_after(self._seen_at, BELIEVED)

    async def account_of(self, caller: str) -> SharedAccount | Fault | None:
        """Tell which account the caller reads, or why none, as it was at most five seconds ago.

        Raises nothing. While the database is away the last look counts, and only the first call waits to find that out.
        """
        await self._look_if_old()
        return self._page.accounts.get(caller)

    async def accounts(self) -> set[SharedAccount]:
        """Return the accounts that callers read."""
        await self._look_if_old()
        return {each for each in self._page.accounts.values() if isinstance(each, SharedAccount)}

    def stamp_of(self, account: SharedAccount) -> object:
        """Return a value that is another one after every change of what the account is read with."""
        self._begin_look()
        return self._page.stamps.get(account)

    async def _look_if_old(self) -> None:
        is_known_away = self._failed and not self._is_after(self._tried_at, WAIT_AFTER)
        looking = self._begin_look()
        if looking is not None and self._is_after(self._seen_at, WAIT_AFTER) and not is_known_away:
            await looking.wait()

    def _begin_look(self) -> anyio.Event | None:
        """Begin the look that is due; return the one that is under way."""
        if self._looking is None and self._is_after(self._tried_at, LOOK_AFTER):
            self._tried_at = self._clock()
            self._looking = anyio.Event()
            self._tasks.start_soon(self._look, self._looking)
        return self._looking

    def _is_after(self, moment: float | None, seconds: float) -> bool:
        return moment is None or self._clock() - moment >= seconds

    async def _look(self, done: anyio.Event) -> None:
        begun = self._clock()
        try:
            revision = await self._sign_ins.revision()
            if revision != self._page.revision:
                # Read after the number: what is newer than it will be read once more, and nothing is missed.
                self._page = _paged(revision, await self._sign_ins.memberships(self._base_url))
            self._seen_at, self._failed = begun, False
            self.looks += 1
        except TelecmiError as error:
            if not self._failed:
                _log.warning("callers' sign-ins are as they were seen last: %s", error.code)
            self._failed = True
        finally:
            self._looking = None
            done.set()


def _paged(revision: int, memberships: Iterable[Membership]) -> _Page:
    accounts: dict[str, SharedAccount | Fault] = {}
    stamps: dict[SharedAccount, tuple[tuple[int, int], ...]] = {}
    for each in memberships:
        if each.fault is not None and each.caller is not None:
            _log.error("a caller's sign-in cannot be used: %s", each.fault.fact)
            accounts[each.caller] = each.fault
            continue
        stamps[each.account] = (*stamps.get(each.account, ()), each.sign_in)
        if each.caller is not None:
            accounts[each.caller] = each.account
    return _Page(revision, accounts, {account: tuple(sorted(stamp)) for account, stamp in stamps.items()})
