"""Of all replicas one writes a mirror, and what it believes about that does not matter."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest
from contact_store_contract import people
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._team.index.location import PostgresLocation, account_key
from telecmi_mcp._team.index.postgres_store import VERSION, PostgresStore
from telecmi_mcp._team.index.recovery import SyncRecovery
from telecmi_mcp._team.index.writer_locks import WriterLock, WriterLocks
from telecmi_mcp.errors import DatabaseUnavailable, NotSignedIn, WriterLockLost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telecmi_mcp._team.db.database import Database

BACKENDS = "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
UNDER_WAY = SyncState(generation=1, started_at=1.0, cursor="abc").state
ENDED = SyncState(generation=1, started_at=1.0, ended_at=2.0).state


class Clock:
    """A clock that is put forward."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def replicas(database: Database) -> Iterator[list[WriterLocks]]:
    """The locks of three replicas."""
    locks = [WriterLocks(database) for _ in range(3)]
    yield locks
    for each in locks:
        each.close()


def shelf(database: Database, locks: WriterLocks, owner: str = "one") -> PostgresLocation:
    return PostgresLocation(database, locks, owner)


def end_connections(database: Database) -> int:
    """End the connections that hold locks, as a network does that forgot them: nobody is told."""
    with database.connection() as connection:
        return len(connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM ({BACKENDS}) AS b").fetchall())  # noqa: S608 - a constant


def test_one_replica_writes_and_the_next_does_when_it_closes(database: Database, replicas: list[WriterLocks]) -> None:
    first, second = (shelf(database, locks) for locks in replicas[:2])
    first.take().upsert(people(1), generation=1, state={})
    reading = second.take()
    assert (first.is_writer, second.is_writer) == (True, False)
    with pytest.raises(WriterLockLost):
        reading.upsert(people(2), generation=1, state={})
    first.close()
    assert second.take() is not reading
    assert second.is_writer
    assert second.take().count() == 1


def test_two_locations_of_one_replica_are_not_both_writers(database: Database, replicas: list[WriterLocks]) -> None:
    first, second = shelf(database, replicas[0]), shelf(database, replicas[0])
    first.take()
    second.take()
    assert (first.is_writer, second.is_writer) == (True, False)


def test_a_replica_that_does_not_know_that_it_lost_its_lock_cannot_write(
    database: Database, replicas: list[WriterLocks]
) -> None:
    first, second = (shelf(database, locks) for locks in replicas[:2])
    store = first.take()
    store.upsert(people(1), generation=1, state={"by": "first"})
    assert end_connections(database) == 1
    second.take().upsert(people(2), generation=1, state={"by": "second"})
    assert first.is_writer, "it has not noticed"
    for write in (
        lambda: store.upsert(people(3), generation=1, state={"by": "first"}),
        lambda: store.delete(["c1"]),
        lambda: store.sweep(9),
        lambda: store.remember({"by": "first"}),
        store.wipe,
    ):
        with pytest.raises(WriterLockLost):
            write()
    assert (store.count(), store.state()) == (2, {"by": "second"})


def test_who_takes_over_waits_for_the_transaction_that_is_under_way(
    database: Database, replicas: list[WriterLocks]
) -> None:
    store = shelf(database, replicas[0]).take()
    successor = shelf(database, replicas[1])
    taken: list[PostgresStore] = []
    thread = Thread(target=lambda: taken.append(successor.take()))
    with store._changing() as change:
        end_connections(database)
        thread.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%fence%%'"
        while counted(database, waiting) != 1:
            assert thread.is_alive()
        store._close(change, state={"by": "first"})
    thread.join(30)
    assert successor.is_writer
    assert taken[0].state() == {"by": "first"}


def counted(database: Database, sql: str) -> int:
    with database.connection() as connection:
        ((count,),) = connection.execute(sql.encode()).fetchall()
    return int(count)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "write", "write", "end", "close", "look"]), st.integers(0, 2)), max_size=14
    )
)
def test_no_one_writes_after_someone_else_has_taken_over(
    database: Database, replicas: list[WriterLocks], steps: Sequence[tuple[str, int]]
) -> None:
    shelves = [shelf(database, locks) for locks in replicas]
    stores = {number: each.take() for number, each in enumerate(shelves)}
    newest = 0
    for count, (operation, number) in enumerate(steps):
        if operation == "take":
            stores[number] = take_again(shelves[number], stores[number])
        elif operation == "write" and wrote(stores[number], str(count)):
            fence = fence_of(stores[number])
            assert fence >= newest
            newest = fence
            assert stores[number].state()["by"] == str(count)
        elif operation == "end":
            end_connections(database)
        elif operation == "close":
            shelves[number].close()
        elif operation == "look":
            replicas[number].release_unused()
    for each in shelves:
        each.close()


def take_again(one: PostgresLocation, before: PostgresStore) -> PostgresStore:
    try:
        return one.take()
    except DatabaseUnavailable:
        return before


def wrote(store: PostgresStore, by: str) -> bool:
    try:
        store.remember({"by": by})
    except WriterLockLost:
        return False
    return True


def fence_of(store: PostgresStore) -> int:
    lock = store._lock
    assert isinstance(lock, WriterLock)
    return lock.fence


def test_a_lost_connection_takes_all_rights_along(database: Database, replicas: list[WriterLocks]) -> None:
    first, second = shelf(database, replicas[0], "one"), shelf(database, replicas[0], "two")
    store = first.take()
    second.take()
    assert end_connections(database) == 1, "all locks of a replica are on one connection"
    with pytest.raises(DatabaseUnavailable):
        replicas[0].abandoned(VERSION)
    assert (first.is_writer, second.is_writer) == (False, False)
    with pytest.raises(WriterLockLost):
        store.remember({"by": "first"})
    first.take()
    assert first.is_writer


def test_the_server_finds_out_in_seconds_that_a_machine_has_vanished(replicas: list[WriterLocks]) -> None:
    names = ("idle", "interval", "count")
    asked = [replicas[0].ask(f"SELECT current_setting('tcp_keepalives_{name}')::int") for name in names]
    assert asked == [4, 2, 2]


def test_a_right_that_is_not_used_is_let_go_but_later_while_a_sync_is_under_way(database: Database) -> None:
    clock = Clock()
    locks = WriterLocks(database, clock=clock)
    idle, resting = shelf(database, locks, "idle"), shelf(database, locks, "resting")
    idle.take().remember(ENDED)
    resting.take().remember(UNDER_WAY)
    clock.now += 29
    locks.release_unused()
    assert (idle.is_writer, resting.is_writer) == (True, True)
    idle.take()
    clock.now += 29
    locks.release_unused()
    assert (idle.is_writer, resting.is_writer) == (True, True), "the one was asked for, the other has a pass"
    clock.now += 31
    locks.release_unused()
    assert (idle.is_writer, resting.is_writer) == (False, True)
    clock.now += 600
    locks.release_unused()
    assert not resting.is_writer
    locks.close()


def test_a_sync_is_abandoned_when_it_has_begun_and_no_one_holds_its_lock(
    database: Database, replicas: list[WriterLocks]
) -> None:
    shelves = {owner: shelf(database, replicas[0], owner) for owner in ("begun", "ended", "held")}
    for owner, state in {"begun": UNDER_WAY, "ended": ENDED, "held": UNDER_WAY}.items():
        shelves[owner].take().upsert(people(1), generation=1, state=state)
    assert replicas[1].abandoned(VERSION) == []
    shelves["begun"].close()
    shelves["ended"].close()
    assert replicas[1].abandoned(VERSION) == [account_key("begun")]
    assert replicas[1].abandoned(VERSION + 1) == [], "another version derives other words"


def test_a_sync_that_its_own_replica_does_not_go_on_with_is_abandoned_too(database: Database) -> None:
    clock = Clock()
    locks = WriterLocks(database, clock=clock)
    held = shelf(database, locks)
    held.take().remember(UNDER_WAY)
    assert locks.abandoned(VERSION) == []
    clock.now += 6
    assert locks.abandoned(VERSION) == [account_key("one")]
    held.take().remember(UNDER_WAY)
    assert locks.abandoned(VERSION) == []
    locks.close()


async def test_what_cannot_be_resumed_is_tried_less_and_less_often(
    database: Database, replicas: list[WriterLocks]
) -> None:
    clock, tried = Clock(), list[float]()
    dead = shelf(database, replicas[0])
    dead.take().remember(UNDER_WAY)
    dead.close()

    async def resume(key: bytes) -> bool:
        assert key == account_key("one")
        tried.append(clock.now - 100)
        raise NotSignedIn

    sync_recovery = SyncRecovery(database, replicas[1], resume, clock=clock)
    for _ in range(40):
        assert await sync_recovery.check_once() < 0.5
        clock.now += 0.5
    assert tried == [0, 1, 3, 7, 15]


async def test_a_database_that_is_unreachable_does_not_delay_the_next_attempt(
    database: Database, replicas: list[WriterLocks]
) -> None:
    clock, tried = Clock(), list[float]()
    dead = shelf(database, replicas[0])
    dead.take().remember(UNDER_WAY)
    dead.close()

    async def resume(_: bytes) -> bool:
        tried.append(clock.now - 100)
        raise DatabaseUnavailable

    sync_recovery = SyncRecovery(database, replicas[1], resume, clock=clock)
    for _ in range(4):
        await sync_recovery.check_once()
        clock.now += 0.5
    assert tried == [0, 0.5, 1, 1.5]


async def test_the_sync_recovery_without_a_database_asks_seldom_and_goes_on(
    database: Database, replicas: list[WriterLocks]
) -> None:
    async def resume(_: bytes) -> bool:
        return False

    sync_recovery = SyncRecovery(database, replicas[0], resume)
    shelf(database, replicas[0]).take()
    end_connections(database)
    assert await sync_recovery.check_once() > 1
    assert await sync_recovery.check_once() < 0.5
