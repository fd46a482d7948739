"""Counts limits for all replicas: token buckets in the database, or in memory while it is unreachable.

A bucket holds the tokens of a minute and is refilled evenly, like ``limiters.RateLimit``. A replica leases several
tokens at once, so that not every call needs a query: at most a twentieth of the minute, at most an eighth of the
remaining ones, and at least one. It returns unused tokens with its next lease. So all replicas together admit what one
bucket would, and in any period at most a twentieth of the limit more for each replica. While the database is
unreachable, each replica counts alone up to the whole limit.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio

from telecmi_mcp._api.limiters import RateLimit
from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from telecmi_mcp._team.db.database import Connection, Database

_log = logging.getLogger(__name__)

_LEASE_SHARE = 20  # of a minute's tokens: the largest lease
_LEASE_S = 5.0  # seconds after which unused tokens are returned
_CAREFUL_SHARE = 8  # of the remaining tokens: near the limit replicas lease one by one
_DATABASE_TIMEOUT_S = 1.0  # seconds that a call waits for the database
_RETRY_INTERVAL_S = 5.0  # seconds until an unreachable database is queried again
_SWEEP_INTERVAL_S = 3600.0  # an unused bucket is full again and can be deleted

_TAKE = """
INSERT INTO telecmi_mcp.bucket AS bucket (key, free, taken, seen)
VALUES (%(key)s, %(size)s - %(first)s, %(first)s, coalesce(%(at)s, now()))
ON CONFLICT (key) DO UPDATE SET (free, taken, seen) = (
    SELECT refilled.free - granted.takes, granted.takes, greatest(bucket.seen, excluded.seen)
    FROM (SELECT least(
        %(size)s,
        bucket.free + %(back)s
            + greatest(0, extract(epoch FROM excluded.seen - bucket.seen)::double precision) * %(size)s / %(period)s
    ) AS free) AS refilled
    CROSS JOIN LATERAL (SELECT CASE WHEN refilled.free - %(spare)s < %(needed)s THEN 0 ELSE
        greatest(%(calls)s, least(%(most)s, floor((refilled.free - %(spare)s) / %(share)s)))
    END AS takes) AS granted
)
RETURNING taken, free
"""
_SWEEP = "DELETE FROM telecmi_mcp.bucket WHERE seen < coalesce(%s, now()) - make_interval(secs => %s)"


class Quota(NamedTuple):
    """A limit.

    Attributes:
        key: Name of the bucket; the database holds its hash.
        limit: Tokens of a period; 0 for no limit.
        spare: Tokens that are left to other users of the same bucket.
        period_s: Seconds in which an empty bucket is full again.
    """

    key: str
    limit: int
    spare: float = 0.0
    period_s: float = 60.0


@dataclass(slots=True)
class _Lease:
    """Leased tokens, or the time until which there are none."""

    left: int = 0
    until: float = 0.0
    none_before: float = 0.0
    lock: anyio.Lock = field(default_factory=partial(anyio.Lock, fast_acquire=True))

    def take(self, now: float, calls: int) -> float | None:
        """Take tokens and return 0, or return the seconds to wait; ``None`` if the database must be queried."""
        if self.left >= calls and now < self.until:
            self.left -= calls
            return 0.0
        return self.none_before - now if now < self.none_before else None


class Quotas:
    """Counts limits for all replicas.

    Args:
        database: Database of the buckets; ``None`` to count in memory.
        clock: Returns seconds of a monotonic clock.
        now: Returns the time for the database; ``None`` for the database's own.
    """

    def __init__(
        self,
        database: Database | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._now = now
        self._leases: dict[Quota, _Lease] = {}
        self._memory: dict[str, RateLimit] = {}
        self._used: set[str] = set()
        self._sweep_at = clock() + _SWEEP_INTERVAL_S
        self._must_sweep = False
        self._retry_at = 0.0

    async def take(self, quota: Quota, calls: int = 1) -> float:
        """Take a token for each call and return 0, or take none and return the seconds until enough may be free.

        More calls than a minute has are admitted by a full bucket, and later calls wait.
        """
        if not quota.limit:
            return 0.0
        self._forget()
        self._used.add(quota.key)
        if self._database is None:
            return self._take_in_memory(quota, calls)
        lease = self._leases.setdefault(quota, _Lease())
        async with lease.lock:  # one call leases, and the others take of its lease
            wait = lease.take(self._clock(), calls)
            if wait is None and self._may_query():
                wait = await self._query(self._database, quota, lease, calls)
        return self._take_in_memory(quota, calls) if wait is None else wait

    def _may_query(self) -> bool:
        """Whether to query the database; while it is unreachable only one call at a time tries again."""
        now = self._clock()
        if now < self._retry_at:
            return False
        if self._retry_at:
            self._retry_at = now + _RETRY_INTERVAL_S
        return True

    async def _query(self, database: Database, quota: Quota, lease: _Lease, calls: int) -> float | None:
        """Lease tokens from the database; ``None`` if it is unreachable."""
        back, lease.left = lease.left, 0
        try:
            with anyio.fail_after(_DATABASE_TIMEOUT_S):
                # An abandoned statement may still take tokens; they are lost, and refilled within a minute.
                taken, free = await database.run(partial(self._lease_tokens, _arguments(quota, back, calls)))
        except (DatabaseUnavailable, StatementRejected, TimeoutError) as why:
            self._note_unavailable(why)
            return None
        self._note_available()
        now = self._clock()
        if not taken:
            wait = (_needed(quota, calls) + quota.spare - free) * quota.period_s / quota.limit
            if calls == 1:
                lease.none_before = now + wait
            return wait
        lease.left, lease.until = int(taken) - calls, now + _LEASE_S
        return 0.0

    def _lease_tokens(self, arguments: Mapping[str, Any], connection: Connection) -> tuple[float, float]:
        row = connection.execute(_TAKE, {**arguments, "at": self._now()}).fetchone()
        if self._must_sweep:
            self._must_sweep = False
            connection.commit()  # otherwise two replicas that sweep could wait for each other's bucket
            connection.execute(_SWEEP, (self._now(), _SWEEP_INTERVAL_S))
        return row or (0.0, 0.0)

    def _forget(self) -> None:
        """Forget the buckets that were not used since the last sweep: they are full again."""
        if self._clock() < self._sweep_at:
            return
        self._sweep_at = self._clock() + _SWEEP_INTERVAL_S
        self._leases = {quota: lease for quota, lease in self._leases.items() if quota.key in self._used}
        self._memory = {key: bucket for key, bucket in self._memory.items() if key in self._used}
        self._used.clear()
        self._must_sweep = True

    def _take_in_memory(self, quota: Quota, calls: int) -> float:
        bucket = self._memory.get(quota.key)
        if bucket is None:
            bucket = self._memory[quota.key] = RateLimit(quota.limit, clock=self._clock, period_s=quota.period_s)
        return bucket.try_acquire(calls, spare=quota.spare)

    def _note_unavailable(self, why: Exception) -> None:
        if not self._retry_at:
            _log.warning(
                "limits are counted by this replica alone, because the database is unreachable: %s", type(why).__name__
            )
        self._retry_at = self._clock() + _RETRY_INTERVAL_S

    def _note_available(self) -> None:
        if self._retry_at:
            _log.warning("limits are counted for all replicas together again")
            self._retry_at = 0.0
            self._memory.clear()


def _needed(quota: Quota, calls: int) -> float:
    """Return how many tokens must be free to admit these calls."""
    return min(calls, max(1.0, quota.limit - quota.spare))


def _arguments(quota: Quota, back: int, calls: int) -> dict[str, Any]:
    most = max(1, quota.limit // _LEASE_SHARE)
    room = quota.limit - quota.spare  # of a new bucket
    needed = _needed(quota, calls)
    return {
        "key": sha256(quota.key.encode("utf8", "surrogatepass")).digest(),
        "size": float(quota.limit),
        "period": quota.period_s,
        "spare": float(quota.spare),
        "most": float(most),
        "share": float(_CAREFUL_SHARE),
        "calls": float(calls),
        "needed": float(needed),
        "first": 0.0 if room < needed else float(max(calls, min(most, math.floor(room / _CAREFUL_SHARE)))),
        "back": float(back),
    }
