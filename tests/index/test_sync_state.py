"""The progress of the sync: when it is due, resumed and whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telecmi_mcp import Contact, ContactPage
from telecmi_mcp._index.sync_state import SyncState

DAY = 86_400
SOMEBODY = Contact(contact_id="c1")
WHOLE = SyncState(generation=3, started_at=100, ended_at=160, count=7, is_whole=True, as_of=100, checked_at=160)


def test_a_store_keeps_the_state_with_any_cursor() -> None:
    sync_state = SyncState(generation=2, started_at=1.5, cursor="\ud800 \u0000 'x'", count=None)
    assert SyncState.from_state(sync_state.state) == sync_state
    assert all(value.isascii() for value in sync_state.state.values())


@pytest.mark.parametrize("state", [{}, {"sync_state": "no JSON"}, {"sync_state": "[]"}, {"sync_state": '{"x": 1}'}])
def test_a_state_that_cannot_be_read_is_an_initial_state(state: dict[str, str]) -> None:
    assert SyncState.from_state(state) == SyncState()


@pytest.mark.parametrize(
    ("sync_state", "now", "is_due"),
    [
        (SyncState(), 0, True),
        (SyncState(started_at=100, cursor="x"), 101, True),
        (WHOLE, 160 + 899, False),
        (WHOLE, 160 + 900, True),
        (replace(WHOLE, checked_at=500), 160 + 900, False),
        (WHOLE, 20, True),  # the clock was put back
    ],
)
def test_a_sync_is_due_when_none_has_ended_or_the_last_is_too_old(
    sync_state: SyncState, now: float, *, is_due: bool
) -> None:
    assert sync_state.is_due(now, max_age=900) is is_due


def test_an_interrupted_sync_is_resumed_for_a_day() -> None:
    interrupted = SyncState(generation=4, started_at=1000, cursor="x")
    assert interrupted.opened(1000 + DAY - 1) == interrupted
    assert interrupted.opened(1000 + DAY) == SyncState(generation=5, started_at=1000 + DAY, created_at=1000 + DAY)


def test_a_new_sync_keeps_the_facts_of_the_last_whole_one() -> None:
    new = WHOLE.opened(2000)
    assert (new.generation, new.started_at, new.ended_at, new.cursor) == (4, 2000, 0, "")
    assert (new.is_whole, new.as_of, new.count) == (True, 100, 7)


@pytest.mark.parametrize(("count", "seen", "is_whole"), [(3, 2, True), (3, 3, False), (3, 1, False), (None, 9, True)])
def test_a_sync_is_whole_if_it_saw_as_many_contacts_as_telecmi_counts(
    count: int | None, seen: int, *, is_whole: bool
) -> None:
    page = ContactPage(contacts=(SOMEBODY,), count=count, malformed=1)
    closed = SyncState(generation=1, started_at=5).after(page).closed(9, seen=seen)
    assert closed.is_whole is is_whole
    assert closed.as_of == (5 if is_whole else 0)
    assert closed.ended_at == 9
    assert closed.repeats == 0


@pytest.mark.parametrize(("count", "is_whole"), [(1, True), (2, False), (None, False)])
def test_a_sync_with_cursors_in_a_circle_is_whole_only_if_each_counted_contact_was_seen(
    count: int | None, *, is_whole: bool
) -> None:
    page = ContactPage(contacts=(SOMEBODY,), count=count, broken_off="a circle")
    assert SyncState(generation=1, started_at=5).after(page).closed(9, seen=1).is_whole is is_whole


def read_again(last: SyncState, now: float) -> SyncState:
    """Read a list of ten entries, of which one is no contact and one repeats an id."""
    page = ContactPage(contacts=(SOMEBODY,) * 9, count=10, malformed=1)
    return last.opened(now).after(page).closed(now + 1, seen=8)


def test_entries_that_repeat_an_id_are_believed_when_the_next_sync_meets_as_many() -> None:
    first = read_again(SyncState(), 5)
    second = read_again(first, 20)
    assert (first.generation, first.is_whole, first.is_to_be_confirmed, first.as_of) == (1, False, True, 0)
    assert (second.generation, second.is_whole, second.is_to_be_confirmed) == (2, True, False)
    assert (second.started_at, second.as_of, second.ended_at, second.checked_at) == (20, 20, 21, 21)
    assert (second.read, second.left_out, second.repeats) == (10, 1, 1)


def test_a_list_that_repeats_more_ids_than_before_is_not_believed() -> None:
    before = replace(WHOLE, repeats=1)
    page = ContactPage(contacts=(SOMEBODY,) * 10, count=10)
    closed = before.opened(2000).after(page).closed(2001, seen=8)
    assert (closed.repeats, closed.is_whole, closed.is_to_be_confirmed) == (2, False, True)


def test_pages_add_up_and_one_broken_page_stays_broken_until_a_new_sync() -> None:
    first = ContactPage(contacts=(SOMEBODY,), count=4, malformed=1, page_state="x", broken_off="a circle")
    begun = SyncState(generation=1, started_at=5).after(first)
    assert (begun.read, begun.left_out, begun.count, begun.cursor, begun.is_broken) == (2, 1, 4, "x", True)
    state = begun.after(ContactPage(contacts=(SOMEBODY, SOMEBODY)))
    assert (state.read, state.left_out, state.count, state.cursor, state.is_broken) == (4, 1, 4, "", True)
    assert not state.closed(9, seen=3).is_to_be_confirmed
    new = state.restarted(10)
    assert (new.read, new.left_out, new.count, new.is_broken) == (0, 0, 4, False)


@pytest.mark.parametrize("now", [50, 1000 + DAY])
def test_a_sync_that_began_in_the_future_or_long_ago_is_not_resumed(now: float) -> None:
    assert SyncState(started_at=100, cursor="x").opened(100).cursor == "x"
    assert SyncState(started_at=100, cursor="x").opened(now).cursor == ""
