"""Search as a caller gets it: early, with its completeness, live, private."""

from __future__ import annotations

import dataclasses
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
import httpx2
import pytest
from httpx2 import ASGITransport

from conftest import SIGNED_IN, opened_desk
from telecmi_mcp import App, errors, open_app
from telecmi_mcp._index.location import clear_indexes
from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp.sandbox import Quirks, Sandbox, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

UNKNOWN = "00000000-0000-4000-8000-000000000000"
DENIAL = "No contact matches among all 450, as of "
PEOPLE = make_contacts(450)
LAST = PEOPLE[-1]
PRIYA = PEOPLE[41]


@asynccontextmanager
async def opened(
    sandbox: Sandbox,
    *,
    answer: Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]] | None = None,
    **settings: Any,
) -> AsyncIterator[App]:
    """Open the app over a sandbox, or over what answers instead."""
    transport = httpx2.MockTransport(answer) if answer else ASGITransport(app=sandbox)
    with anyio.fail_after(60):
        async with open_app(dataclasses.replace(SIGNED_IN, **settings), transport=transport) as app:
            yield app


class PagesOnHold:
    """A TeleCMI that answers the first page and holds the others back until `release` is set."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.inner = ASGITransport(app=sandbox)
        self.release = anyio.Event()
        self.is_holding = anyio.Event()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if b"page_state" in request.content:
            self.is_holding.set()
            await self.release.wait()
        return await self.inner.handle_async_request(request)


def lists(sandbox: Sandbox) -> int:
    """How many pages were asked for."""
    bodies: list[Any] = [request.body for request in sandbox.state.requests]
    return sum("limit" in body for body in bodies)


def book(*changed: dict[str, Any]) -> list[dict[str, Any]]:
    """The people, some of them changed."""
    by_id = {str(each["contact_id"]): each for each in changed}
    return [{**each, **by_id.get(each["contact_id"], {})} for each in PEOPLE]


async def test_nothing_runs_before_the_first_search() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox) as app:
        await app.directory.list_contacts(limit=1)
        await anyio.wait_all_tasks_blocked()
        assert lists(sandbox) == 1


async def test_a_question_is_answered_in_one_call_with_a_number_that_is_live() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox) as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
        sandbox.replace_contacts(book({**PRIYA, "phone_no": "911234567890"}))
        found = await app.directory.search(SearchRequest(query="what is Priya's number at Acme?"))
    assert [hit.contact.phone_no for hit in found.hits] == ["911234567890"]
    assert (found.complete, found.indexed, found.count, found.notice) == (True, 450, 450, "")


@pytest.mark.parametrize(
    "query", [LAST["contact_id"], "+" + PRIYA["phone_no"], PRIYA["email_id"], "Priya Raman", "Raman, Priya"]
)
async def test_a_conclusive_match_is_answered_before_the_sync_has_ended(query: str) -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    held = PagesOnHold(sandbox)
    async with opened(sandbox, answer=held, timeout=600) as app:  # an answer at the deadline would come too late
        found = await app.directory.search(SearchRequest(query=query))
        assert found.hits[0].match == "exact"
        assert not found.complete
        assert found.indexed <= 100
        held.release.set()


@pytest.mark.slow
@pytest.mark.own_time
async def test_at_the_deadline_the_contacts_that_were_read_answer_and_the_sync_continues() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    held = PagesOnHold(sandbox)
    async with opened(sandbox, answer=held, timeout=1) as app:
        found = await app.directory.search(SearchRequest(query="Priya"))
        assert found.hits
        assert (found.complete, found.indexed, found.count) == (False, 100, 450)
        assert "Not all contacts could be searched yet" in found.notice
        nobody = await app.directory.search(SearchRequest(query="zzkqwx"))
        assert "More contacts exist: try again in a moment." in nobody.notice
        held.release.set()
        await app.directory.sync(ignored)
        assert (await app.directory.search(SearchRequest(query="zzkqwx"))).notice.startswith(DENIAL)


async def ignored(_: int, __: int | None) -> None:
    """Ignore progress."""


async def test_a_partial_match_is_never_presented_as_found() -> None:
    async with opened(create_sandbox()) as app:
        found = await app.directory.search(SearchRequest(query="Priya at Vrandelkis"))
    assert {hit.match for hit in found.hits} == {"partial"}
    assert found.notice.endswith("the closest contacts follow. The first lacks: vrandelkis.")


async def test_an_id_is_read_from_telecmi() -> None:
    async with opened(create_sandbox()) as app:
        found = await app.directory.search(SearchRequest(query=f"who is {PRIYA['contact_id'].upper()}?"))
        assert [hit.contact.first_name for hit in found.hits] == ["Priya"]
        nobody = await app.directory.search(SearchRequest(query=UNKNOWN))
        assert nobody.notice == "No contact has this id."


async def test_an_answer_to_an_id_is_complete_and_new_while_the_index_is_neither() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    held = PagesOnHold(sandbox)
    async with opened(sandbox, answer=held) as app:
        await app.directory.search(SearchRequest(query=PRIYA["email_id"]))
        before = time.time()
        found = await app.directory.search(SearchRequest(query=LAST["contact_id"]))
        assert not found.complete
        assert found.notice == "", "TeleCMI itself answered: no better match is possible"
        assert found.as_of >= before
        held.release.set()


async def test_a_hit_that_no_longer_exists_is_dropped_and_others_follow() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox) as app:
        before = await app.directory.search(SearchRequest(query="Priya", limit=2))
        gone = before.hits[0].contact.contact_id
        sandbox.replace_contacts([each for each in PEOPLE if each["contact_id"] != gone])
        after = await app.directory.search(SearchRequest(query="Priya", limit=2))
        assert len(after.hits) == 2
        assert gone not in [hit.contact.contact_id for hit in after.hits]
        assert (after.indexed, after.unchecked) == (449, 0)


async def test_a_hit_that_changed_no_longer_matches_its_old_fields() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox) as app:
        await app.directory.search(SearchRequest(query="Priya Raman"))
        sandbox.replace_contacts(book({**PRIYA, "first_name": "Zebulon", "email_id": ""}))
        found = await app.directory.search(SearchRequest(query="Priya Raman"))
        assert not [hit for hit in found.hits if hit.match == "exact"]
        assert (await app.directory.search(SearchRequest(query="Zebulon Raman"))).hits[0].match == "exact"


@pytest.mark.own_time
async def test_a_fault_while_hits_are_read_again_keeps_them_and_adds_a_notice() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox, timeout=5) as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
        sandbox.quirks = Quirks(rate_limit="http", rate_limit_code=503, retry_after="60")
        found = await app.directory.search(SearchRequest(query="Priya Acme"))
    assert [hit.contact.last_name for hit in found.hits] == ["Raman"]
    assert found.notice.startswith("1 of these are as of 20")


async def test_without_a_token_a_search_says_how_to_sign_in() -> None:
    async with opened(create_sandbox(), token=None) as app:
        with pytest.raises(errors.NotSignedIn):
            await app.directory.search(SearchRequest(query="Priya"))


async def test_a_refused_token_is_an_error_even_when_there_is_an_index() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox) as app:
        await app.directory.search(SearchRequest(query="Priya"))
        sandbox.change_password("another")
        with pytest.raises(errors.TokenRejected):
            await app.directory.search(SearchRequest(query="Priya"))


@pytest.mark.own_time
async def test_an_unreachable_telecmi_is_an_error_and_not_an_empty_result() -> None:
    async def unreachable(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("unreachable")

    async with opened(create_sandbox(), answer=unreachable, timeout=1) as app:
        with pytest.raises(errors.NetworkError):
            await app.directory.search(SearchRequest(query="Priya"))


async def test_contacts_that_other_tools_read_are_found_at_once() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox) as app:
        await app.directory.search(SearchRequest(query="Priya"))
        new_id = "abcdefab-0000-4000-8000-000000000000"
        sandbox.replace_contacts([*PEOPLE, {**PRIYA, "contact_id": new_id, "first_name": "Zebulon"}])
        await app.directory.get_contact(new_id.upper())
        await anyio.wait_all_tasks_blocked()
        found = await app.directory.search(SearchRequest(query="Zebulon"))
        assert (found.hits[0].contact.contact_id, found.indexed) == (new_id, 451)
        sandbox.replace_contacts(PEOPLE)
        with pytest.raises(errors.ContactNotFound):
            await app.directory.get_contact(new_id.upper())
        await anyio.wait_all_tasks_blocked()
        assert (await app.directory.search(SearchRequest(query="zzkqwx"))).indexed == 450


async def test_an_old_index_is_renewed_before_it_denies_a_contact() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox, index_max_age=1e-9) as app:
        assert (await app.directory.sync(ignored)).complete
        pages = lists(sandbox)
        again = await app.directory.search(SearchRequest(query="zzkqwx"))
        assert again.complete
        assert again.notice.startswith(DENIAL)
        assert lists(sandbox) > pages


@pytest.mark.own_time
async def test_without_an_index_a_search_reads_what_it_can_and_keeps_nothing() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox, index="off") as app:
        for searches in (1, 2):
            found = await app.directory.search(SearchRequest(query="zzkqwx"))
            assert (found.complete, found.indexed) == (True, 450)
            assert lists(sandbox) == 5 * searches
    held = PagesOnHold(sandbox)
    async with opened(sandbox, answer=held, index="off", timeout=1) as app:
        before = anyio.current_time()
        found = await app.directory.search(SearchRequest(query="zzkqwx"))
        assert anyio.current_time() - before == pytest.approx(0.75, abs=0.05), "a quarter of the time is for the hits"
        assert (found.complete, found.indexed, found.count) == (False, 100, 450)
        assert found.notice.endswith("More contacts exist: there was no time to read them all.")


@pytest.mark.parametrize("place", ["disk", "memory"])
async def test_two_accounts_never_see_each_other(place: str, cache: Path) -> None:
    del cache
    token = type(SIGNED_IN.token)
    there = create_sandbox(contacts=[{**PRIYA, "first_name": "Zebulon"}])
    here = create_sandbox(contacts=[PRIYA])
    async with (
        opened(here, index=place) as one,
        opened(there, index=place, base_url="http://localhost:81") as other,
        opened(there, index=place, token=token("another")) as third,  # type: ignore[misc] # not None
    ):
        assert (await one.directory.search(SearchRequest(query="Priya Raman"))).hits[0].match == "exact"
        assert (await other.directory.search(SearchRequest(query="Zebulon Raman"))).hits[0].match == "exact"
        assert not [
            hit
            for hit in (await other.directory.search(SearchRequest(query="Priya Raman"))).hits
            if hit.match == "exact"
        ]
        with pytest.raises(errors.TokenRejected):
            await third.directory.search(SearchRequest(query="Priya Raman"))


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def damage(folder: Path) -> None:
    (path,) = folder.glob("*.db")
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


async def test_a_contact_that_telecmi_removed_leaves_no_byte_on_disk(cache: Path) -> None:
    names = ["Zebulonia", "Quuxington"]
    going = [{**PRIYA, "contact_id": str(UUID(int=n)), "last_name": name} for n, name in enumerate(names)]
    sandbox = create_sandbox(contacts=[*PEOPLE, *going])
    async with opened(sandbox, index="disk", index_max_age=1e-9) as app:
        assert (await app.directory.sync(ignored)).complete
        assert b"Zebulonia" in bytes_in(cache)
        sandbox.replace_contacts([*PEOPLE, {**going[1], "last_name": "Renamed"}])
        await app.directory.sync(ignored)
        left = bytes_in(cache)
    assert b"Renamed" in left
    for name in names:
        assert name.encode() not in left
        assert name.lower().encode() not in left


async def test_the_next_process_answers_from_disk_at_once(cache: Path) -> None:
    del cache
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox, index="disk") as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
    pages = lists(sandbox)
    async with opened(sandbox, index="disk") as app:
        assert (await app.directory.search(SearchRequest(query="zzkqwx"))).notice.startswith(DENIAL)
    assert lists(sandbox) == pages


async def test_a_damaged_index_is_created_again(cache: Path) -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox, index="disk") as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
    damage(cache)
    async with opened(sandbox, index="disk") as app:
        assert (await app.directory.sync(ignored)).complete
    damage(cache)
    async with opened(sandbox, index="disk") as app:
        found = await app.directory.search(SearchRequest(query="Priya Acme"))
        assert [hit.contact.last_name for hit in found.hits] == ["Raman"]
        assert found.indexed == 450


async def test_an_index_that_is_cleared_under_a_server_is_created_again(cache: Path) -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox, index="disk") as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
        assert clear_indexes(cache) == 1
        assert (await app.directory.search(SearchRequest(query="zzkqwx"))).notice.startswith(DENIAL)
    assert lists(sandbox) == 10


async def test_a_past_fault_is_not_reported_again() -> None:
    sandbox = create_sandbox(contacts=PEOPLE)
    async with opened(sandbox, index_max_age=1e-9) as app:
        await app.directory.sync(ignored)
        sandbox.quirks = Quirks(rate_limit="http", rate_limit_code=429, retry_after="4000")
        with pytest.raises(errors.RateLimited):
            await app.directory.sync(ignored)
        sandbox.quirks = Quirks()
        assert (await app.directory.search(SearchRequest(query="Priya Acme"))).unchecked == 0


QUIRKS: dict[str, list[Any]] = {
    "last_page": ["null", "then_empty_page", "same_cursor"],
    "page_size": ["short", "empty_between"],
    "count": ["missing", "drifting"],
    "repeating_cursor": ["same", "cycle"],
    "malformed_contact": ["no_id", "id_not_uuid", "null", "nested_name"],
    "duplicates": ["across_pages"],
    "token_echo": ["contact", "answer"],
    "known_contact": ["object", "twice"],
    "id_case": ["upper", "upper_only"],
    "content_type": ["html", "none"],
    "first_name": ["lone_surrogate"],
}


@pytest.mark.parametrize(("switch", "form"), [(switch, form) for switch, forms in QUIRKS.items() for form in forms])
async def test_the_question_is_answered_with_every_quirk_of_telecmi(switch: str, form: Any) -> None:
    async with opened_desk(Quirks(**{switch: form})) as stage:
        found = await stage.call("search_contacts", query="what is Priya's number at Acme?")
    assert [match["phone_no"] for match in found["matches"]] == [PRIYA["phone_no"]]
    assert found["complete"] is (form != "drifting")  # the two circles of cursors lead to all 150 that are counted
    assert found["total"] == 1


@pytest.mark.parametrize("form", ["lower", "upper", "upper_only"])
async def test_a_contact_is_found_by_its_id_in_any_case(form: Any) -> None:
    async with opened_desk(Quirks(id_case=form)) as stage:
        for contact_id in (PRIYA["contact_id"].lower(), PRIYA["contact_id"].upper()):
            looked_up = await stage.call("lookup_contacts", queries=[contact_id, "Priya Raman Acme"])
            assert [each["status"] for each in looked_up["results"]] == ["found", "found"]
            found = await stage.call("get_contact", contact_id=contact_id)
            assert found["phone_no"] == PRIYA["phone_no"]


async def test_progress_is_reported_to_a_client_that_asks_for_it(generation: str) -> None:
    reported: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert message == "contacts read"
        reported.append((progress, total))

    async with opened_desk(mode=generation, contacts=PEOPLE) as stage:
        with anyio.fail_after(30):
            await stage.client.call_tool("search_contacts", {"query": "zzkqwx"}, progress_callback=hear)
    assert reported
    assert reported == sorted(set(reported))
    assert {total for _, total in reported} == {450}


@pytest.mark.own_time
async def test_queries_that_take_longer_than_a_call_end_with_it_and_nobody_else_is_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    run = SearchRequest.run

    def run_slowly(request: SearchRequest, store: Any) -> Any:
        asked.append(request.query)
        time.sleep(0.4)
        return run(request, store)

    async with opened(create_sandbox(contacts=PEOPLE), timeout=1) as app:
        await app.directory.search(SearchRequest(query="Priya"))
        monkeypatch.setattr(SearchRequest, "run", run_slowly)
        with pytest.raises(errors.LookupUnfinished, match="Pass fewer or shorter queries"):
            await app.directory.lookup([f"Name {number}" for number in range(50)])
    assert len(asked) < 10
