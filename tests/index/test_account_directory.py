"""Two accounts, one after the other in the same process: neither ever meets the other's contacts."""

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
from telecmi_mcp.errors import DeadlineExceeded, NotSignedIn
from telecmi_mcp.sandbox import SANDBOX_TOKEN, create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PEOPLE = make_contacts(1200)
HERS, HIS = PEOPLE[:600], PEOPLE[600:]
TOKENS = FixedToken(SecretStr(SANDBOX_TOKEN))


class Watched(MemoryLocation):
    """A shelf that tells whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


class Desk:
    """One process, at which now one and then the other sits."""

    def __init__(self) -> None:
        self.user = "her"
        self.sandbox = create_sandbox(contacts=HERS)
        self.client = TelecmiClient(Channel("http://localhost", transport=ASGITransport(app=self.sandbox)), TOKENS)
        self.shelves: dict[str, list[Watched]] = {"her": [], "him": []}

    async def owner(self) -> str:
        return self.user

    def open_location(self, owner: str) -> Watched:
        self.shelves[owner].append(Watched())
        return self.shelves[owner][-1]

    def hand_over(self) -> None:
        self.user = "him"
        self.sandbox.replace_contacts(HIS)


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Desk, CurrentDirectory]]:
    desk = Desk()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            directory = CurrentDirectory(desk.client, desk.owner, desk.open_location, tasks)
            yield desk, directory
            tasks.cancel_scope.cancel()
    directory.close()
    await desk.client.aclose()


async def nothing(_: int, __: int | None) -> None:
    """Report nothing."""


async def found(directory: CurrentDirectory, contact: object) -> set[str]:
    assert isinstance(contact, dict)
    words = f"{contact['first_name']} {contact['last_name']} {contact['company']}"
    return {hit.contact.contact_id for hit in (await directory.search(words, limit=25)).hits}


async def test_after_another_sign_in_a_search_finds_only_the_other_ones_contacts() -> None:
    async with opened() as (desk, directory):
        assert await found(directory, HERS[0]) == {HERS[0]["contact_id"]}
        desk.hand_over()
        assert not await found(directory, HERS[0]) & {each["contact_id"] for each in HERS}
        assert HIS[0]["contact_id"] in await found(directory, HIS[0])
        assert desk.shelves["her"][0].closed


async def test_a_page_of_the_other_account_is_never_written_into_the_first_ones_index() -> None:
    async with opened() as (desk, directory):
        await directory.sync(nothing)
        index = desk.shelves["her"][0].take()
        assert index.count() == len(HERS)
        desk.hand_over()
        await directory.list_contacts(limit=100)  # is handed on to the index of whoever is signed in
        await directory.sync(nothing)
        assert desk.shelves["him"][0].take().count() == len(HIS)


async def test_a_pass_ends_when_somebody_else_signs_in_meanwhile() -> None:
    async with opened() as (desk, directory):
        seen = []

        async def change(read: int, _: int | None) -> None:
            if desk.user == "her" and read:
                seen.append(desk.shelves["her"][0].take())
                desk.hand_over()

        await directory.sync(change)
        assert seen
        assert {each["contact_id"] for each in HIS}.isdisjoint(ids(desk.shelves["her"][0]))


def ids(shelf: MemoryLocation) -> set[str]:
    with shelf.take().reading() as view:
        return {row.contact_id for row in view.contacts([each["contact_id"] for each in PEOPLE])}


async def test_an_owner_is_the_user_or_else_the_token() -> None:
    assert await owner_of("https://a", TOKENS) == f"https://a\n{SANDBOX_TOKEN}"
    with pytest.raises(NotSignedIn):
        await owner_of("https://a", FixedToken(None))


async def test_finding_out_who_is_signed_in_takes_of_the_calls_time() -> None:
    async with anyio.create_task_group() as tasks:
        desk = Desk()
        directory = CurrentDirectory(desk.client, anyio.sleep_forever, desk.open_location, tasks, timeout=0.01)  # type: ignore[arg-type] # never returns
        with pytest.raises(DeadlineExceeded):
            await directory.search("anybody")


async def test_until_the_first_search_there_is_no_index() -> None:
    async with opened() as (desk, directory):
        await directory.get_contact(HERS[0]["contact_id"])
        await directory.list_contacts(limit=1)
        assert desk.shelves == {"her": [], "him": []}
        await directory.search("anybody")
        await directory.list_contacts(limit=1)
        assert (len(desk.shelves["her"]), desk.shelves["him"]) == (1, [])


async def test_what_was_answered_is_forgotten_with_the_account_even_without_an_index() -> None:
    async with opened() as (desk, directory):
        first = directory.recent
        await directory.list_contacts(limit=1)
        assert directory.recent is first, "what the first call answers is kept"
        desk.hand_over()
        await directory.list_contacts(limit=1)
        assert directory.recent is not first
