from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from team.postgres import PASSWORD, open_cluster
from telecmi_mcp._team import _migrations
from telecmi_mcp._team._database import MAX_CONNECTIONS, Database
from telecmi_mcp.errors import DatabaseAway, DatabaseUnusable

if TYPE_CHECKING:
    import psycopg
    from pydantic import SecretStr


def one(connection: psycopg.Connection[tuple[int, ...]]) -> int:
    row = connection.execute("SELECT 1").fetchone()
    assert row
    return row[0]


async def test_a_deed_is_done_in_one_transaction(database: Database) -> None:
    def write_and_fail(connection: psycopg.Connection[tuple[int, ...]]) -> None:
        connection.execute("INSERT INTO telecmi_mcp.account (key) VALUES ('half')")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(write_and_fail)
    count = await database.run(
        lambda connection: connection.execute("SELECT count(*) FROM telecmi_mcp.account").fetchone()
    )
    assert count == (0,)


async def test_a_database_that_is_away_is_one_error_and_heals_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        try:
            assert await database.run(one) == 1
            cluster.stop("immediate")
            with pytest.raises(DatabaseAway) as caught:
                await database.run(one)
            cluster.start()
            assert await database.run(one) == 1
        finally:
            database.close()
    assert caught.value.retryable
    assert PASSWORD not in caplog.text + repr(caught.value.detail)


async def test_a_refused_statement_is_told_without_its_words(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        await database.run(lambda connection: connection.execute("SELECT 'secret words' FROM nowhere"))
    assert caught.value.detail == "UndefinedTable 42P01"
    assert "words" not in caplog.text


def test_every_step_is_applied_once_by_whoever_comes_first(database: Database) -> None:
    with database.connection() as connection:
        applied = connection.execute("SELECT number FROM telecmi_mcp.migration ORDER BY number").fetchall()
    assert applied == [(step.number,) for step in _migrations.steps()]
    assert database.migrate() == 0


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [step.number for step in _migrations.steps()] == list(range(1, len(_migrations.steps()) + 1))


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
