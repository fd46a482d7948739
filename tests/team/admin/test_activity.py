"""What is remembered of the last hour: counts, durations, errors and callers, in bounded memory."""

from __future__ import annotations

import pytest

from telecmi_mcp._audit.log import Entry
from telecmi_mcp._team.policy.activity import (
    CALL,
    CONNECTION,
    MAX_CALLERS,
    MINUTES,
    REQUEST,
    ErrorKind,
    RecentActivity,
    RecentCaller,
    Tally,
)


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def entry(outcome: str = "ok", *, caller: str = "amal", seconds: float = 0.04) -> Entry:
    return Entry(caller, "tools/call", "get_contact", outcome, seconds, 1)


def test_a_minute_has_its_answered_and_failed_calls_and_leaves_after_an_hour() -> None:
    clock = Clock(30)
    activity = RecentActivity(clock)
    for outcome in ("ok", "ok", "not_found"):
        activity.count_call(entry(outcome))
    assert activity.calls_per_minute() == [(0, 0)] * (MINUTES - 1) + [(2, 1)]
    clock.now += 59 * 60
    assert activity.calls_per_minute() == [(2, 1)] + [(0, 0)] * (MINUTES - 1)
    assert (activity.calls().count, activity.calls().failed) == (3, 1)
    clock.now += 60
    assert activity.calls_per_minute() == [(0, 0)] * MINUTES
    assert activity.calls() == Tally(0, 0, None, None)
    assert activity.errors() == []


def test_a_place_of_the_ring_that_is_used_again_forgets_the_older_minute() -> None:
    clock = Clock()
    activity = RecentActivity(clock)
    activity.count_call(entry("not_found"))
    clock.now += MINUTES * 60
    activity.count_call(entry())
    assert activity.calls_per_minute()[-1] == (1, 0)
    assert activity.errors() == []


@pytest.mark.parametrize(("seconds", "most"), [(0.0, 0.001), (0.04, 0.044), (1.0, 1.1), (30.0, 33.0), (1e9, 250.0)])
def test_durations_are_at_most_a_tenth_too_high(seconds: float, most: float) -> None:
    activity = RecentActivity(Clock())
    activity.count_request("ok", seconds)
    median = activity.requests().median_s
    assert median is not None
    assert min(seconds, 240) <= median <= most


def test_the_median_and_the_95th_of_a_hundred_are_told_apart() -> None:
    activity = RecentActivity(Clock())
    for place in range(100):
        activity.count_request("ok", 2.0 if place >= 94 else 0.1)
    found = activity.requests()
    assert found.median_s == pytest.approx(0.1, rel=0.11)
    assert found.p95_s == pytest.approx(2.0, rel=0.11)


def test_errors_are_counted_by_what_failed_and_the_last_one_comes_first() -> None:
    clock = Clock()
    activity = RecentActivity(clock)
    activity.count_call(entry("not_found"))
    activity.count_call(entry("not_found"))
    clock.now = 100
    activity.count_request("unavailable", 0.1)
    activity.count_surplus()
    activity.count_limit("account_rate")
    activity.count_limit("caller_rate")  # which the outcome of its call tells
    clock.now = 110
    assert [(error.kind, error.count, error.age_s) for error in activity.errors()] == [
        (ErrorKind(REQUEST, "unavailable"), 1, 10),
        (ErrorKind(CONNECTION, "surplus"), 1, 10),
        (ErrorKind(REQUEST, "account_rate"), 1, 10),
        (ErrorKind(CALL, "not_found"), 2, 110),
    ]


def test_the_caller_whose_last_call_is_the_oldest_is_forgotten_first() -> None:
    clock = Clock()
    activity = RecentActivity(clock)
    for number in range(MAX_CALLERS):
        activity.count_call(entry(caller=f"caller {number}"))
    clock.now = 5
    activity.count_call(entry("defect", caller="caller 0"))
    activity.count_call(entry(caller="one more"))
    names = [caller.name for caller in activity.callers()]
    assert (len(names), names[:2], "caller 1" in names) == (MAX_CALLERS, ["one more", "caller 0"], False)
    assert activity.callers()[1] == RecentCaller("caller 0", calls=2, failed=1, age_s=0)
