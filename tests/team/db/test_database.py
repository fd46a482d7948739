from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from anyio.to_thread import run_sync
from pydantic import SecretStr

from team.postgres import PASSWORD, open_cluster
from telecmi_mcp._cli.team.database import opened_database
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.context import open_team
from telecmi_mcp._team.db import migrate
from telecmi_mcp._team.db.database import MAX_CONNECTIONS, Database
from telecmi_mcp._team.http.asgi import build_app
from telecmi_mcp.errors import ConfigurationError, DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    import psycopg

    from team.postgres import Cluster


def one(connection: psycopg.Connection[tuple[int, ...]]) -> int:
    row = connection.execute("SELECT 1").fetchone()
    assert row
    return row[0]


async def test_an_operation_is_done_in_one_transaction(database: Database) -> None:
    def write_and_fail(connection: psycopg.Connection[tuple[int, ...]]) -> None:
        connection.execute("INSERT INTO telecmi_mcp.account (key) VALUES ('half')")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(write_and_fail)
    count = await database.run(
        lambda connection: connection.execute("SELECT count(*) FROM telecmi_mcp.account").fetchone()
    )
    assert count == (0,)


async def test_a_database_that_is_unreachable_is_one_error_and_heals_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        try:
            assert await database.run(one) == 1
            cluster.stop("immediate")
            with pytest.raises(DatabaseUnavailable) as caught:
                await database.run(one)
            cluster.start()
            assert await database.run(one) == 1
        finally:
            database.close()
    assert caught.value.retryable
    assert PASSWORD not in caplog.text + repr(caught.value.detail)


async def test_every_call_tries_to_connect_however_long_the_database_was_unreachable() -> None:
    attempts = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = Database(SecretStr(f"postgresql://team@127.0.0.1:{port}/team?sslmode=disable"))
        database.open()
        try:
            for _ in range(6):  # of two seconds each: a pool that pauses longer and longer is silent for one of them
                before = attempts
                with pytest.raises(DatabaseUnavailable):
                    await database.run(one)
                assert attempts > before
        finally:
            await run_sync(database.close)


async def test_a_refused_statement_is_reported_without_its_words(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StatementRejected) as caught:
        await database.run(lambda connection: connection.execute("SELECT 'secret words' FROM nowhere"))
    assert caught.value.detail == "UndefinedTable 42P01"
    assert "words" not in caplog.text


def test_every_step_is_applied_once_by_the_first_replica(database: Database) -> None:
    with database.connection() as connection:
        applied = connection.execute("SELECT number FROM telecmi_mcp.migration ORDER BY number").fetchall()
    assert applied == [(step.number,) for step in migrate.steps()]
    assert database.migrate() == 0


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [step.number for step in migrate.steps()] == list(range(1, len(migrate.steps()) + 1))


def test_an_older_version_runs_on_a_newer_schema(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("INSERT INTO telecmi_mcp.migration (number, name) VALUES (9999, 'of the next version')")
    assert database.migrate() == 0


def test_a_lock_of_a_connection_apart_ends_with_it(database: Database) -> None:
    holder = database.connect_apart()
    holder.execute("SELECT pg_advisory_lock(1)")
    with database.connection() as connection:
        assert connection.execute("SELECT pg_try_advisory_lock(1)").fetchone() == (False,)
    holder.close()
    with database.connection() as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # waits at most for the lock's time limit


def test_a_replica_has_fewer_than_twenty_connections() -> None:
    assert MAX_CONNECTIONS + 2 < 20


def test_the_password_is_in_no_repr(database: Database, database_url: SecretStr) -> None:
    assert PASSWORD not in repr(database) + repr(database_url) + str(vars(database)["_url"])


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://team@db.example:notaport/telecmi",
        "postgresql://team@db.example:65536/telecmi",
        "postgresql://team@db.example:0/telecmi",
        "postgresql://team@one.example:5432,two.example:x/telecmi",
        "postgresql://team@db.example/telecmi?port=1.5",
        "postgresql://team@[::1/telecmi",
        "postgresql://team@db.example/%zz",
        "postgresql://team@db.example/telecmi?sslmod=require",
        "postgresql://team@db.example/telecmi?sslmode=always",
        "postgresql://team@db.example/telecmi?target_session_attrs=fast",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_before_anything_connects(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_app(TeamSettings(database_url=SecretStr(url)))
    assert str(caught.value) == "Correct TELECMI_DATABASE_URL: use postgresql://USER:PASSWORD@HOST/NAME."


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql:///telecmi?host=/run/postgresql&port=5433",
        "postgresql://team@[::1]:5432/telecmi?sslmode=verify-full",
        "postgres://team:p%40ss@one.example,two.example:5433/telecmi?target_session_attrs=read-write",
    ],
)
def test_every_form_of_address_that_libpq_takes_is_taken(url: str) -> None:
    assert not Database(SecretStr(url)).is_away


def test_a_database_that_does_not_exist_is_distinguished_from_one_that_is_unreachable(
    cluster: Cluster, unreachable: Database
) -> None:
    with cluster.database() as name:
        assert not Database(cluster.url(name)).is_missing()
        assert Database(cluster.url(f"{name}x")).is_missing()
    assert not unreachable.is_missing()


def test_a_command_says_that_the_database_does_not_exist(cluster: Cluster) -> None:
    with (
        pytest.raises(DatabaseUnavailable) as caught,
        opened_database({"TELECMI_DATABASE_URL": cluster.url("never").get_secret_value()}) as database,
    ):
        database.migrate()
    sentence = "Create it, or correct its name in TELECMI_DATABASE_URL: its server has no database of this name."
    assert str(caught.value) == sentence


async def test_the_log_says_that_the_database_does_not_exist(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(cluster.url("never"))
    async with open_team(TeamSettings(), database=database):
        pass
    assert "its server has no database of the name in TELECMI_DATABASE_URL" in caplog.text
