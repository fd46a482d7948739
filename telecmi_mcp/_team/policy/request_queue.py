"""Whose turn it is to ask TeleCMI: the requests of one account, from all replicas, within its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from telecmi_mcp._team.policy.quotas import Quota
from telecmi_mcp.errors import CallLimitReached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telecmi_mcp._team.policy.quotas import Quotas

_SPARE_SHARE = 5  # of a minute's requests, what the background leaves to calls


class RequestQueue:
    """Lets the requests of one account through, in their order; a fifth of a minute's is never for the background.

    So calls find room whenever the mirror is read, and what they do not use of the refill is the mirror's.

    Args:
        quotas: Counts them.
        account: Whose requests they are.
        per_minute: How many are let through; 0 for no limit.
        on_late: Is told when one is refused because its turn would come too late.
        sleep: Waits.
    """

    def __init__(
        self,
        quotas: Quotas,
        account: str,
        *,
        per_minute: int,
        on_late: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        key = f"account:{account}"
        spare = per_minute // _SPARE_SHARE
        self._per_minute = per_minute
        self._queues = (
            _Queue(quotas, Quota(key, per_minute), sleep),
            _Queue(quotas, Quota(key, per_minute, spare), sleep),
        )
        self._on_late = on_late

    async def admit(self, in_background: bool) -> None:  # noqa: FBT001 - as Terms has it
        """Wait for the turn of one request.

        Raises:
            CallLimitReached: It would come after the call's deadline.
        """
        if not self._per_minute:
            return
        try:
            await self._queues[in_background].wait_for_turn()
        except CallLimitReached:
            self._on_late()
            raise


class _Queue:
    """Those who wait: the first one asks, the others stand behind it."""

    def __init__(self, quotas: Quotas, quota: Quota, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._quotas = quotas
        self._quota = quota
        self._sleep = sleep
        self._turn = anyio.Lock(fast_acquire=True)
        self._waiting = 0
        self._stands = False

    async def wait_for_turn(self) -> None:
        if self._stands:  # else the end of a long queue would wait for nothing
            _refuse_if_late(self._waiting * 60 / self._quota.per_minute)
        self._waiting += 1
        try:
            async with self._turn:
                await self._take()
        finally:
            self._waiting -= 1

    async def _take(self) -> None:
        try:
            while wait := await self._quotas.take(self._quota):
                _refuse_if_late(wait)
                self._stands = True
                await self._sleep(wait)
        finally:
            self._stands = False


def _refuse_if_late(wait: float) -> None:
    if anyio.current_time() + wait >= anyio.current_effective_deadline():
        raise CallLimitReached(wait)
