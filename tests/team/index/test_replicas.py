"""Replicas of a team server that share a mirror: one dies, loses its lock or its database, and the pass goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio.to_thread import run_sync
from httpx2 import ASGITransport

from e2e.paged_telecmi import CONTACTS, served_pages
from paths import ROOT
from team.postgres import open_cluster
from team.replica import ACCOUNT, open_replica
from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._team.db.database import Database
from telecmi_mcp._team.index.location import PostgresLocation
from telecmi_mcp._team.index.writer_locks import WriterLocks
from telecmi_mcp.errors import DatabaseUnavailable
from telecmi_mcp.sandbox import create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import httpx2
    from pydantic import SecretStr

    from telecmi_mcp._index.account_directory import CurrentDirectory

QUESTION = "zzkqwx nobody"
HOLDER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"


class DeferredStart:
    """A TeleCMI that holds one page until it is let go."""

    def __init__(self, page: int) -> None:
        self.sandbox = create_sandbox(contacts=make_contacts(650))
        self._inner = ASGITransport(app=self.sandbox)
        self._page = page
        self.asked = 0
        self.holds, self.let_go = anyio.Event(), anyio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        is_page = b'"limit"' in request.content
        self.asked += is_page
        if is_page and self.asked == self._page:
            self.holds.set()
            await self.let_go.wait()
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@contextmanager
def replica_process(address: str, url: SecretStr) -> Iterator[subprocess.Popen[bytes]]:
    env = {
        **os.environ,
        "TELECMI_DATABASE_URL": url.get_secret_value(),
        "PYTHONPATH": os.pathsep.join(map(str, [ROOT, ROOT / "tests"])),
    }
    process = subprocess.Popen([sys.executable, "-m", "team.replica", address], env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ledger_in(database: Database) -> SyncState:
    with database.connection() as connection:
        found = connection.execute("SELECT state FROM telecmi_mcp.mirror").fetchone()
    return SyncState.from_state(found[0]) if found else SyncState()


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(30):
        while not await is_so():  # noqa: ASYNC110 - another process decides
            await anyio.sleep(0.02)


async def until_whole(directory: CurrentDirectory) -> None:
    async def is_whole() -> bool:
        found = await directory.search(SearchRequest(query=f"+{CONTACTS[41]['phone_no']}"))
        return found.complete and found.indexed == 650

    await until(is_whole)


async def test_a_killed_replica_is_succeeded_without_a_call_and_the_sync_goes_on_from_its_cursor(
    database: Database, database_url: SecretStr
) -> None:
    with served_pages() as pages, replica_process(pages.address, database_url) as process:
        assert await run_sync(pages.is_holding.wait, 30)

        async def three_pages_are_written() -> bool:
            return (await run_sync(ledger_in, database)).read >= 300

        await until(three_pages_are_written)
        async with open_replica(database_url, pages.address):
            process.send_signal(signal.SIGKILL)
            asked = len(pages.cursors)
            pages.release.set()

            async def is_ended() -> bool:
                return (await run_sync(ledger_in, database)).is_whole

            await until(is_ended)
    assert len(pages.cursors) - asked == 4, "three of the seven pages were written"
    assert None not in pages.cursors[1:]


async def test_a_replica_that_reads_answers_from_what_the_other_one_writes(
    database: Database, database_url: SecretStr
) -> None:
    assert database
    telecmi = DeferredStart(page=4)
    async with (
        open_replica(database_url, transport=telecmi) as writer,  # type: ignore[arg-type]  # as good as a transport
        open_replica(database_url, transport=telecmi) as reader,  # type: ignore[arg-type]  # the same
    ):
        assert await writer.resume()
        await telecmi.holds.wait()
        assert not await reader.resume()
        found = await reader.search(SearchRequest(query=f"+{CONTACTS[41]['phone_no']}"))
        assert (found.hits[0].contact.first_name, found.complete) == ("Priya", False)
        telecmi.let_go.set()
        await until_whole(reader)
        assert telecmi.asked == 7


async def test_a_replica_whose_lock_connection_is_ended_is_succeeded_and_writes_nothing_more(
    database: Database, database_url: SecretStr
) -> None:
    telecmi = DeferredStart(page=4)
    locks = WriterLocks(database)
    shelf = PostgresLocation(database, locks, ACCOUNT)
    async with open_replica(database_url, transport=telecmi) as writer:  # type: ignore[arg-type]  # as good as a transport
        assert await writer.resume()
        await telecmi.holds.wait()

        async def other_holds_it() -> bool:
            await run_sync(end_holder, database)
            await run_sync(shelf.take)
            return shelf.is_writer

        await until(other_holds_it)
        before = await run_sync(ledger_in, database)
        telecmi.let_go.set()

        async def is_told() -> bool:
            return not await writer.resume()

        await until(is_told)
        assert await run_sync(ledger_in, database) == before
    locks.close()


def end_holder(database: Database) -> None:
    with database.connection() as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({HOLDER}) AS holder")  # noqa: S608 - a constant


async def test_a_database_that_is_unreachable_stops_searching_only_and_the_sync_goes_on_by_itself() -> None:
    telecmi = DeferredStart(page=4)
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        database.migrate()
        async with open_replica(cluster.url(name), transport=telecmi) as directory:  # type: ignore[arg-type]  # as good as a transport
            await directory.resume()
            await telecmi.holds.wait()
            await run_sync(cluster.stop, "immediate")
            telecmi.let_go.set()
            with pytest.raises(DatabaseUnavailable):
                await directory.search(SearchRequest(query=QUESTION))
            assert (await directory.get_contact(CONTACTS[41]["contact_id"])).first_name == "Priya"
            assert len((await directory.list_contacts(limit=3)).contacts) == 3
            await run_sync(cluster.start)

            async def is_ended() -> bool:
                try:
                    return (await run_sync(ledger_in, database)).is_whole
                except DatabaseUnavailable:
                    return False

            await until(is_ended)
            assert (await directory.search(SearchRequest(query=f"+{CONTACTS[41]['phone_no']}"))).indexed == 650
        database.close()
    bodies: list[Any] = [request.body for request in telecmi.sandbox.state.requests]
    cursors = [body.get("page_state") for body in bodies if "limit" in body]
    assert cursors.count(None) == 2, "the first page, and list_contacts"
