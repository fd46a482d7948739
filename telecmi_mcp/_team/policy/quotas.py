"""Limits that all replicas share: token buckets in the database, and in memory while that is away.

A bucket holds a minute's takes and is refilled evenly, as ``_limits.RateLimit`` is. A replica leases some takes at
once, so that not every call asks the database: a twentieth of the minute at most, an eighth of what is left at most,
one at least. What it did not use within some seconds goes back with its next lease. Leased takes are taken, so all
replicas together let through what one bucket would, and in any stretch of time at most a twentieth of the limit more
for each replica. While the database is away each replica counts by itself, up to the whole limit.
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
from anyio.to_thread import run_sync

from telecmi_mcp._api.limiters import RateLimit
from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from telecmi_mcp._team.db.database import Database

_log = logging.getLogger(__name__)

_LEASE_SHARE = 20  # of a minute's takes, the most that is leased at once
_LEASE_SECONDS = 5.0  # after which what is left of a lease goes back
_CAREFUL_SHARE = 8  # of what is left, the most that is leased at once: near the limit replicas take one by one
_PATIENCE = 1.0  # seconds that a call waits for the database before it is counted in memory
_REST = 5.0  # seconds until a database that was away is asked again
_SWEEP_SECONDS = 600.0  # a bucket is full again after a minute, so that it may go
_THREADS = 4

_TAKE = """
INSERT INTO telecmi_mcp.bucket AS bucket (key, free, taken, seen)
VALUES (%(key)s, %(size)s - %(first)s, %(first)s, coalesce(%(at)s, now()))
ON CONFLICT (key) DO UPDATE SET (free, taken, seen) = (
    SELECT refilled.free - granted.takes, granted.takes, greatest(bucket.seen, excluded.seen)
    FROM (SELECT least(
        %(size)s,
        bucket.free + %(back)s
            + greatest(0, extract(epoch FROM excluded.seen - bucket.seen)::double precision) * %(size)s / 60
    ) AS free) AS refilled
    CROSS JOIN LATERAL (SELECT CASE WHEN refilled.free - %(spare)s < 1 THEN 0 ELSE
        greatest(1, least(%(most)s, floor((refilled.free - %(spare)s) / %(share)s)))
    END AS takes) AS granted
)
RETURNING taken, free
"""
_SWEEP = "DELETE FROM telecmi_mcp.bucket WHERE seen < coalesce(%s, now()) - make_interval(secs => %s)"


class Quota(NamedTuple):
    """What is counted.

    Attributes:
        key: Whose it is; any text, in the database as its hash.
        per_minute: How many takes; 0 lets every one through.
        spare: Takes that are left to others of the same key.
    """

    key: str
    per_minute: int
    spare: float = 0.0


@dataclass(slots=True)
class _Lease:
    """Takes that were leased, or how long there are none."""

    left: int = 0
    until: float = 0.0
    none_before: float = 0.0
    lock: anyio.Lock = field(default_factory=partial(anyio.Lock, fast_acquire=True))

    def take(self, now: float) -> float | None:
        """Take one and return 0, or the seconds until there may be one; ``None`` where the database has to be asked."""
        if self.left and now < self.until:
            self.left -= 1
            return 0.0
        return self.none_before - now if now < self.none_before else None


class Quotas:
    """Counts for all replicas.

    Args:
        database: Where they count together; ``None`` counts in memory.
        clock: Tells the time of this replica, in seconds.
        now: Tells the database's time; ``None`` leaves it to the database.
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
        self._sweep_at = clock() + _SWEEP_SECONDS
        self._must_sweep = False
        self._ask_at = 0.0
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def take(self, quota: Quota) -> float:
        """Take one and return 0, or take none and return the seconds until one may be free."""
        if not quota.per_minute:
            return 0.0
        self._forget()
        self._used.add(quota.key)
        if self._database is None:
            return self._take_here(quota)
        lease = self._leases.setdefault(quota, _Lease())
        wait = lease.take(self._clock())
        return await self._lease(self._database, quota, lease) if wait is None else wait

    async def _lease(self, database: Database, quota: Quota, lease: _Lease) -> float:
        async with lease.lock:  # one asks, and the others take of what it gets
            wait = lease.take(self._clock())
            if wait is not None:
                return wait
            if not self._may_ask():
                return self._take_here(quota)
            wait = await self._ask(database, quota, lease)
        return self._take_here(quota) if wait is None else wait

    def _may_ask(self) -> bool:
        """Whether the database is there as far as is known; where it was away, one asks again and nobody else waits."""
        now = self._clock()
        if now < self._ask_at:
            return False
        if self._ask_at:
            self._ask_at = now + _REST
        return True

    async def _ask(self, database: Database, quota: Quota, lease: _Lease) -> float | None:
        """Lease takes of the database; ``None`` where it is away."""
        back, lease.left = lease.left, 0
        try:
            with anyio.fail_after(_PATIENCE):
                # A statement that is given up may still take; what it took is lost, and refilled within the minute.
                taken, free = await run_sync(
                    partial(self._lease_in_thread, database, quota, back),
                    abandon_on_cancel=True,
                    limiter=self._threads,
                )
        except (DatabaseUnavailable, StatementRejected, TimeoutError) as why:
            self._note_away(why)
            return None
        self._note_there()
        now = self._clock()
        if not taken:
            wait = _seconds_until_one(quota, free)
            lease.none_before = now + wait
            return wait
        lease.left, lease.until = int(taken) - 1, now + _LEASE_SECONDS
        return 0.0

    def _lease_in_thread(self, database: Database, quota: Quota, back: int) -> tuple[float, float]:
        with database.connection() as connection:
            row = connection.execute(_TAKE, {**_arguments(quota, back), "at": self._now()}).fetchone()
        if self._must_sweep:
            self._must_sweep = False
            with database.connection() as connection:
                connection.execute(_SWEEP, (self._now(), _SWEEP_SECONDS))
        return row or (0.0, 0.0)

    def _forget(self) -> None:
        """Forget, now and then, whoever was not heard of since the last time: those buckets are full again."""
        if self._clock() < self._sweep_at:
            return
        self._sweep_at = self._clock() + _SWEEP_SECONDS
        self._leases = {quota: lease for quota, lease in self._leases.items() if quota.key in self._used}
        self._memory = {key: bucket for key, bucket in self._memory.items() if key in self._used}
        self._used.clear()
        self._must_sweep = True

    def _take_here(self, quota: Quota) -> float:
        bucket = self._memory.get(quota.key)
        if bucket is None:
            bucket = self._memory[quota.key] = RateLimit(quota.per_minute, clock=self._clock)
        return bucket.try_acquire(spare=quota.spare)

    def _note_away(self, why: Exception) -> None:
        if not self._ask_at:
            _log.warning("limits are counted by this replica alone, the database is away: %s", type(why).__name__)
        self._ask_at = self._clock() + _REST

    def _note_there(self) -> None:
        if self._ask_at:
            _log.warning("limits are counted by all replicas together again")
            self._ask_at = 0.0
            self._memory.clear()


def _arguments(quota: Quota, back: int) -> dict[str, Any]:
    most = max(1, quota.per_minute // _LEASE_SHARE)
    room = quota.per_minute - quota.spare  # of a new bucket, which is full
    return {
        "key": sha256(quota.key.encode("utf8", "surrogatepass")).digest(),
        "size": float(quota.per_minute),
        "spare": float(quota.spare),
        "most": float(most),
        "share": float(_CAREFUL_SHARE),
        "first": 0.0 if room < 1 else float(max(1, min(most, math.floor(room / _CAREFUL_SHARE)))),
        "back": float(back),
    }


def _seconds_until_one(quota: Quota, free: float) -> float:
    return (1 + quota.spare - free) * 60 / quota.per_minute
