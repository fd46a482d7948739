"""Limits that several replicas share, on a real PostgreSQL, beside the bucket in memory as the oracle."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from team.postgres import open_cluster
from telecmi_mcp._api.limiters import RateLimit
from telecmi_mcp._team.db.database import Database
from telecmi_mcp._team.policy.quotas import Quota, Quotas

if TYPE_CHECKING:
    from pydantic import SecretStr

    from team.postgres import Cluster

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    """One time for everybody."""

    def __init__(self) -> None:
        self.time = 10_000.0

    def __call__(self) -> float:
        return self.time

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)


def replica(database: Database | None, clock: Clock) -> Quotas:
    return Quotas(database, clock=clock, now=clock.now)


def row_of(database: Database) -> tuple[float, float]:
    with database.connection() as connection:
        row = connection.execute("SELECT free, taken FROM telecmi_mcp.bucket").fetchone()
    assert row
    return row


@pytest.mark.parametrize("per_minute", [1, 7, 240])
async def test_two_replicas_together_let_through_what_one_may(database: Database, per_minute: int) -> None:
    clock = Clock()
    quota = Quota("caller of two", per_minute)
    replicas = [replica(database, clock), replica(database, clock)]
    passed = 0
    for turn in range(4 * per_minute):
        passed += await replicas[turn % 2].take(quota) == 0
    assert passed == per_minute
    clock.time += 30
    for turn in range(2 * per_minute + 2):
        passed += await replicas[turn % 2].take(quota) == 0
    assert passed == per_minute + per_minute // 2


@pytest.mark.parametrize("is_shared", [True, False])
async def test_a_call_that_counts_for_several_takes_as_many_tokens(database: Database, *, is_shared: bool) -> None:
    clock = Clock()
    quota = Quota("looks many up", 60)
    one = replica(database if is_shared else None, clock)
    assert await one.take(quota, 40) == 0
    assert await one.take(quota, 40) == pytest.approx(20)
    assert await one.take(quota, 20) == 0
    assert await one.take(quota) == pytest.approx(1)
    clock.time += 60
    assert await one.take(quota, 100) == 0, "more than a minute has, of a full bucket"
    assert await one.take(quota) == pytest.approx(41)


async def test_what_a_replica_leased_is_the_most_that_is_let_through_besides(database: Database) -> None:
    clock = Clock()
    quota = Quota("bursts", 240)
    replicas = [replica(database, clock) for _ in range(3)]
    for each in replicas:
        assert await each.take(quota) == 0  # and leases eleven more
    passed = 3
    for _ in range(4):
        for each in replicas:
            while await each.take(quota) == 0:
                passed += 1
        clock.time += 2.5
    assert 240 <= passed <= 240 + 7.5 * 4


async def test_leases_are_small_where_little_is_left(database: Database) -> None:
    clock = Clock()
    quota = Quota("nearly at its limit", 240)
    one, other = replica(database, clock), replica(database, clock)
    assert await one.take(quota) == 0
    assert row_of(database) == (228.0, 12.0)
    for _ in range(232):
        assert await one.take(quota) == 0
    free, taken = row_of(database)
    assert (free, taken) == (7.0, 1.0)
    for _ in range(7):
        assert await other.take(quota) == 0
    assert await other.take(quota) == pytest.approx(0.25)


async def test_what_is_left_of_an_old_lease_goes_back(database: Database) -> None:
    clock = Clock()
    quota = Quota("rarely here", 240)
    one = replica(database, clock)
    assert await one.take(quota) == 0
    with database.connection() as connection:
        connection.execute("UPDATE telecmi_mcp.bucket SET free = 100")  # as others left it
    clock.time += 5
    assert await one.take(quota) == 0
    assert row_of(database) == (100.0 + 11 + 20 - 12, 12.0)  # given back, refilled in the time, leased anew
    clock.time += 60
    assert await one.take(quota) == 0
    assert row_of(database) == (228.0, 12.0)


async def test_who_is_refused_does_not_ask_the_database_again_before_it_is_time(database: Database) -> None:
    clock = Clock()
    quota = Quota("impatient", 1)
    one = replica(database, clock)
    assert await one.take(quota) == 0
    assert await one.take(quota) == 60
    clock.time += 20
    database.close()
    assert await one.take(quota) == 40


async def test_callers_do_not_share_a_bucket(database: Database) -> None:
    one = replica(database, Clock())
    assert await one.take(Quota("one", 1)) == 0
    assert await one.take(Quota("two", 1)) == 0
    assert await one.take(Quota("one", 1)) > 0


async def test_no_limit_asks_no_one(database: Database) -> None:
    database.close()
    one = replica(database, Clock())
    assert [await one.take(Quota("free", 0)) for _ in range(9)] == [0] * 9


async def test_some_are_left_to_others_of_the_same_key(database: Database) -> None:
    clock = Clock()
    one = replica(database, clock)
    mirror, calls = Quota("account", 10, spare=2), Quota("account", 10)
    assert [await one.take(mirror) for _ in range(9)] == [0] * 8 + [pytest.approx(6.0)]
    assert [await one.take(calls) for _ in range(3)] == [0, 0, pytest.approx(6.0)]


@pytest.mark.parametrize("with_database", [True, False])
async def test_calls_at_once_take_each_their_own(database: Database, *, with_database: bool) -> None:
    one = replica(database if with_database else None, Clock())
    waits: list[float] = []

    async def take() -> None:
        waits.append(await one.take(Quota("busy", 25)))

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(take)
    assert waits.count(0) == 25


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_minute=st.integers(1, 19),  # whose leases are of one take, so that each is told by the statement
    steps=st.lists(st.integers(-8, 200).map(lambda eighths: max(0, eighths) / 8), min_size=1, max_size=30),
    spare=st.integers(0, 3),
)
async def test_the_bucket_in_the_database_is_the_one_in_memory(
    database: Database, per_minute: int, steps: list[float], spare: int
) -> None:
    clock = Clock()
    one = replica(database, clock)
    oracle = RateLimit(per_minute, clock=clock)
    with database.connection() as connection:
        connection.execute("TRUNCATE telecmi_mcp.bucket")
    for turn, step in enumerate(steps):
        clock.time += step
        quota = Quota("anybody", per_minute, spare=spare * (turn % 2))
        one._leases.clear()
        assert await one.take(quota) == pytest.approx(oracle.try_acquire(spare=quota.spare))


async def test_a_clock_that_goes_back_gives_nothing(database: Database) -> None:
    clock = Clock()
    one = replica(database, clock)
    quota = Quota("yesterday", 1)
    assert await one.take(quota) == 0
    clock.time -= 3600
    one._leases.clear()
    assert await one.take(quota) == 60
    clock.time += 3600
    assert await one.take(quota) == pytest.approx(60)


async def test_the_time_is_the_databases_own(database: Database) -> None:
    one = Quotas(database)
    assert await one.take(Quota("now", 60)) == 0
    with database.connection() as connection:
        row = connection.execute("SELECT abs(extract(epoch FROM now() - seen)) < 60 FROM telecmi_mcp.bucket").fetchone()
    assert row == (True,)


async def test_old_buckets_are_removed(database: Database) -> None:
    clock = Clock()
    one = replica(database, clock)
    assert await one.take(Quota("gone", 5)) == 0
    clock.time += 3599
    assert await one.take(Quota("here", 5)) == 0
    clock.time += 2
    assert await one.take(Quota("here", 5)) == 0  # and one of the last hour stays
    clock.time += 3600
    assert await one.take(Quota("here", 5)) == 0
    with database.connection() as connection:
        count = connection.execute("SELECT count(*) FROM telecmi_mcp.bucket").fetchone()
    assert count == (1,)
    assert {quota.key for quota in one._leases} == {"here"}


async def test_no_name_is_in_the_database(database: Database, cluster: Cluster) -> None:
    one = Quotas(database)
    assert await one.take(Quota("caller:priya@acme.example", 5)) == 0
    with database.connection() as connection:
        name = connection.info.dbname
    dump = cluster.dump(name)
    assert "COPY telecmi_mcp.bucket" in dump
    assert "priya" not in dump
    assert b"priya".hex() not in dump


async def test_each_replica_counts_alone_while_the_database_is_unreachable(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "telecmi_mcp")
    quota = Quota("caller", 3)
    clock = Clock()
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        try:
            database.migrate()
            one, other = replica(database, clock), replica(database, clock)
            assert [await one.take(quota) for _ in range(2)] == [0, 0]
            cluster.stop()
            for each in (one, other):
                assert [await each.take(quota) for _ in range(4)] == [0, 0, 0, 20]
            cluster.start()
            clock.time += 6
            with anyio.fail_after(30):
                while one._retry_at:
                    await one.take(quota)
                    clock.time += 6
            clock.time += 60
            assert [await one.take(quota) for _ in range(4)] == [0, 0, 0, 20]
            assert "alone" in caplog.text
            assert "together again" in caplog.text
        finally:
            database.close()


async def test_a_database_without_the_table_is_as_good_as_unreachable(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("DROP TABLE telecmi_mcp.bucket")
    one = replica(database, Clock())
    assert [await one.take(Quota("early", 2)) for _ in range(3)] == [0, 0, 30]


async def test_a_database_that_does_not_answer_is_given_up(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    one = replica(database, clock)
    quota = Quota("stuck", 2)
    with database.connection() as connection:
        connection.execute("LOCK TABLE telecmi_mcp.bucket")
        with anyio.fail_after(30):
            assert [await one.take(quota) for _ in range(3)] == [0, 0, 30]
    assert "TimeoutError" in caplog.text  # and not the database's own limit for locks, which is longer


async def test_one_that_is_cancelled_leaves_the_others_their_turn(database: Database) -> None:
    one = replica(database, Clock())
    quota = Quota("hasty", 2)
    with database.connection() as connection, anyio.move_on_after(0) as scope:
        connection.execute("LOCK TABLE telecmi_mcp.bucket")
        await one.take(quota)
    assert scope.cancelled_caught
    with anyio.fail_after(30):
        assert await one.take(quota) == 0


async def test_calls_at_once_ask_the_database_once(database_url: SecretStr, database: Database) -> None:
    asked = 0

    class Counted(Database):
        def connection(self) -> Any:
            nonlocal asked
            asked += 1
            return super().connection()

    del database  # which made the schema
    other = Counted(database_url)
    other.open()
    try:
        one = replica(other, Clock())
        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(one.take, Quota("busy", 240))
    finally:
        other.close()
    assert asked == 1
