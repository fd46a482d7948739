"""A real pgbouncer in transaction mode between the servers and PostgreSQL."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import psycopg
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from e2e.lines import PATIENCE, environment
from team.pgbouncer import SESSIONS, open_pooler
from team.replicas import opened_replica
from team.users import HER, HERS, HIM, HIS, NEVER, House
from telecmi_mcp._index.request import SearchRequest
from telecmi_mcp._team.db.database import Database
from telecmi_mcp.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pydantic import SecretStr

    from team.pgbouncer import Pooler
    from team.postgres import Cluster
    from telecmi_mcp._team.db.database import Connection

LIMITS = [("statement_timeout", "10s"), ("lock_timeout", "3s"), ("idle_in_transaction_session_timeout", "30s")]


@pytest.fixture(scope="module")
def pooler(cluster: Cluster) -> Iterator[Pooler]:
    with open_pooler(cluster) as pooler:
        yield pooler


@pytest.fixture
def urls(cluster: Cluster, pooler: Pooler) -> Iterator[tuple[SecretStr, SecretStr]]:
    """The addresses of an empty database: behind pgbouncer, and PostgreSQL's own."""
    with cluster.database() as name:
        yield pooler.url(name), cluster.url(name)


@pytest.fixture
def database(urls: tuple[SecretStr, SecretStr]) -> Iterator[Database]:
    """A database behind pgbouncer, with the schema."""
    database = Database(urls[0], direct_url=urls[1])
    database.open()
    try:
        assert database.migrate() > 0
        assert database.migrate() == 0
        yield database
    finally:
        database.close()


def time_limits(connection: Connection) -> list[tuple[str, str]]:
    return [(name, connection.execute(f"SHOW {name}".encode()).fetchone()[0]) for name, _ in LIMITS]  # type: ignore[index]  # each has one row


async def test_statements_of_many_transactions_at_once_mix_over_few_sessions(database: Database) -> None:
    seen: set[int] = set()

    def ask(connection: Connection) -> None:
        for number in range(8):  # psycopg prepares a statement that it has sent five times
            row = connection.execute("SELECT pg_backend_pid(), %s::int, pg_sleep(0.001)", (number,)).fetchone()
            assert row is not None
            assert row[1] == number
            seen.add(row[0])

    with anyio.fail_after(PATIENCE):
        for _ in range(4):
            async with anyio.create_task_group() as tasks:
                for _ in range(12):
                    tasks.start_soon(database.run, ask)
    assert 1 < len(seen) <= SESSIONS


async def test_each_transaction_has_the_time_limits_and_leaves_none_behind(
    database: Database, urls: tuple[SecretStr, SecretStr], pooler: Pooler
) -> None:
    assert await database.run(time_limits) == LIMITS
    name = urls[1].get_secret_value().rpartition("/")[2]
    with psycopg.connect(pooler.url(name).get_secret_value(), prepare_threshold=None) as other:
        assert time_limits(other) == [(name, "0") for name, _ in LIMITS]


async def test_without_a_pooler_a_connection_has_them_once_for_all(urls: tuple[SecretStr, SecretStr]) -> None:
    database = Database(urls[1])
    database.open()
    try:
        assert await database.run(time_limits) == LIMITS
        with database.connection() as connection:
            assert connection.prepare_threshold == 5
        apart = database.connect_apart()
        assert time_limits(apart) == LIMITS
        apart.close()
    finally:
        database.close()


def test_a_lock_is_held_in_a_session_that_does_not_pass_pgbouncer(
    database: Database, urls: tuple[SecretStr, SecretStr]
) -> None:
    holder = database.connect_apart()
    holder.execute("SELECT pg_advisory_lock(7)")
    with psycopg.connect(urls[1].get_secret_value()) as other:
        owners = other.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 7").fetchall()
        assert owners == [(holder.info.backend_pid,)]
        holder.close()
        other.execute("SELECT pg_advisory_lock(7)")  # it has ended with its session


def test_without_the_address_past_pgbouncer_no_lock_is_taken_and_the_log_says_why_once(
    urls: tuple[SecretStr, SecretStr], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    database = Database(urls[0])
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            database.connect_apart()
    assert [record.getMessage() for record in caplog.records] == [
        (
            "TELECMI_DATABASE_URL leads to a connection pooler: set TELECMI_DATABASE_DIRECT_URL to the address of "
            "PostgreSQL itself, because locks need it"
        )
    ]


async def test_calls_work_again_once_pgbouncer_is_back(database: Database, pooler: Pooler) -> None:
    assert await database.run(time_limits) == LIMITS
    pooler.stop()
    try:
        with pytest.raises(DatabaseUnavailable):
            await database.run(time_limits)
    finally:
        pooler.start()
    assert await database.run(time_limits) == LIMITS


async def test_callers_sign_in_search_and_stay_apart(database: Database) -> None:
    house = House(database)
    await house.sign_in("priya", HER, token=NEVER)  # so that the first replica signs in, under a lock
    await house.sign_in("arun", HIM, token=NEVER)
    async with house.replica() as one, house.replica() as two:
        for replica in (one, two):
            for name, contacts in (("priya", HERS), ("arun", HIS)):
                with anyio.fail_after(PATIENCE):
                    app = await replica.app_of(name)
                    page = await app.directory.list_contacts(limit=100)
                    found = await app.directory.search(SearchRequest(query=f"+{contacts[7]['phone_no']}"))
                ids = {each["contact_id"] for each in contacts}
                assert {contact.contact_id for contact in page.contacts} == ids
                assert {match.contact.contact_id for match in found.hits} & ids
    assert len(house.telecmi.logins) == 2  # one for each account


def command(urls: tuple[SecretStr, SecretStr], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "telecmi_mcp", "team", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(**variables(urls)),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def variables(urls: tuple[SecretStr, SecretStr]) -> dict[str, str]:
    return {
        "TELECMI_DATABASE_URL": urls[0].get_secret_value(),
        "TELECMI_DATABASE_DIRECT_URL": urls[1].get_secret_value(),
        "TELECMI_CALLERS": "keys",
        "TELECMI_CALLER_RATE_LIMIT": "1000000",
        "TELECMI_RATE_LIMIT": "0",
    }


@asynccontextmanager
async def client_of(url: str, key: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def facts(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def test_two_replicas_serve_many_callers_through_pgbouncer(urls: tuple[SecretStr, SecretStr]) -> None:
    keys = [command(urls, "key", "add", f"caller {number}") for number in range(2)]
    assert len(command(urls, "key", "list").splitlines()) == 3
    answered: list[int] = []

    async def work(url: str, key: str) -> None:
        async with client_of(url, key) as client:
            for _ in range(6):
                page = await facts(client, "list_contacts", limit=5)
                contact = page["contacts"][0]
                found = await facts(client, "search_contacts", query=f"{contact['first_name']} {contact['last_name']}")
                assert contact["contact_id"] in [match["contact_id"] for match in found["matches"]]
                counted = await facts(client, "count_contacts", group_by="company")
                answered.append(len(counted))

    with opened_replica(**variables(urls)) as one, opened_replica(**variables(urls)) as two:
        with anyio.fail_after(2 * PATIENCE):
            async with anyio.create_task_group() as tasks:
                for number in range(8):
                    tasks.start_soon(work, (one, two)[number % 2].url, keys[number % 2 if number < 6 else 0])
        command(urls, "key", "revoke", "caller 1")
        lines = [*one.stop(), *two.stop()]
    assert len(answered) == 48
    assert {line["outcome"] for line in lines if "outcome" in line} == {"ok"}, json.dumps(lines[:3])
