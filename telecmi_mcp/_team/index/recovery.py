"""Resumes the passes that nobody goes on with: those of a replica that died, or lost its connection."""

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

_PAUSE = 0.4  # seconds between two looks
_AWAY_PAUSE = 3.0  # the same while the database is away
_LEAST, _MOST = 1.0, 300.0  # seconds until what could not be resumed is tried again
_PATIENCE = 10.0  # seconds that one resumption may take to begin
_FORGOTTEN = 30 * 86_400.0  # seconds after which a mirror is removed that nobody used: a token's life
_TIDYING = 3600.0  # seconds between two looks for those


class _Trial(NamedTuple):
    """When a resumption may be tried again, and after how long once more."""

    due: float
    pause: float


class SyncRecovery:
    """Looks about twice a second, with one query for all accounts, for a pass that has begun and that nobody writes.

    Args:
        database: Where the mirrors are.
        locks: Of this replica; what it did not use for a while is let go, so that the replica that is asked can write.
        resume: Goes on with the pass of the account of this key, and tells whether this replica does so now. It knows
            the account, or returns False.
        clock: Tells the seconds.
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
        self._trials: dict[bytes, _Trial] = {}
        self._tidies_at = clock()

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:  # noqa: ASYNC110 - nothing tells when another replica dies
            await anyio.sleep(await self.look())

    async def look(self) -> float:
        """Look once, and tell how many seconds later to look again."""
        try:
            abandoned = await run_sync(self._abandoned)
        except (DatabaseUnavailable, StatementRejected) as why:
            _log.debug("the caretaker waits: %s", why.code)
            return _AWAY_PAUSE
        async with open_tasks() as tasks:
            for key in self._due(abandoned):
                tasks.start_soon(self._try, key)
        return _PAUSE

    def _abandoned(self) -> list[bytes]:
        self._locks.release_unused()
        if self._clock() >= self._tidies_at:
            self._tidies_at = self._clock() + _TIDYING
            forget_unused(self._database, seconds=_FORGOTTEN)
        return self._locks.abandoned(VERSION)

    def _due(self, abandoned: Iterable[bytes]) -> list[bytes]:
        now = self._clock()
        self._trials = {key: self._trials.get(key, _Trial(now, _LEAST)) for key in abandoned}
        due = [key for key, trial in self._trials.items() if trial.due <= now]
        for key in due:
            pause = self._trials[key].pause
            self._trials[key] = _Trial(now + pause, min(2 * pause, _MOST))
        return due

    async def _try(self, key: bytes) -> None:
        try:
            with anyio.move_on_after(_PATIENCE):
                if await self._resume(key):
                    _log.info("a pass goes on here that nobody went on with")
        except TelecmiError as why:
            _log.info("a pass could not be resumed: %s", why.code)
