"""Cursors: they return byte for byte, and a list whose cursors form a cycle ends."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telecmi_mcp._api.cursors import CursorTrail, pack_cursor, unpack_cursor
from telecmi_mcp.errors import InvalidArguments

_ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), min_size=1)
_PLAIN = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


@given(_ANYTHING)
def test_every_cursor_comes_back_byte_for_byte(cursor: str) -> None:
    assert unpack_cursor(pack_cursor(cursor)) == cursor


@given(_ANYTHING)
def test_a_packed_cursor_is_printable_ascii_without_blanks(cursor: str) -> None:
    assert all("!" <= letter <= "~" for letter in pack_cursor(cursor))


@given(_PLAIN)
def test_a_plain_cursor_is_not_changed(cursor: str) -> None:
    assume(not cursor.startswith(("~", "s.")))  # what a packed cursor and a cursor of a search begin with
    assert pack_cursor(cursor) == cursor


@given(_ANYTHING, _ANYTHING)
def test_two_cursors_are_never_packed_alike(one: str, other: str) -> None:
    assume(one != other)
    assert pack_cursor(one) != pack_cursor(other)


@pytest.mark.parametrize("cursor", ["\ud800", "\udfff\ud800", "\0", "\u202eabc", "a\nb", "~", "~~YQ==", "s.", "é", " "])
def test_a_difficult_cursor_comes_back_too(cursor: str) -> None:
    packed = pack_cursor(cursor)
    assert packed.isascii()
    assert packed.isprintable()
    assert unpack_cursor(packed) == cursor


@given(st.text())
def test_any_text_is_unpacked_or_refused(text: str) -> None:
    try:
        assert isinstance(unpack_cursor(text), str)
    except InvalidArguments as refusal:
        assert text.startswith("~")
        assert text not in str(refusal) or len(text) < 3


def test_a_packed_cursor_that_was_changed_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidArguments) as caught:
        unpack_cursor(pack_cursor("a b")[:-1])
    assert str(caught.value) == (
        "Pass page_state exactly as the previous page returned it, or omit it to start again: it was changed."
    )


@given(pages=st.lists(st.integers(1, 40), min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_a_list_that_ends_is_never_cut_however_its_readers_are_mixed(pages: list[int], order: object) -> None:
    trail = CursorTrail()
    walks = [_steps(f"list{number}-", length) for number, length in enumerate(pages)]
    for asked, given_cursor in _mixed(walks, order):
        assert not trail.closes_cycle(asked, given_cursor)


@given(length=st.integers(1, 40), walkers=st.integers(1, 5), order=st.randoms(use_true_random=False))
def test_several_readers_may_read_the_same_list_at_once_and_again(length: int, walkers: int, order: object) -> None:
    trail = CursorTrail()
    for asked, given_cursor in _mixed([_steps("one-", length) for _ in range(walkers)], order):
        assert not trail.closes_cycle(asked, given_cursor)
    for asked, given_cursor in _steps("one-", length):
        assert not trail.closes_cycle(asked, given_cursor)


def test_a_reader_that_resumes_in_the_middle_cuts_no_list_that_is_read_from_its_start() -> None:
    trail = CursorTrail()
    steps = _steps("one-", 10)
    for asked, given_cursor in [*steps[5:], *steps]:
        assert not trail.closes_cycle(asked, given_cursor)


@given(length=st.integers(1, 40), times=st.integers(2, 5))
def test_a_page_may_be_requested_again(length: int, times: int) -> None:
    trail = CursorTrail()
    for asked, given_cursor in _steps("again-", length):
        for _ in range(times):
            assert not trail.closes_cycle(asked, given_cursor)


@given(length=st.integers(1, 64), lead=st.integers(0, 20))
def test_a_cycle_of_any_length_ends_after_at_most_two_rounds(length: int, lead: int) -> None:
    assert _pages_until_the_end(CursorTrail(capacity=128), length, lead) <= lead + 2 * length + 1


@pytest.mark.parametrize("length", [1, 2, 3, 4000, 4096])
def test_a_cycle_up_to_the_capacity_ends(length: int) -> None:
    assert _pages_until_the_end(CursorTrail(), length, 0) <= 2 * length + 1


@given(starts=st.lists(st.integers(0, 9), min_size=2, max_size=5), order=st.randoms(use_true_random=False))
def test_a_cycle_ends_for_each_of_several_readers(starts: list[int], order: object) -> None:
    trail = CursorTrail()
    at: dict[int, str | None] = dict.fromkeys(range(len(starts)))
    open_walks = set(at)
    for _ in range(100 * len(starts)):
        if not open_walks:
            break
        walker = order.choice(sorted(open_walks))  # type: ignore[attr-defined]  # a random.Random
        following = _next_in_circle(at[walker], 10, first=starts[walker])
        if trail.closes_cycle(at[walker], following):
            open_walks.discard(walker)
        at[walker] = following
    assert not open_walks


def _steps(name: str, length: int) -> list[tuple[str | None, str]]:
    cursors = [f"{name}{number}" for number in range(length)]
    return list(zip([None, *cursors], cursors, strict=False))


def _mixed(walks: list[list[tuple[str | None, str]]], order: object) -> list[tuple[str | None, str]]:
    left = [list(walk) for walk in walks]
    mixed = []
    while any(left):
        walk = order.choice([steps for steps in left if steps])  # type: ignore[attr-defined]  # a random.Random
        mixed.append(walk.pop(0))
    return mixed


def _pages_until_the_end(trail: CursorTrail, length: int, lead: int) -> int:
    asked: str | None = None
    for number in range(lead + 3 * length + 2):
        given_cursor = f"lead{number}" if number < lead else f"circle{(number - lead) % length}"
        if trail.closes_cycle(asked, given_cursor):
            return number + 1
        asked = given_cursor
    pytest.fail("the circle was not noticed")


def _next_in_circle(asked: str | None, length: int, *, first: int) -> str:
    number = first if asked is None else (int(asked) + 1) % length
    return str(number)
