"""Remembers the calls and requests of the last hour in this process, in bounded memory."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from telecmi_mcp._mcp.call_record import OK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telecmi_mcp._audit.log import Entry

MINUTES: Final = 60
"""Minutes that are remembered, the current one included."""

MAX_CALLERS: Final = 1000
"""Callers that are remembered; the one whose last call is the oldest is forgotten first."""

CALL: Final = "call"
REQUEST: Final = "request to TeleCMI"
CONNECTION: Final = "connection to TeleCMI"
ACCOUNT_RATE: Final = "account_rate"
SURPLUS: Final = "surplus"

_MINUTE_S = 60
_MIN_S = 0.001
_GROWTH = 1.1
_MAX_BUCKET = 130  # 240 s


class ErrorKind(NamedTuple):
    """A kind of error.

    Attributes:
        subject: What failed: a call, a request or a connection.
        code: Code of the error.
    """

    subject: str
    code: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Number and duration of calls or of requests.

    Attributes:
        count: How many ended.
        failed: How many of them ended with an error.
        median_s: Duration that half of them did not exceed, at most a tenth too high; ``None`` without any.
        p95_s: The same for 95 of 100.
    """

    count: int
    failed: int
    median_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class RecentError:
    """Errors of one kind in the last hour, and the seconds since the last of them."""

    kind: ErrorKind
    count: int
    age_s: float


@dataclass(frozen=True, slots=True)
class RecentCaller:
    """A caller, its calls to this process, and the seconds since the last of them."""

    name: str
    calls: int
    failed: int
    age_s: float


@dataclass(slots=True)
class _Measure:
    """Counts and durations of calls or requests; durations are counted in buckets, each a tenth wider than the last."""

    count: int = 0
    failed: int = 0
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, outcome: str, seconds: float) -> None:
        self.count += 1
        self.failed += outcome != OK
        self.buckets[_bucket_of(seconds)] += 1


@dataclass(slots=True)
class _Minute:
    number: int = -MINUTES
    calls: _Measure = field(default_factory=_Measure)
    requests: _Measure = field(default_factory=_Measure)
    errors: Counter[ErrorKind] = field(default_factory=Counter)


@dataclass(slots=True)
class _Caller:
    calls: int = 0
    failed: int = 0
    called_at: float = 0


class RecentActivity:
    """Counts per minute of the last hour, and the callers with their last calls.

    Args:
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_at = clock()
        self._ring = [_Minute() for _ in range(MINUTES)]
        self._last_errors: dict[ErrorKind, float] = {}
        self._callers: OrderedDict[str, _Caller] = OrderedDict()

    def count_call(self, entry: Entry) -> None:
        now = self._clock()
        self._minute(now).calls.add(entry.outcome, entry.seconds)
        if entry.outcome != OK:
            self._count_error(now, CALL, entry.outcome)
        self._count_caller(now, entry)

    def count_request(self, outcome: str, seconds: float) -> None:
        now = self._clock()
        self._minute(now).requests.add(outcome, seconds)
        if outcome != OK:
            self._count_error(now, REQUEST, outcome)

    def count_limit(self, limit: str) -> None:
        if limit == ACCOUNT_RATE:  # those of callers are outcomes of calls
            self._count_error(self._clock(), REQUEST, ACCOUNT_RATE)

    def count_surplus(self) -> None:
        self._count_error(self._clock(), CONNECTION, SURPLUS)

    @property
    def age_s(self) -> float:
        """Seconds since this process began to count."""
        return self._clock() - self._started_at

    def calls_per_minute(self) -> list[tuple[int, int]]:
        """Return for each minute of the last hour, the oldest first, the answered calls and the failed ones."""
        by_number = {minute.number: minute.calls for minute in self._recent()}
        current = _number(self._clock())
        found = [by_number.get(current - ago, _Measure()) for ago in range(MINUTES - 1, -1, -1)]
        return [(calls.count - calls.failed, calls.failed) for calls in found]

    def calls(self) -> Tally:
        """Return the calls of the last hour."""
        return _tally([minute.calls for minute in self._recent()])

    def requests(self) -> Tally:
        """Return the requests to TeleCMI of the last hour."""
        return _tally([minute.requests for minute in self._recent()])

    def errors(self) -> list[RecentError]:
        """Return the kinds of errors of the last hour, the last one first."""
        counts = sum((minute.errors for minute in self._recent()), Counter[ErrorKind]())
        now = self._clock()
        found = [RecentError(kind, count, now - self._last_errors[kind]) for kind, count in counts.items()]
        return sorted(found, key=lambda error: error.age_s)

    def callers(self) -> list[RecentCaller]:
        """Return the callers, the one with the last call first."""
        now = self._clock()
        return [
            RecentCaller(name, caller.calls, caller.failed, now - caller.called_at)
            for name, caller in reversed(self._callers.items())
        ]

    def _recent(self) -> Sequence[_Minute]:
        oldest = _number(self._clock()) - MINUTES + 1
        return [minute for minute in self._ring if minute.number >= oldest]

    def _minute(self, now: float) -> _Minute:
        number = _number(now)
        minute = self._ring[number % MINUTES]
        if minute.number != number:
            minute = self._ring[number % MINUTES] = _Minute(number)
        return minute

    def _count_error(self, now: float, subject: str, code: str) -> None:
        kind = ErrorKind(subject, code)
        self._minute(now).errors[kind] += 1
        self._last_errors[kind] = now

    def _count_caller(self, now: float, entry: Entry) -> None:
        caller = self._callers.setdefault(entry.caller, _Caller())
        caller.calls += 1
        caller.failed += entry.outcome != OK
        caller.called_at = now
        self._callers.move_to_end(entry.caller)
        if len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)


def _number(now: float) -> int:
    return int(now // _MINUTE_S)


def _bucket_of(seconds: float) -> int:
    return min(max(0, math.ceil(math.log(max(seconds, _MIN_S) / _MIN_S, _GROWTH))), _MAX_BUCKET)


def _tally(measures: Sequence[_Measure]) -> Tally:
    buckets = sum((each.buckets for each in measures), Counter[int]())
    count, failed = sum(each.count for each in measures), sum(each.failed for each in measures)
    return Tally(count, failed, _quantile(buckets, 0.5), _quantile(buckets, 0.95))


def _quantile(buckets: Counter[int], share: float) -> float | None:
    wanted, passed = math.ceil(buckets.total() * share), 0
    for bucket, count in sorted(buckets.items()):
        passed += count
        if passed >= wanted:
            return float(_MIN_S * _GROWTH**bucket)
    return None
