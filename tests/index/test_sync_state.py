"""How far the mirror is: what is due, what is resumed, what is whole."""

from __future__ import annotations

import pytest

from telecmi_mcp import Contact, ContactPage
from telecmi_mcp._index.sync_state import SyncState

DAY = 86_400
SOMEBODY = Contact(contact_id="c1")
WHOLE = SyncState(generation=3, begun=100, ended=160, count=7, is_whole=True, as_of=100, checked=160)


def test_a_store_remembers_the_ledger_whatever_the_cursor_holds() -> None:
    sync_state = SyncState(generation=2, begun=1.5, cursor="\ud800 \u0000 'x'", count=None)
    assert SyncState.from_state(sync_state.state) == sync_state
    assert all(value.isascii() for value in sync_state.state.values())


@pytest.mark.parametrize("state", [{}, {"sync_state": "no JSON"}, {"sync_state": "[]"}, {"sync_state": '{"x": 1}'}])
def test_what_is_not_ours_is_an_empty_ledger(state: dict[str, str]) -> None:
    assert SyncState.from_state(state) == SyncState()


@pytest.mark.parametrize(
    ("sync_state", "now", "is_due"),
    [
        (SyncState(), 0, True),
        (SyncState(begun=100, cursor="x"), 101, True),
        (WHOLE, 160 + 899, False),
        (WHOLE, 160 + 900, True),
        (WHOLE, 20, True),  # the clock was put back
    ],
)
def test_a_pass_is_due_when_none_has_ended_or_the_last_is_too_old(
    sync_state: SyncState, now: float, *, is_due: bool
) -> None:
    assert sync_state.is_due(now, max_age=900) is is_due


def test_an_interrupted_pass_is_resumed_for_a_day() -> None:
    interrupted = SyncState(generation=4, begun=1000, cursor="x")
    assert interrupted.opened(1000 + DAY - 1) == interrupted
    assert interrupted.opened(1000 + DAY) == SyncState(generation=5, begun=1000 + DAY)


def test_a_new_pass_keeps_what_is_known_from_the_last_whole_one() -> None:
    begun = WHOLE.opened(2000)
    assert (begun.generation, begun.begun, begun.ended, begun.cursor) == (4, 2000, 0, "")
    assert (begun.is_whole, begun.as_of, begun.count) == (True, 100, 7)


@pytest.mark.parametrize(("count", "seen", "is_whole"), [(3, 2, True), (3, 3, False), (3, 1, False), (None, 9, True)])
def test_a_pass_is_whole_if_it_saw_as_many_as_there_are(count: int | None, seen: int, *, is_whole: bool) -> None:
    page = ContactPage(contacts=(SOMEBODY,), count=count, malformed=1)
    closed = SyncState(generation=1, begun=5).after(page).closed(9, seen=seen)
    assert closed.is_whole is is_whole
    assert closed.as_of == (5 if is_whole else 0)
    assert closed.ended == 9


def test_a_pass_that_ran_in_a_circle_is_not_whole() -> None:
    page = ContactPage(contacts=(SOMEBODY,), count=1, broken_off="a circle")
    assert not SyncState(generation=1, begun=5).after(page).closed(9, seen=1).is_whole
