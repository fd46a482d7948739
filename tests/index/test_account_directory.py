"""Two accounts, one after the other in the same process: neither sees the contacts of the other."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from httpx2 import ASGITransport
from pydantic import SecretStr

from telecmi_mcp._api.client import TelecmiClient
from telecmi_mcp._api.http import Channel
from telecmi_mcp._auth.token_sources import FixedToken
from telecmi_mcp._index.account_directory import CurrentDirectory, owner_of
from telecmi_mcp._index.location import MemoryLocation
from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp.errors import DeadlineExceeded, NotSignedIn
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PEOPLE = make_contacts(1200)
HERS, HIS = PEOPLE[:600], PEOPLE[600:]
TOKENS = FixedToken(SecretStr(SANDBOX_TOKEN))


class Watched(MemoryLocation):
    """A location that tells whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


class Process:
    """One process in which one user signs in, and then the other."""

    def __init__(self) -> None:
        self.user = "her"
        self.sandbox = create_sandbox(contacts=HERS)
        self.client = TelecmiClient(Channel("http://localhost", transport=ASGITransport(app=self.sandbox)), TOKENS)
        self.locations: dict[str, list[Watched]] = {"her": [], "him": []}

    async def owner(self) -> str:
        return self.user

    def open_location(self, owner: str) -> Watched:
        self.locations[owner].append(Watched())
        return self.locations[owner][-1]

    def switch_user(self) -> None:
        self.user = "him"
        self.sandbox.replace_contacts(HIS)


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Process, CurrentDirectory]]:
    process = Process()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            directory = CurrentDirectory(process.client, process.owner, process.open_location, tasks)
            yield process, directory
            tasks.cancel_scope.cancel()
    directory.close()
    await process.client.aclose()


async def nothing(_: int, __: int | None) -> None:
    """Report nothing."""


async def found(directory: CurrentDirectory, contact: object) -> set[str]:
    assert isinstance(contact, dict)
    words = f"{contact['first_name']} {contact['last_name']} {contact['company']}"
    return {hit.contact.contact_id for hit in (await directory.search(SearchRequest(query=words, limit=25))).hits}


async def test_after_another_sign_in_a_search_finds_only_contacts_of_the_new_account() -> None:
    async with opened() as (process, directory):
        assert await found(directory, HERS[0]) == {HERS[0]["contact_id"]}
        process.switch_user()
        assert not await found(directory, HERS[0]) & {each["contact_id"] for each in HERS}
        assert HIS[0]["contact_id"] in await found(directory, HIS[0])
        assert process.locations["her"][0].closed


async def test_a_page_of_another_account_is_never_written_into_the_first_index() -> None:
    async with opened() as (process, directory):
        await directory.sync(nothing)
        index = process.locations["her"][0].take()
        assert index.count() == len(HERS)
        process.switch_user()
        await directory.list_contacts(limit=100)  # is written into the index of the account that is signed in
        await directory.sync(nothing)
        assert process.locations["him"][0].take().count() == len(HIS)


async def test_a_sync_ends_when_another_user_signs_in() -> None:
    async with opened() as (process, directory):
        seen = []

        async def change(read: int, _: int | None) -> None:
            if process.user == "her" and read:
                seen.append(process.locations["her"][0].take())
                process.switch_user()

        await directory.sync(change)
        assert seen
        assert {each["contact_id"] for each in HIS}.isdisjoint(ids(process.locations["her"][0]))


def ids(location: MemoryLocation) -> set[str]:
    with location.take().reading() as view:
        return {row.contact_id for row in view.contacts([each["contact_id"] for each in PEOPLE])}


async def test_an_owner_is_the_user_or_else_the_token() -> None:
    assert await owner_of("https://a", TOKENS) == f"https://a\n{SANDBOX_TOKEN}"
    with pytest.raises(NotSignedIn):
        await owner_of("https://a", FixedToken(None))


async def test_reading_the_owner_counts_against_the_time_of_the_call() -> None:
    async with anyio.create_task_group() as tasks:
        process = Process()
        directory = CurrentDirectory(process.client, anyio.sleep_forever, process.open_location, tasks, timeout=0.01)  # type: ignore[arg-type] # never returns
        with pytest.raises(DeadlineExceeded):
            await directory.search(SearchRequest(query="anybody"))


async def test_until_the_first_search_there_is_no_index() -> None:
    async with opened() as (process, directory):
        await directory.get_contact(HERS[0]["contact_id"])
        await directory.list_contacts(limit=1)
        assert process.locations == {"her": [], "him": []}
        await directory.search(SearchRequest(query="anybody"))
        await directory.list_contacts(limit=1)
        assert (len(process.locations["her"]), process.locations["him"]) == (1, [])


async def test_the_status_and_the_recent_answers_are_given_to_their_account_only() -> None:
    async with opened() as (_, directory):
        await directory.sync(nothing)
        directory.recent.note({"contact_id": HERS[0]["contact_id"]})
        status = await directory.status_of("her")
        assert status is not None
        assert (status.indexed, len(directory.recent_of("her"))) == (600, 1)
        assert (await directory.status_of("him"), len(directory.recent_of("him"))) == (None, 0)


async def test_recent_answers_are_dropped_with_the_account_even_without_an_index() -> None:
    async with opened() as (process, directory):
        first = directory.recent
        await directory.list_contacts(limit=1)
        assert directory.recent is first, "what the first call answers is kept"
        process.switch_user()
        await directory.list_contacts(limit=1)
        assert directory.recent is not first
