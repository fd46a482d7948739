"""Collects what the status page shows: copies, calls, errors, callers and keys."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from telecmi_mcp._team.admin.advice import advice_for
from telecmi_mcp._team.auth.refreshing_cache import CachePolicy, RefreshingCache
from telecmi_mcp._team.http.health import telecmi_word
from telecmi_mcp.errors import DatabaseUnavailable, TelecmiError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telecmi_mcp._app import App
    from telecmi_mcp._index.result import Freshness
    from telecmi_mcp._team.auth.key_overview import CallerUse, EndingKey
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.context import Team
    from telecmi_mcp._team.db.database import Connection, Database
    from telecmi_mcp._team.index.copies import IndexCopy
    from telecmi_mcp._team.policy.activity import RecentActivity, RecentCaller, Tally
    from telecmi_mcp._team.policy.build import AdminMetrics

_T = TypeVar("_T")

_FRESH_S = 2.0  # one query is the answer to all requests within this time
_READ_TIMEOUT_S = 3.0
_MAX_CALLERS = 200


@dataclass(frozen=True, slots=True)
class CopyLine:
    """A local copy of an account's contacts.

    Attributes:
        account: A number of the account, or of the account with a mask, which has a copy of its own.
        contacts: Number of contacts in the copy.
        count: Number of contacts by TeleCMI's count; ``None`` if TeleCMI gave none.
        is_complete: Whether every contact was read.
        is_being_read: Whether a sync runs.
        age_s: Seconds since the reading of these contacts began; ``None`` if it never did.
        unused_s: Seconds since it was last used; ``None`` if that is not recorded.
    """

    account: str
    contacts: int
    count: int | None
    is_complete: bool
    is_being_read: bool
    age_s: float | None
    unused_s: float | None = None


@dataclass(frozen=True, slots=True)
class CallerLine:
    """A caller: seconds since the last use on any replica, and the calls to this process."""

    name: str
    unused_s: float | None
    calls: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """A kind of error: what ended with it and how often, the seconds since the last time, and what to do about it."""

    code: str
    subjects: str
    age_s: float
    advice: str


@dataclass(frozen=True, slots=True)
class Lines(Generic[_T]):
    """Some of a table's rows, and how many there are in all."""

    rows: Sequence[_T] = ()
    total: int = 0

    @property
    def left_out(self) -> int:
        """Number of rows that are not shown."""
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Status:
    """What the page shows.

    Attributes:
        now: The Unix time.
        replica: Name of this process.
        up_s: Seconds since its start.
        database: ``up``, ``away`` or ``none``.
        telecmi: ``seen``, ``failing`` or ``not asked``.
        calls: Calls of the last hour.
        calls_per_minute: For each minute of it the answered and the failed calls, the oldest first.
        requests: Requests to TeleCMI of the last hour.
        errors: Kinds of errors of the last hour.
        copies: Copies of contacts; ``None`` if they cannot be read.
        callers: Callers; ``None`` if they cannot be read.
        ending: Keys that end soon; ``None`` if they cannot be read.
    """

    now: float
    replica: str
    up_s: float
    database: str
    telecmi: str
    calls: Tally
    calls_per_minute: Sequence[tuple[int, int]]
    requests: Tally
    errors: Sequence[ErrorLine]
    copies: Lines[CopyLine] | None
    callers: Lines[CallerLine] | None
    ending: Lines[EndingKey] | None


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database holds: copies, callers with keys and keys that end soon, each with its total."""

    copies: tuple[list[IndexCopy], int]
    callers: tuple[list[CallerUse], int]
    ending: tuple[list[EndingKey], int]


class StatusSource:
    """Collects the status of one process.

    Args:
        team: The objects of this process.
        admin: What it counts for administrators.
        settings: The configuration.
        clock: Returns seconds of a monotonic clock.
        now: Returns the Unix time.
    """

    def __init__(
        self,
        team: Team,
        admin: AdminMetrics,
        settings: TeamSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._team = team
        self._admin = admin
        self._has_keys = settings.callers == "keys"
        self._clock = clock
        self._now = now
        self._stored = None if team.database is None else _cache_of(team.database, clock)

    async def collect(self) -> Status:
        """Return the status now; it takes three seconds while the database does not answer."""
        activity, stored, has_database = self._admin.activity, await self._stored_now(), self._stored is not None
        copies = _stored_copies(stored, self._now()) if has_database else await self._local_copies()
        return Status(
            now=self._now(),
            replica=self._admin.replica,
            up_s=activity.age_s,
            database=("up" if stored else "away") if has_database else "none",
            telecmi=telecmi_word(self._team.upstream_health, now=self._clock()),
            calls=activity.calls(),
            calls_per_minute=activity.calls_per_minute(),
            requests=activity.requests(),
            errors=_errors(activity),
            copies=copies,
            callers=self._callers(stored, activity.callers()),
            ending=Lines(*stored.ending) if stored else None if has_database else Lines(),
        )

    async def _stored_now(self) -> _Stored | None:
        if self._stored is None:
            return None
        try:
            return await self._stored.find(lambda stored: stored)
        except DatabaseUnavailable:
            return None

    async def _local_copies(self) -> Lines[CopyLine] | None:
        """Return the copies in this process: without a database all callers read the service's account, with masks."""
        app = await self._team.app_of("")
        try:
            known = [(view, await view.directory.status_of(await view.account())) for view in list(app.views.values())]
        except TelecmiError:
            return None
        lines = [
            _local_line(number, view, freshness, self._now())
            for number, (view, freshness) in enumerate(known, 1)
            if freshness
        ]
        return Lines(lines, len(lines))

    def _callers(self, stored: _Stored | None, recent: Sequence[RecentCaller]) -> Lines[CallerLine] | None:
        if not self._has_keys:
            lines = [CallerLine(each.name, each.age_s, each.calls, each.failed) for each in recent]
            return Lines(lines[:_MAX_CALLERS], len(lines))
        if stored is None:
            return None
        by_name = {each.name: each for each in recent}
        callers, total = stored.callers
        return Lines([_caller_line(caller, by_name.get(caller.name)) for caller in callers], total)


def _cache_of(database: Database, clock: Callable[[], float]) -> RefreshingCache[_Stored]:
    async def read() -> tuple[_Stored, float]:
        return await database.run(_read_stored), _FRESH_S

    policy = CachePolicy(_FRESH_S, _READ_TIMEOUT_S, max_stale=0)
    return RefreshingCache(read, unavailable=DatabaseUnavailable, policy=policy, clock=clock)


def _read_stored(connection: Connection) -> _Stored:
    from telecmi_mcp._team.auth.key_overview import ending_keys, last_callers
    from telecmi_mcp._team.index.copies import list_copies  # needs an extra

    return _Stored(list_copies(connection), last_callers(connection), ending_keys(connection))


def _stored_copies(stored: _Stored | None, now: float) -> Lines[CopyLine] | None:
    if stored is None:
        return None
    copies, total = stored.copies
    return Lines([_copy_line(copy, now) for copy in copies], total)


def _local_line(number: int, view: App, known: Freshness, now: float) -> CopyLine:
    is_syncing = view.directory.is_syncing
    return CopyLine(str(number), known.indexed, known.count, known.complete, is_syncing, now - known.as_of)


def _copy_line(copy: IndexCopy, now: float) -> CopyLine:
    state = copy.sync_state
    read_at = state.as_of or state.started_at
    return CopyLine(
        account=str(copy.account),
        contacts=copy.contacts,
        count=state.count,
        is_complete=state.is_whole,
        is_being_read=bool(state.started_at and not state.ended_at),
        age_s=now - read_at if read_at else None,
        unused_s=copy.unused_s,
    )


def _caller_line(caller: CallerUse, recent: RecentCaller | None) -> CallerLine:
    """Return the line of a caller; the database knows the last use to the minute, this process to the second."""
    if recent is None:
        return CallerLine(caller.name, caller.unused_s)
    unused_s = recent.age_s if caller.unused_s is None else min(caller.unused_s, recent.age_s)
    return CallerLine(caller.name, unused_s, recent.calls, recent.failed)


def _errors(activity: RecentActivity) -> list[ErrorLine]:
    return [
        ErrorLine(error.kind.code, _counted(error.count, error.kind.subject), error.age_s, advice_for(error.kind.code))
        for error in activity.errors()
    ]


def _counted(count: int, subject: str) -> str:
    noun, space, rest = subject.partition(" ")
    return f"{count:,} {noun}{'s' * (count != 1)}{space}{rest}"
