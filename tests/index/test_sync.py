"""The sync over the sandbox: every form of the list, faults, resumption, and the overlap."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from anyio.to_thread import run_sync
from httpx2 import ASGITransport

from conftest import SIGNED_IN, opened_client
from telecmi_mcp import Contact, TelecmiClient, errors
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._index.sync import IndexSync
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._search import search
from telecmi_mcp.sandbox import Quirks, Sandbox, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from telecmi_mcp._search.store import Written

MAX_AGE = 900.0
QUIET = Quirks()


class Time:
    """A clock that is put forward, and a sleep that takes no time and is remembered."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()


class Rig:
    """A sync with a sandbox."""

    def __init__(self, sandbox: Sandbox, client: TelecmiClient, index: Index) -> None:
        self.sandbox = sandbox
        self.index = index
        self.time = Time()
        self.index_sync = IndexSync(client, index, SyncState(), clock=self.time, sleep=self.time.sleep)

    async def renew(self) -> None:
        """Run the sync that is due to its end."""
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                self.index_sync.start(tasks, max_age=MAX_AGE)

    @property
    def cursors(self) -> list[Any]:
        """The cursors that were asked for, in order; None for a first page."""
        bodies: list[Any] = [request.body for request in self.sandbox.state.requests]
        return [body.get("page_state") for body in bodies]


@asynccontextmanager
async def rigged(quirks: Quirks = QUIET, *, count: int = 350) -> AsyncIterator[Rig]:
    sandbox = create_sandbox(quirks, contacts=make_contacts(count))
    async with opened_client(sandbox) as client:
        with Index() as index:
            yield Rig(sandbox, client, index)


FORMS: dict[str, list[Any]] = {
    "last_page": ["absent", "null", "empty_string", "then_empty_page", "same_cursor"],
    "page_size": ["short", "empty_between"],
    "count": ["string", "missing"],
    "cursor_form": ["base64", "long"],
    "cursor_limit": ["any"],
    "cursor_use": ["once"],
    "order": ["changing"],
    "phone_no": ["number", "plus"],
    "id_case": ["upper", "upper_only"],
    "content_type": ["html", "none"],
    "gaps": ["null", "missing"],
    "extra_fields": ["some"],
    "duplicates": ["across_pages"],
    "byte_order_mark": ["present"],
    "first_name": ["lone_surrogate"],
    "success_code": ["string", "missing"],
}


@pytest.mark.parametrize(("switch", "form"), [(switch, form) for switch, forms in FORMS.items() for form in forms])
async def test_all_contacts_arrive_in_every_form_of_the_list(switch: str, form: Any) -> None:
    async with rigged(Quirks(**{switch: form})) as rig:
        await rig.renew()
        assert rig.index.count() == 350
        assert rig.index_sync.sync_state.is_whole
        assert not rig.index_sync.is_running


@pytest.mark.parametrize("form", ["no_id", "null", "text", "nested_name"])
async def test_a_sync_with_entries_that_are_no_contacts_can_be_whole(form: Any) -> None:
    async with rigged(Quirks(malformed_contact=form)) as rig:
        await rig.renew()
        assert rig.index.count() == 349
        assert rig.index_sync.sync_state.is_whole


@pytest.mark.parametrize(
    ("quirks", "arrived"),
    [
        (Quirks(count="drifting"), 350),
        (Quirks(repeating_cursor="same"), 200),
        (Quirks(repeating_cursor="cycle"), 300),
        (Quirks(page_size="oversized"), 200),
    ],
)
async def test_a_sync_that_disagrees_with_the_count_is_not_whole_and_sweeps_nothing(
    quirks: Quirks, arrived: int
) -> None:
    async with rigged() as rig:
        gone = Contact(contact_id="gone", first_name="Zebulon")
        await rig.index_sync.note([gone])
        rig.sandbox.quirks = quirks
        await rig.renew()
        assert rig.index.count() == arrived + 1
        assert not rig.index_sync.sync_state.is_whole
        assert rig.index_sync.sync_state.ended_at
        assert not rig.index_sync.is_running


async def test_contacts_that_telecmi_removed_are_swept_after_a_whole_sync() -> None:
    async with rigged() as rig:
        await rig.renew()
        rig.sandbox.replace_contacts(make_contacts(350)[50:])
        rig.time.now += MAX_AGE
        await rig.renew()
        assert rig.index.count() == 300
        assert rig.index_sync.sync_state.count == 300


async def test_an_unchanged_count_is_trusted_for_a_while_and_then_everything_is_read_again() -> None:
    async with rigged() as rig:
        await rig.renew()
        for _ in range(3):
            rig.time.now += MAX_AGE
            before = len(rig.cursors)
            await rig.renew()
            assert len(rig.cursors) == before + 1
        rig.time.now += MAX_AGE
        await rig.renew()
        assert len(rig.cursors) == 4 + 3 + 4
        assert rig.index_sync.sync_state.as_of == rig.time.now


async def test_a_file_that_could_not_be_compacted_is_compacted_by_the_next_sync() -> None:
    answers = [False, True]

    class BusyIndex(Index):
        def compact(self) -> bool:
            return answers.pop(0)

    async with rigged() as rig:
        with BusyIndex() as index:
            rig.index_sync.store = index
            await rig.renew()
            assert rig.index_sync.sync_state.is_dirty
            rig.time.now += MAX_AGE
            await rig.renew()
            assert (rig.index_sync.sync_state.is_dirty, answers) == (False, [])


async def test_without_a_count_everything_is_read_again() -> None:
    async with rigged(Quirks(count="missing")) as rig:
        await rig.renew()
        rig.time.now += MAX_AGE
        await rig.renew()
        assert rig.cursors.count(None) == 3  # two syncs, and the check of the count between them


async def test_a_renewed_index_is_left_alone_until_it_is_old() -> None:
    async with rigged() as rig:
        await rig.renew()
        rig.time.now += MAX_AGE - 1
        await rig.renew()
        assert len(rig.cursors) == 4


@pytest.mark.parametrize("style", ["body", "http"])
@pytest.mark.parametrize("code", [429, 503])
async def test_a_throttled_sync_waits_for_retry_after_and_continues(style: Any, code: Any) -> None:
    quirks = Quirks(rate_limit=style, rate_limit_code=code, rate_limit_after=2, rate_limit_refusals=3, retry_after="7")
    async with rigged(quirks) as rig:
        await rig.renew()
        assert rig.time.slept == [7, 7, 7]
        assert rig.index_sync.sync_state.is_whole
        assert rig.index_sync.fault is None


async def test_an_aborted_sync_is_resumed_from_its_cursor() -> None:
    async with rigged(Quirks(rate_limit="http", rate_limit_after=2)) as rig:
        await rig.renew()
        assert isinstance(rig.index_sync.fault, errors.RateLimited)
        assert rig.index.count() == 200
        assert not rig.index_sync.sync_state.is_whole
        rig.sandbox.quirks = Quirks()
        asked = len(rig.cursors)
        await rig.renew()
        assert rig.index_sync.sync_state.is_whole
        assert rig.index_sync.sync_state.generation == 1
        assert len(rig.cursors[asked:]) == 2
        assert None not in rig.cursors[asked:]


async def test_the_next_process_resumes_from_the_saved_state() -> None:
    async with rigged(Quirks(rate_limit="http", rate_limit_after=2)) as rig:
        await rig.renew()
        rig.sandbox.quirks = Quirks()
        asked = len(rig.cursors)
        sync_state = SyncState.from_state(rig.index.state())
        async with opened_client(rig.sandbox) as client:
            rig.index_sync = IndexSync(client, rig.index, sync_state, clock=rig.time, sleep=rig.time.sleep)
            await rig.renew()
        assert rig.index_sync.sync_state.is_whole
        assert None not in rig.cursors[asked:]


@pytest.mark.parametrize("form", ["code_400", "code_500"])
async def test_a_refused_cursor_restarts_the_sync(form: Any) -> None:
    async with rigged(Quirks(rate_limit="http", rate_limit_after=2, stale_cursor=form)) as rig:
        await rig.renew()
        rig.sandbox.quirks = Quirks(stale_cursor=form)
        rig.sandbox.forget_cursors()
        await rig.renew()
        assert rig.index_sync.sync_state.is_whole
        assert rig.index_sync.sync_state.generation == 2
        assert rig.index.count() == 350


async def test_a_cursor_that_is_always_refused_ends_the_sync() -> None:
    async with rigged() as rig:
        sandbox = rig.sandbox
        serve = sandbox.__call__

        async def forgetful(scope: Any, receive: Any, send: Any) -> None:
            sandbox.forget_cursors()
            await serve(scope, receive, send)

        client = TelecmiClient(
            Channel("http://localhost", transport=ASGITransport(app=forgetful)), FixedToken(SIGNED_IN.token)
        )
        rig.index_sync = IndexSync(client, rig.index, SyncState(), clock=rig.time, sleep=rig.time.sleep)
        await rig.renew()
        await client.aclose()
        assert isinstance(rig.index_sync.fault, errors.InvalidCursor)
        assert len(rig.cursors) == 6
        assert rig.index.count() == 100


async def test_a_refused_token_ends_the_sync_at_once() -> None:
    async with rigged() as rig:
        rig.sandbox.revoke("".join(token.get_secret_value() for token in [SIGNED_IN.token] if token))
        await rig.renew()
        assert isinstance(rig.index_sync.fault, errors.TokenRejected)
        assert rig.time.slept == []


async def test_the_cursor_is_saved_with_its_page() -> None:
    saved: list[tuple[int, str]] = []

    class Watched(Index):
        def upsert(self, contacts: Sequence[Contact], /, *, generation: int, state: Mapping[str, str]) -> Written:
            written = super().upsert(contacts, generation=generation, state=state)
            saved.append((self.count(), SyncState.from_state(self.state()).cursor))
            return written

    async with rigged() as rig:
        with Watched() as index:
            rig.index_sync.store = index
            await rig.renew()
    assert [count for count, _ in saved] == [100, 200, 300, 350]
    assert [cursor or None for _, cursor in saved] == [*rig.cursors[1:], None]


class Slow(Index):
    """An index whose first page is not written before the second is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.is_writing, self.is_asked = threading.Event(), threading.Event()
        self.overlapped: list[bool] = []

    def upsert(self, contacts: Sequence[Contact], /, *, generation: int, state: Mapping[str, str]) -> Written:
        self.is_writing.set()
        self.overlapped.append(self.is_asked.wait(20))
        return super().upsert(contacts, generation=generation, state=state)


async def test_a_page_is_written_while_the_next_is_read() -> None:
    sandbox = create_sandbox(contacts=make_contacts(200))
    inner = ASGITransport(app=sandbox)

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if b"page_state" in request.content:
            index.is_asked.set()
            assert await run_sync(index.is_writing.wait, 20)
        return await inner.handle_async_request(request)

    with Slow() as index:
        client = TelecmiClient(
            Channel("http://localhost", transport=httpx2.MockTransport(answer)), FixedToken(SIGNED_IN.token)
        )
        index_sync = IndexSync(client, index, SyncState())
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                index_sync.start(tasks, max_age=MAX_AGE)
        await client.aclose()
        assert index.overlapped == [True, True]
        assert index_sync.sync_state.is_whole


async def test_contacts_that_another_account_reads_are_neither_written_nor_removed() -> None:
    async def is_same_account() -> bool:
        return False

    async with rigged() as rig:
        rig.index.upsert([Contact(contact_id="ours")], generation=1, state={})
        async with opened_client(rig.sandbox) as client:
            index_sync = IndexSync(client, rig.index, SyncState(), is_same_account=is_same_account)
            await index_sync.note([Contact(contact_id="theirs")])
            await index_sync.drop("ours")
        with rig.index.reading() as view:
            assert [row.contact_id for row in view.contacts(["ours", "theirs"])] == ["ours"]


async def test_contacts_of_other_calls_are_written_and_missing_ones_removed() -> None:
    async with rigged() as rig:
        await rig.renew()
        await rig.index_sync.note([Contact(contact_id="new", first_name="Zebulon")])
        assert [hit.contact.contact_id for hit in search(rig.index, "zebulon", limit=5).hits] == ["new"]
        await rig.index_sync.drop("new")
        assert search(rig.index, "zebulon", limit=5).hits == ()


async def test_a_defect_in_a_sync_is_a_fault_of_the_index_without_details() -> None:
    class Broken(Index):
        def upsert(self, *_: Any, **__: Any) -> Written:
            raise RuntimeError("hunter2")

    async with rigged() as rig:
        with Broken() as index:
            rig.index_sync.store = index
            await rig.renew()
        assert isinstance(rig.index_sync.fault, errors.SyncFailed)
        assert "hunter2" not in repr(rig.index_sync.fault) + rig.index_sync.fault.detail
