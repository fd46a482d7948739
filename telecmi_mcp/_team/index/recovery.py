"""Resumes abandoned syncs: those of a replica that died or lost its connection."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import anyio
from anyio.to_thread import run_sync

from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp._team.index.cleanup import forget_unused
from telecmi_mcp._team.index.postgres_store import VERSION
from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected, TelecmiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.index.writer_locks import WriterLocks

_log = logging.getLogger(__name__)

_INTERVAL_S = 0.4  # seconds between two checks
_UNAVAILABLE_INTERVAL_S = 3.0  # the same while the database is unreachable
_MIN_PAUSE_S, _MAX_PAUSE_S = 1.0, 300.0  # until a sync that could not be resumed is tried again
_RESUME_TIMEOUT_S = 10.0  # seconds in which a sync must start
_UNUSED_S = 30 * 86_400.0  # seconds after which an unused index is removed: the lifetime of a token
_CLEANUP_INTERVAL_S = 3600.0  # seconds between two searches for unused indexes


class _Attempt(NamedTuple):
    """When a sync is tried again, and the pause after that."""

    due: float
    pause: float


class SyncRecovery:
    """Checks about twice a second, with one query for all accounts, for unfinished syncs without a writer.

    Args:
        database: The database of the indexes.
        locks: Writer locks of this replica; unused ones are released, so that the replica that gets a search can write.
        resume: Resumes the sync of the account with this key, and returns whether it runs in this replica. It returns
            False for an account that it does not know.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        database: Database,
        locks: WriterLocks,
        resume: Callable[[bytes], Awaitable[bool]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._locks = locks
        self._resume = resume
        self._clock = clock
        self._attempts: dict[bytes, _Attempt] = {}
        self._cleanup_at = clock()

    async def run(self) -> None:
        """Check until cancelled."""
        while True:  # noqa: ASYNC110 - no event tells when another replica dies
            await anyio.sleep(await self.check_once())

    async def check_once(self) -> float:
        """Check once, and return the seconds until the next check."""
        try:
            abandoned = await run_sync(self._abandoned)
        except (DatabaseUnavailable, StatementRejected) as why:
            _log.debug("the recovery of syncs waits: %s", why.code)
            return _UNAVAILABLE_INTERVAL_S
        async with open_tasks() as tasks:
            for key in self._due(abandoned):
                tasks.start_soon(self._try, key)
        return _INTERVAL_S

    def _abandoned(self) -> list[bytes]:
        self._locks.release_unused()
        if self._clock() >= self._cleanup_at:
            self._cleanup_at = self._clock() + _CLEANUP_INTERVAL_S
            forget_unused(self._database, seconds=_UNUSED_S)
        return self._locks.abandoned(VERSION)

    def _due(self, abandoned: Iterable[bytes]) -> list[bytes]:
        now = self._clock()
        self._attempts = {key: self._attempts.get(key, _Attempt(now, _MIN_PAUSE_S)) for key in abandoned}
        due = [key for key, attempt in self._attempts.items() if attempt.due <= now]
        for key in due:
            pause = self._attempts[key].pause
            self._attempts[key] = _Attempt(now + pause, min(2 * pause, _MAX_PAUSE_S))
        return due

    async def _try(self, key: bytes) -> None:
        try:
            with anyio.move_on_after(_RESUME_TIMEOUT_S):
                if await self._resume(key):
                    _log.info("resumed an abandoned sync")
        except DatabaseUnavailable:
            self._attempts.pop(key, None)  # not a fault of this account: try again at the next check
        except TelecmiError as why:
            _log.info("a sync could not be resumed: %s", why.code)
