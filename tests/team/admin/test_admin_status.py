"""What the status page says of copies, callers and keys, from this process and from PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from contact_store_contract import people
from httpx2 import ASGITransport

from conftest import SIGNED_IN
from telecmi_mcp import open_app
from telecmi_mcp._api.http import UpstreamHealth
from telecmi_mcp._audit.log import Entry
from telecmi_mcp._index.account_directory import CurrentDirectory
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._mask import Mask
from telecmi_mcp._team.admin.status import CallerLine, Lines, StatusSource
from telecmi_mcp._team.auth.access_keys import KeyLimits, add_key, revoke_key, rotate_key
from telecmi_mcp._team.auth.key_overview import CallerUse, ending_keys, last_callers
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.index.copies import MAX_COPIES, list_copies
from telecmi_mcp._team.index.location import PostgresLocation
from telecmi_mcp._team.index.writer_locks import WriterLocks
from telecmi_mcp._team.policy.activity import RecentActivity
from telecmi_mcp.errors import CredentialStoreUnusable
from telecmi_mcp.sandbox import create_sandbox

if TYPE_CHECKING:
    from telecmi_mcp._app import App
    from telecmi_mcp._team.context import Team
    from telecmi_mcp._team.db.database import Database
    from telecmi_mcp._team.policy.build import AdminMetrics

NOW = 10_000.0
OWNER = "https://telecmi.example\n{}"


def source(
    database: Database | None = None, *, callers: str = "keys", **team: Any
) -> tuple[StatusSource, RecentActivity]:
    """Return what collects the status of a process with these parts."""
    activity = RecentActivity(lambda: NOW)
    parts = SimpleNamespace(database=database, upstream_health=UpstreamHealth(), **team)
    admin = SimpleNamespace(activity=activity, replica="r1")
    settings = TeamSettings(callers=callers)
    made = StatusSource(cast("Team", parts), cast("AdminMetrics", admin), settings, clock=lambda: NOW, now=lambda: NOW)
    return made, activity


def entry(caller: str, outcome: str = "ok") -> Entry:
    return Entry(caller, "tools/call", "get_contact", outcome, 0.1, 1)


async def test_the_copies_of_all_accounts_are_shown_by_number_with_their_age_and_how_complete_they_are(
    database: Database,
) -> None:
    locks = WriterLocks(database)
    whole = SyncState(started_at=9_000, ended_at=9_100, is_whole=True, as_of=9_000, count=3)
    states = {
        "whole": whole,
        "again": SyncState(started_at=9_900, is_whole=True, as_of=8_000, count=3),
        "partial": SyncState(started_at=9_500, count=40),
        "never": SyncState(),
    }
    for owner, state in states.items():
        store = PostgresLocation(database, locks, OWNER.format(owner)).take()
        store.upsert(people(1, 2, 3) if state.started_at else [], generation=1, state=state.state)
    try:
        status = await source(database)[0].collect()
    finally:
        locks.close()
    assert status.copies is not None
    assert [
        (copy.account, copy.contacts, copy.count, copy.is_complete, copy.is_being_read, copy.age_s)
        for copy in status.copies.rows
    ] == [
        ("1", 3, 3, True, False, 1_000),
        ("2", 3, 3, True, True, 2_000),
        ("3", 3, 40, False, True, 500),
        ("4", 0, None, False, False, None),
    ]
    assert all(0 <= (copy.unused_s or 0) < 60 for copy in status.copies.rows)
    assert (status.copies.left_out, status.database, status.telecmi) == (0, "up", "not asked")


def test_the_copies_that_were_used_least_recently_are_counted_only(database: Database) -> None:
    locks = WriterLocks(database)
    for number in range(MAX_COPIES + 2):
        PostgresLocation(database, locks, OWNER.format(number)).take()
    locks.close()
    with database.connection() as connection:
        connection.execute("UPDATE telecmi_mcp.mirror SET used_at = now() - interval '1 day' WHERE account_id <= 2")
        copies, total = list_copies(connection)
    assert ([copy.account for copy in copies], total) == (list(range(3, MAX_COPIES + 3)), MAX_COPIES + 2)


async def test_callers_with_keys_are_shown_with_their_last_use_on_any_replica_and_their_calls_to_this_one(
    database: Database,
) -> None:
    with database.connection() as connection:
        for name in ("amal", "priya", "mira", "gone"):
            add_key(connection, name)
        revoke_key(connection, "gone")
        for name, used in {"amal": "2 hours", "priya": "3 minutes"}.items():
            connection.execute(
                "UPDATE telecmi_mcp.access_key SET last_used_at = now() - %s::interval WHERE name = %s", (used, name)
            )
    collected, activity = source(database)
    activity.count_call(entry("amal"))
    activity.count_call(entry("amal", "not_found"))
    status = await collected.collect()
    assert status.callers is not None
    priya, amal, mira = status.callers.rows
    assert (priya.name, round(priya.unused_s or 0), priya.calls) == ("priya", 180, 0)
    assert amal == CallerLine("amal", 0, calls=2, failed=1)
    assert mira == CallerLine("mira", None)
    assert status.callers.left_out == 0
    assert status.ending == Lines([], 0)


def test_a_key_that_ends_within_14_days_is_listed_and_one_that_has_ended_is_not(database: Database) -> None:
    with database.connection() as connection:
        for name, days in {"soon": 3, "later": 15, "ended": -1}.items():
            add_key(connection, name, KeyLimits(lifetime=timedelta(days=days)))
        add_key(connection, "endless")
        ending, total = ending_keys(connection)
        names = [caller.name for caller in last_callers(connection)[0]]
    assert ([key.name for key in ending], total) == (["soon"], 1)
    assert round(ending[0].remaining_s) == 3 * 86_400
    assert sorted(names) == ["endless", "later", "soon"]


def test_a_caller_with_two_keys_is_one_caller_and_the_older_key_ends(database: Database) -> None:
    with database.connection() as connection:
        add_key(connection, "amal")
        _, older = rotate_key(connection, "amal", grace=timedelta(hours=5))
        (ending,), total = ending_keys(connection)
        callers = last_callers(connection)
    assert (ending.key_id, ending.name, round(ending.remaining_s), total) == (older.key_id, "amal", 5 * 3_600, 1)
    assert callers == ([CallerUse("amal", None)], 1)


async def test_callers_without_keys_are_those_who_called_this_process() -> None:
    async def no_app(_: str) -> Any:
        return SimpleNamespace(views={})

    collected, activity = source(callers="oauth", app_of=no_app)
    for name in ("first", "second"):
        activity.count_call(entry(name))
    status = await collected.collect()
    assert status.callers == Lines([CallerLine("second", 0, 1), CallerLine("first", 0, 1)], 2)
    assert (status.database, status.copies, status.ending) == ("none", Lines([]), Lines())


async def test_without_a_database_each_mask_in_use_has_a_copy_of_the_service() -> None:
    transport = ASGITransport(create_sandbox())
    async with open_app(SIGNED_IN, transport=transport) as app:

        async def app_of(_: str) -> App:
            return app

        collected = source(app_of=app_of, callers="anyone")[0]
        masked = app.with_mask(Mask({"phone_no"}))
        assert (await collected.collect()).copies == Lines([])
        for each in (app, masked):
            await each.directory.sync(no_report)
        copies = (await collected.collect()).copies
    assert copies is not None
    assert [(copy.account, copy.contacts, copy.count, copy.is_complete) for copy in copies.rows] == [
        ("1", 150, 150, True),
        ("2", 150, 150, True),
    ]


async def no_report(*_: object) -> None:
    """Ignore the progress."""


async def test_copies_of_a_service_whose_sign_in_cannot_be_read_are_not_called_none() -> None:
    async def account() -> str:
        raise CredentialStoreUnusable

    async def app_of(_: str) -> Any:
        return SimpleNamespace(views={"no mask": SimpleNamespace(account=account, directory=CurrentDirectory)})

    assert (await source(app_of=app_of, callers="anyone")[0].collect()).copies is None


async def test_while_the_database_is_away_the_rest_is_shown(unreachable: Database) -> None:
    collected, activity = source(unreachable)
    activity.count_call(entry("amal", "database_away"))
    status = await collected.collect()
    assert (status.database, status.copies, status.callers, status.ending) == ("away", None, None, None)
    (error,) = status.errors
    assert (error.code, error.subjects) == ("database_away", "1 call")
    assert "PostgreSQL" in error.advice


async def test_many_requests_cause_one_query(database: Database) -> None:
    asked = 0
    run = database.run

    class Counting:
        """A database that counts."""

        async def run(self, operation: Any) -> Any:
            nonlocal asked
            asked += 1
            return await run(operation)

    collected = source(cast("Database", Counting()))[0]
    for _ in range(3):
        await collected.collect()
    assert asked == 1
