"""The rows of an export: every contact of a complete copy once, or an error and nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import from_thread
from index.test_count_check import START, ZEBULON, Telecmi, ignored, opened

from telecmi_mcp import Contact, errors
from telecmi_mcp._index import request
from telecmi_mcp._index.count_check import MIN_INTERVAL_S
from telecmi_mcp._index.request import FilterFields
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._search import ContactFilter, select_pages
from telecmi_mcp.sandbox import Quirks, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from telecmi_mcp._index.directory import Directory

PEOPLE = make_contacts(150)
EVERYBODY = FilterFields()


class Rows:
    """What was written."""

    def __init__(self) -> None:
        self.pages: list[list[str]] = []

    def write(self, pages: Iterable[Sequence[Contact]]) -> None:
        self.pages += [[contact.contact_id for contact in page] for page in pages]

    @property
    def ids(self) -> list[str]:
        return [contact_id for page in self.pages for contact_id in page]


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "_PAGE", 40)


async def test_every_contact_is_written_once_after_the_first_sync() -> None:
    rows, heard = Rows(), []

    async def hear(read: int, _: int | None) -> None:
        heard.append(read)

    async with opened(Telecmi(create_sandbox(contacts=PEOPLE))) as (directory, _):
        result = await directory.export_rows(EVERYBODY, rows.write, report=hear)
    assert rows.ids == [each["contact_id"] for each in PEOPLE]
    assert [len(page) for page in rows.pages] == [40, 40, 40, 30]
    assert (result.counts.total, result.as_of, result.notice) == (150, START, "")
    assert heard


async def test_a_contact_that_was_added_to_a_complete_copy_is_written() -> None:
    sandbox, rows = create_sandbox(contacts=PEOPLE), Rows()
    async with opened(Telecmi(sandbox)) as (directory, clock):
        await directory.sync(ignored)
        sandbox.replace_contacts([*PEOPLE, ZEBULON])
        clock.now += MIN_INTERVAL_S
        await directory.export_rows(EVERYBODY, rows.write)
    assert ZEBULON["contact_id"] in rows.ids
    assert len(rows.ids) == 151


async def refused(directory: Directory) -> errors.TelecmiError:
    """The error of an export that writes nothing."""
    rows = Rows()
    with pytest.raises(errors.TelecmiError) as caught:
        await directory.export_rows(EVERYBODY, rows.write)
    assert rows.pages == []
    return caught.value


async def test_a_list_that_ends_early_is_not_written() -> None:
    telecmi = Telecmi(create_sandbox(Quirks(repeating_cursor="same"), contacts=make_contacts(300)))
    async with opened(telecmi) as (directory, _):
        assert isinstance(await refused(directory), errors.ContactsIncomplete)


@pytest.mark.own_time
async def test_a_copy_that_telecmis_count_contradicts_is_not_written() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    telecmi = Telecmi(sandbox)
    async with opened(telecmi, timeout_s=1) as (directory, clock):
        await directory.sync(ignored)
        sandbox.replace_contacts([*PEOPLE, ZEBULON])
        telecmi.holds_lists = True
        clock.now += MIN_INTERVAL_S
        assert isinstance(await refused(directory), errors.ContactsIncomplete)


@pytest.mark.own_time
async def test_contacts_that_are_still_being_read_at_the_deadline_are_not_written() -> None:
    telecmi = Telecmi(create_sandbox(contacts=PEOPLE))
    telecmi.holds_lists = True
    async with opened(telecmi, timeout_s=1) as (directory, _):
        assert isinstance(await refused(directory), errors.ContactsIncomplete)


async def test_a_telecmi_that_cannot_be_asked_is_named_and_the_complete_copy_is_written() -> None:
    telecmi, rows = Telecmi(create_sandbox(contacts=PEOPLE)), Rows()
    async with opened(telecmi) as (directory, clock):
        await directory.sync(ignored)
        telecmi.is_cut = True
        clock.now += MIN_INTERVAL_S
        result = await directory.export_rows(EVERYBODY, rows.write)
    assert len(rows.ids) == 150
    assert result.notice == "TeleCMI could not be asked for its count, so newer contacts may be missing."


async def test_a_filter_that_nobody_passes_writes_nothing() -> None:
    rows = Rows()
    async with opened(Telecmi(create_sandbox(contacts=PEOPLE))) as (directory, _):
        result = await directory.export_rows(FilterFields(company="Zzkqwx"), rows.write)
    assert (result.counts.total, rows.pages) == (0, [])


async def test_a_cancelled_call_ends_its_thread_before_the_next_page() -> None:
    written: list[int] = []
    ended = []
    async with opened(Telecmi(create_sandbox(contacts=PEOPLE))) as (directory, _):
        with anyio.CancelScope() as scope:

            def write(pages: Iterable[Sequence[Contact]]) -> None:
                try:
                    for page in pages:
                        written.append(len(page))
                        from_thread.run_sync(scope.cancel)
                finally:
                    ended.append(True)

            await directory.export_rows(EVERYBODY, write)
    assert scope.cancelled_caught
    assert (written, ended) == ([40], [True])


@pytest.mark.own_time
async def test_a_call_without_time_to_write_all_contacts_ends_and_says_so() -> None:
    written: list[int] = []

    def write(pages: Iterable[Sequence[Contact]]) -> None:
        for page in pages:
            written.append(len(page))
            from_thread.run(anyio.sleep, 0.5)  # of the loop's own time

    async with opened(Telecmi(create_sandbox(contacts=PEOPLE)), timeout_s=1) as (directory, _):
        with pytest.raises(errors.ContactsIncomplete, match="there was no time to write all contacts"):
            await directory.export_rows(EVERYBODY, write)
    assert written == [40, 40]


def test_between_two_pages_a_contact_may_be_added_and_one_removed() -> None:
    contacts = [Contact(f"c{number}", company="Acme") for number in range(1, 8)]
    with Index() as index:
        index.upsert(contacts, generation=1, state={})
        pages = select_pages(index, ContactFilter(company="Acme"), page_size=3)
        first = next(pages)
        index.upsert([Contact("c0", company="Acme"), *contacts[:2]], generation=2, state={})
        index.delete(["c3", "c5"])
        rest = [row.contact_id for page in pages for row in page]
    assert [row.contact_id for row in first] == ["c1", "c2", "c3"]
    assert rest == ["c4", "c6", "c7", "c0"]
