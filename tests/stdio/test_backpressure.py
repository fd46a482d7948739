"""The backlog for a client that does not read: bounded in requests and in bytes, without a lost answer."""

from __future__ import annotations

import pytest
from mcp_types import JSONRPCRequest

from telecmi_mcp._stdio.backpressure import MAX_DUE, MAX_UNSENT_BYTES, Backlog


def call(number: int, method: str = "tools/call") -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=number, method=method)


def started(backlog: Backlog, count: int, first: int = 0) -> int:
    """How many of ``count`` calls may start."""
    return sum(backlog.start(call(number), 100) for number in range(first, first + count))


def test_as_many_calls_start_as_their_answers_fit() -> None:
    backlog = Backlog()
    assert started(backlog, 1000) == 64
    assert backlog.next_held() is None
    assert backlog.due.total() == 1000


def test_unread_answers_stop_new_calls_and_then_the_reading() -> None:
    backlog = Backlog()
    started(backlog, MAX_DUE - 1)
    longest = 200_000
    answered = 0
    waiting = list(range(64))
    while waiting:
        backlog.finish(str(waiting.pop(0)), longest)
        answered += 1
        while held := backlog.next_held():
            waiting.append(int(held.id))
    assert MAX_UNSENT_BYTES - 2 * 256 * 1024 < backlog.unsent_bytes <= MAX_UNSENT_BYTES
    assert not backlog.is_full
    backlog.start(call(5000), MAX_UNSENT_BYTES - backlog.unsent_bytes)
    assert backlog.is_full
    assert not backlog.takes_notifications


def test_a_longer_answer_than_expected_is_expected_from_then_on() -> None:
    backlog = Backlog()
    backlog.start(call(0), 100)
    backlog.finish("0", MAX_UNSENT_BYTES // 4)
    backlog.unsent_bytes = 0
    assert started(backlog, 10, first=1) == 4


def test_one_call_may_always_start() -> None:
    backlog = Backlog()
    backlog.start(call(0), 100)
    backlog.finish("0", 2 * MAX_UNSENT_BYTES)
    assert started(backlog, 2, first=1) == 0
    backlog.unsent_bytes = 0
    held = backlog.next_held()
    assert held is not None
    assert held.id == 1, "the oldest"
    assert backlog.next_held() is None


def test_a_request_with_a_short_answer_never_waits() -> None:
    backlog = Backlog()
    started(backlog, 1000)
    assert backlog.start(call(2000, "ping"), 100)


@pytest.mark.parametrize("number", [0, 70])
def test_a_cancelled_call_frees_capacity_whether_it_started_or_not(number: int) -> None:
    backlog = Backlog()
    started(backlog, 100)
    backlog.cancel(str(number))
    assert backlog.due.total() == 99
    assert (backlog.next_held() is not None) is (number == 0)
    left = [held.id for held in backlog.drop_held()]
    assert 70 not in left or number == 0
    assert len(left) == 35
