"""The reader of the whole list: how often it tries a page, what it waits, and when it gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telecmi_mcp import ContactPage, errors
from telecmi_mcp._api.pager import PageReader

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Client:
    """Answers with pages and errors in turn, and notes the cursors."""

    def __init__(self, answers: Iterable[ContactPage | errors.TelecmiError]) -> None:
        self._answers = iter(answers)
        self.cursors: list[str | None] = []

    def in_background(self) -> _Client:
        return self

    async def list_contacts(self, *, limit: int, page_state: str | None) -> ContactPage:
        assert limit == 100
        self.cursors.append(page_state)
        answer = next(self._answers)
        if isinstance(answer, errors.TelecmiError):
            raise answer
        return answer


class _Reading:
    """A reader of that client, and what it reported."""

    def __init__(self, *answers: ContactPage | errors.TelecmiError) -> None:
        self.client = _Client(answers)
        self.faults: list[tuple[errors.TelecmiError, float | None]] = []
        self.slept: list[float] = []
        self.written: list[ContactPage] = []
        self.pages = 0
        self._reader = PageReader(
            self.client,  # type: ignore[arg-type] # has the methods that are called
            on_page=self._on_page,
            on_fault=lambda error, delay_s: self.faults.append((error, delay_s)),
            sleep=self._sleep,
        )

    async def read(self, page_state: str | None = None) -> None:
        await self._reader.read_on(page_state, self._write)

    async def _on_page(self) -> None:
        self.pages += 1

    async def _sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)

    async def _write(self, page: ContactPage) -> None:
        self.written.append(page)


MIDDLE, LAST = ContactPage(contacts=(), page_state="next"), ContactPage(contacts=())


def busy(seconds: float = 2.0) -> errors.RateLimited:
    return errors.RateLimited(retry_after=seconds)


async def test_a_list_is_read_from_a_cursor_to_its_end() -> None:
    reading = _Reading(MIDDLE, LAST)
    await reading.read("begin")
    assert reading.client.cursors == ["begin", "next"]
    assert (reading.written, reading.pages) == ([MIDDLE, LAST], 2)


async def test_a_page_is_tried_eight_times_and_each_failure_is_reported() -> None:
    reading = _Reading(*[busy()] * 9)
    with pytest.raises(errors.RateLimited):
        await reading.read()
    assert reading.client.cursors == [None] * 8
    assert [error.code for error, _ in reading.faults] == ["rate_limited"] * 8
    assert [delay_s for _, delay_s in reading.faults] == [*[2.0] * 7, None]
    assert reading.slept == [2.0] * 7


async def test_a_page_that_comes_at_the_eighth_attempt_is_read() -> None:
    reading = _Reading(*[busy()] * 7, LAST)
    await reading.read()
    assert reading.written == [LAST]


@pytest.mark.parametrize(("seconds", "attempts"), [(3600, 2), (3600.5, 1)])
async def test_a_wait_of_more_than_an_hour_ends_the_reading(seconds: float, attempts: int) -> None:
    reading = _Reading(busy(seconds), errors.NotSignedIn())
    with pytest.raises(errors.TelecmiError):
        await reading.read()
    assert len(reading.client.cursors) == attempts


async def test_an_error_that_is_not_retryable_ends_the_reading() -> None:
    reading = _Reading(errors.NotSignedIn(), LAST)
    with pytest.raises(errors.NotSignedIn):
        await reading.read()
    assert (reading.slept, [delay_s for _, delay_s in reading.faults]) == ([], [None])


async def test_a_cursor_that_fails_three_times_is_refused_and_a_first_page_is_not() -> None:
    failures = [errors.ServiceFailed(detail="seen") for _ in range(3)]
    reading = _Reading(*failures, LAST)
    with pytest.raises(errors.InvalidCursor) as caught:
        await reading.read("old")
    assert (caught.value.detail, len(reading.client.cursors), len(reading.slept)) == ("seen", 3, 2)
    first = _Reading(*failures, LAST)
    await first.read()
    assert first.written == [LAST]
