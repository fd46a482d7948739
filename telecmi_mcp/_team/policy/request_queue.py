"""Queues the requests of one account to TeleCMI within its limit for all replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from telecmi_mcp._team.policy.quotas import Quota
from telecmi_mcp.errors import CallLimitReached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telecmi_mcp._team.policy.quotas import Quotas

_SPARE_SHARE = 5  # of a minute's requests: reserved for calls


class RequestQueue:
    """Admits the requests of one account in order, and reserves a fifth of the limit for calls.

    So calls are admitted while a sync runs, and the sync gets what calls do not use.

    Args:
        quotas: Counts requests.
        account: Name of the account.
        per_minute: Requests a minute; 0 for no limit.
        on_late: Called when a request is refused because it would be admitted too late.
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
        self._queues = (
            _Queue(quotas, Quota(key, per_minute), sleep),
            _Queue(quotas, Quota(key, per_minute, spare), sleep),
        )
        self._on_late = on_late

    async def admit(self, in_background: bool) -> None:  # noqa: FBT001 - the signature of RequestHooks.admit
        """Wait until a request is admitted.

        Raises:
            CallLimitReached: That would be after the call's deadline.
        """
        try:
            await self._queues[in_background].wait()
        except CallLimitReached:
            self._on_late()
            raise


class _Queue:
    """Waiting requests: the first one takes a token, the others wait for it."""

    def __init__(self, quotas: Quotas, quota: Quota, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._quotas = quotas
        self._quota = quota
        self._sleep = sleep
        self._front = anyio.Lock(fast_acquire=True)
        self._waiting = 0
        self._is_blocked = False

    async def wait(self) -> None:
        if self._is_blocked:  # otherwise the last of a long queue would wait in vain
            _refuse_if_late(self._waiting * 60 / self._quota.limit)
        self._waiting += 1
        try:
            async with self._front:
                await self._take()
        finally:
            self._waiting -= 1

    async def _take(self) -> None:
        try:
            while wait := await self._quotas.take(self._quota):
                _refuse_if_late(wait)
                self._is_blocked = True
                await self._sleep(wait)
        finally:
            self._is_blocked = False


def _refuse_if_late(wait: float) -> None:
    if anyio.current_time() + wait >= anyio.current_effective_deadline():
        raise CallLimitReached(wait)
