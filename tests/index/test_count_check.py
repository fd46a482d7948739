"""Nobody is denied before TeleCMI was asked for its count."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from httpx2 import ASGITransport, MockTransport, Response

from conftest import SIGNED_IN
from telecmi_mcp import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._index.count_check import MIN_INTERVAL_S
from telecmi_mcp._index.directory import Directory
from telecmi_mcp._index.location import MemoryLocation
from telecmi_mcp._index.request import CountRequest, FilterFields, SearchRequest
from telecmi_mcp._task_groups import open_tasks
from telecmi_mcp.sandbox import Quirks, Sandbox, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from telecmi_mcp._search import ContactStore

PEOPLE = make_contacts(150)
ZEBULON = {
    **PEOPLE[7],
    "contact_id": "7d1f1c1e-0000-4000-8000-00000000beef",
    "first_name": "Zebulon",
    "last_name": "Quix",
}
START = 1_800_000_000.0


class Clock:
    """A Unix time that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Telecmi:
    """The sandbox behind a network that a test can cut."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.inner = ASGITransport(app=sandbox)
        self.requests = 0
        self.is_cut = False
        self.holds_lists = False

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        if self.is_cut:
            return Response(503, content=b"{}")
        if self.holds_lists and b'"limit":100' in request.content:
            await anyio.sleep_forever()
        return await self.inner.handle_async_request(request)


@asynccontextmanager
async def opened(
    telecmi: Telecmi, *, timeout_s: float = 30.0, max_age: float = 900.0
) -> AsyncIterator[tuple[Directory, Clock]]:
    clock = Clock()
    channel = Channel("http://localhost", transport=MockTransport(telecmi))
    client = TelecmiClient(channel, FixedToken(SIGNED_IN.token), timeout=timeout_s)
    location = MemoryLocation()
    with anyio.fail_after(60):
        async with open_tasks() as tasks:
            yield Directory(client, location, tasks, timeout=timeout_s, max_age=max_age, clock=clock), clock
            tasks.cancel_scope.cancel()
    location.close()


async def ignored(_: int, __: int | None) -> None:
    """Report nothing."""


async def test_a_contact_that_was_added_is_found_although_the_index_is_complete() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(Telecmi(sandbox)) as (directory, clock):
        await directory.sync(ignored)
        sandbox.replace_contacts([*PEOPLE, ZEBULON])
        clock.now += MIN_INTERVAL_S
        found = await directory.search(SearchRequest(query="Zebulon Quix"))
    assert [hit.contact.contact_id for hit in found.hits] == [ZEBULON["contact_id"]]
    assert found.notice == ""


async def test_an_equal_count_confirms_that_nobody_matches() -> None:
    telecmi = Telecmi(create_sandbox(contacts=PEOPLE))
    async with opened(telecmi) as (directory, clock):
        await directory.sync(ignored)
        clock.now += MIN_INTERVAL_S
        requests = telecmi.requests
        found = await directory.search(SearchRequest(query="zzkqwx"))
        assert telecmi.requests == requests + 1
    assert found.notice == "No contact matches among all 150, as of 2027-01-15T08:00:00Z."


async def test_the_count_is_asked_for_at_most_once_a_minute() -> None:
    telecmi = Telecmi(create_sandbox(contacts=PEOPLE))
    async with opened(telecmi) as (directory, clock):
        await directory.sync(ignored)
        requests = telecmi.requests
        await directory.search(SearchRequest(query="zzkqwx"))  # the sync has just ended
        assert telecmi.requests == requests
        clock.now += MIN_INTERVAL_S
        for _ in range(3):
            await directory.search(SearchRequest(query="zzkqwx"))
        assert telecmi.requests == requests + 1
        clock.now += MIN_INTERVAL_S
        await directory.search(SearchRequest(query="zzkqwx"))
        assert telecmi.requests == requests + 2


async def test_a_telecmi_without_a_count_is_named() -> None:
    async with opened(Telecmi(create_sandbox(Quirks(count="missing"), contacts=PEOPLE))) as (directory, _):
        await directory.sync(ignored)
        found = await directory.search(SearchRequest(query="zzkqwx"))
    assert found.complete
    assert found.notice.endswith("TeleCMI gives no count, so newer contacts may be missing.")


async def test_a_telecmi_that_cannot_be_asked_is_named() -> None:
    telecmi = Telecmi(create_sandbox(contacts=PEOPLE))
    async with opened(telecmi) as (directory, clock):
        await directory.sync(ignored)
        telecmi.is_cut = True
        clock.now += MIN_INTERVAL_S
        found = await directory.search(SearchRequest(query="zzkqwx"))
        requests = telecmi.requests
        assert (await directory.search(SearchRequest(query="zzkqwx"))).notice == found.notice
        assert telecmi.requests == requests, "a failure counts for a minute too"
        telecmi.is_cut = False
        clock.now += MIN_INTERVAL_S
        assert (await directory.search(SearchRequest(query="zzkqwx"))).notice.endswith("08:00:00Z.")
    assert found.notice.startswith("No contact matches among all 150, as of 2027-01-15T08:00:00Z.")
    assert found.notice.endswith("TeleCMI could not be asked for its count, so newer contacts may be missing.")


@pytest.mark.own_time
async def test_a_sync_that_does_not_end_in_time_is_named() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    telecmi = Telecmi(sandbox)
    async with opened(telecmi, timeout_s=1) as (directory, clock):
        await directory.sync(ignored)
        sandbox.replace_contacts([*PEOPLE, ZEBULON])
        telecmi.holds_lists = True
        clock.now += MIN_INTERVAL_S
        found = await directory.search(SearchRequest(query="Zebulon Quix"))
    assert not [hit for hit in found.hits if hit.match != "partial"]
    assert found.notice.endswith("The contacts are being read again: try again in a moment.")


async def test_a_partial_answer_is_a_denial_too() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(Telecmi(sandbox)) as (directory, clock):
        await directory.sync(ignored)
        sandbox.replace_contacts([*PEOPLE, ZEBULON])
        clock.now += MIN_INTERVAL_S
        found = await directory.search(SearchRequest(query=f"{PEOPLE[7]['first_name']} Quix"))
    assert found.hits
    assert (found.complete, found.indexed) == (True, 151)


@pytest.mark.parametrize("number", [1, 3])
async def test_rows_that_repeat_an_id_do_not_keep_an_index_incomplete(number: int) -> None:
    repeating: list[Any] = [*PEOPLE, *PEOPLE[:number]]
    telecmi = Telecmi(create_sandbox(contacts=repeating))
    async with opened(telecmi) as (directory, _):
        found = await directory.sync(ignored)
    assert (found.complete, found.indexed, found.count) == (True, 150, 150 + number)


@pytest.mark.parametrize("is_writer", [True, False])
async def test_a_contact_that_telecmi_no_longer_has_is_denied_after_a_look_at_the_count(*, is_writer: bool) -> None:
    sandbox = create_sandbox(contacts=[*PEOPLE, ZEBULON])
    telecmi = Telecmi(sandbox)
    async with opened(telecmi) as (directory, clock):
        await directory.sync(ignored)
        sandbox.replace_contacts(PEOPLE)
        clock.now += MIN_INTERVAL_S
        if not is_writer:
            directory._index._location = OthersLocation(directory._index._location)  # type: ignore[union-attr]
        found = await directory.search(SearchRequest(query="Zebulon Quix"))
        looked_up = await directory.lookup(["Zebulon Quix"])
    assert (found.hits, found.found.total) == ((), 0)
    assert found.count_check is not None
    assert [len(hits.hits) for hits in looked_up.found] == [0]
    assert looked_up.status(looked_up.found[0]) in {"not_found", "unclear"}


class OthersLocation:
    """A location whose index another process writes."""

    is_writer = False

    def __init__(self, location: Any) -> None:
        self._location = location

    def __getattr__(self, name: str) -> Any:
        return getattr(self._location, name)


async def test_a_count_of_nobody_is_compared_with_telecmis_count() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(Telecmi(sandbox)) as (directory, clock):
        await directory.sync(ignored)
        sandbox.replace_contacts([*PEOPLE, {**ZEBULON, "company": "Quixotry Ltd"}])
        clock.now += MIN_INTERVAL_S
        counted = await directory.count(CountRequest(filters=FilterFields(company="Quixotry")))
    assert counted.counts.total == 1


async def test_a_process_that_does_not_write_never_shows_who_a_contact_became() -> None:
    sandbox = create_sandbox(contacts=[*PEOPLE, ZEBULON])
    other = {**ZEBULON, "first_name": "Olga", "last_name": "Other", "phone_no": "911111122222", "company": "Zen"}
    renumbered = {**ZEBULON, "phone_no": "911111122222"}
    async with opened(Telecmi(sandbox)) as (directory, clock):
        await directory.sync(ignored)
        directory._index._location = OthersLocation(directory._index._location)  # type: ignore[union-attr]
        sandbox.replace_contacts([*PEOPLE, renumbered])
        found = await directory.search(SearchRequest(query="Zebulon Quix"))
        assert [hit.contact.phone_no for hit in found.hits] == ["911111122222"]
        old = await directory.search(SearchRequest(query=f"+{ZEBULON['phone_no']}"))
        assert ZEBULON["contact_id"] not in [hit.contact.contact_id for hit in old.hits]
        sandbox.replace_contacts([*PEOPLE, other])
        clock.now += MIN_INTERVAL_S
        for request in (
            SearchRequest(query="Zebulon Quix"),
            SearchRequest(filters=FilterFields(company=str(ZEBULON["company"])), limit=100),
        ):
            found = await directory.search(request)
            assert "Olga" not in [hit.contact.first_name for hit in found.hits]
        looked_up = await directory.lookup(["Zebulon Quix"])
    assert looked_up.status(looked_up.found[0]) != "found"


async def test_a_search_that_the_end_of_a_sync_overtook_is_repeated() -> None:
    ended, counts = threading.Event(), []

    def find(store: ContactStore) -> int:
        counts.append(store.count())
        if len(counts) == 1:
            assert ended.wait(30), "the sync ends while this search runs"
        return counts[-1]

    async with opened(Telecmi(create_sandbox(contacts=PEOPLE))) as (directory, _):
        index = directory._index
        assert index is not None

        async def wait_for_end() -> None:
            await index.wait_for_end(ignored, patience=30)
            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_for_end)
            finding = await index.find_until(find, lambda _: False, anyio.current_time() + 60, None)
    assert (finding.found, finding.sync_state.is_whole) == (len(PEOPLE), True)
