"""Keys with an end, tools or a mask, and two keys of one caller, over a real database."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from e2e.lines import PATIENCE
from team.postgres import open_cluster
from telecmi_mcp._audit.log import LOGGER, Audit, KeyEvent
from telecmi_mcp._team.auth import access_key_verifier
from telecmi_mcp._team.auth.access_key_verifier import KeyVerifier
from telecmi_mcp._team.auth.access_keys import NO_LIMITS, KeyLimits, add_key, hash_of, revoke_key, rotate_key
from telecmi_mcp._team.auth.callers import LOOKUP_MASKED, Caller
from telecmi_mcp._team.auth.key_events import KeyEvents
from telecmi_mcp._team.auth.key_records import all_keys, claim_warnings, holders_of_keys, key_id_of, keys_ending_soon
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.db.database import Database
from telecmi_mcp.errors import AccessKeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = TeamSettings(callers="keys", public_url="https://contacts.example/mcp")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ALL_LIMITS = KeyLimits(90 * DAY, ("search_contacts", "get_contact"), ("phone_no",), (LOOKUP_MASKED,))
KINDS = [
    KeyLimits(DAY),
    KeyLimits(tools=("get_contact",)),
    KeyLimits(tools=()),
    KeyLimits(mask=("phone_no",)),
    KeyLimits(options=(LOOKUP_MASKED,)),
]

# What version 0.1.0 asks, to the letter: it runs beside this one during an upgrade.
OLD_VALID = "SELECT hash, access_key_id, name FROM telecmi_mcp.access_key WHERE revoked_at IS NULL LIMIT %s"
OLD_ADD = (
    "INSERT INTO telecmi_mcp.access_key (name, hash) VALUES (%s, %s) "
    "ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING"
)
OLD_REVOKE = "UPDATE telecmi_mcp.access_key SET revoked_at = now() WHERE name = %s AND revoked_at IS NULL"
OLD_LIST = (
    "SELECT name, created_at, last_used_at, revoked_at FROM telecmi_mcp.access_key "
    "ORDER BY revoked_at IS NOT NULL, name, access_key_id"
)


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that masks both fields."""
    monkeypatch.setattr(access_key_verifier, "ENFORCED_MASKS", frozenset({"phone_no", "email_id"}))


@pytest.fixture
def told() -> Iterator[tuple[KeyEvents, list[KeyEvent]]]:
    """What an audit is told."""
    events, lines = KeyEvents(), list[KeyEvent]()
    with events.audited_by(lines.append):
        yield events, lines


def add(database: Database, limits: KeyLimits = NO_LIMITS, name: str = "priya") -> str:
    with database.connection() as connection:
        return add_key(connection, name, limits).get_secret_value()


def rotate(database: Database, name: str = "priya", grace: timedelta = HOUR, **options: Any) -> str:
    with database.connection() as connection:
        return rotate_key(connection, name, grace=grace, **options)[0].get_secret_value()


def revoke(database: Database, key: str = "", name: str = "priya") -> None:
    with database.connection() as connection:
        revoke_key(connection, name, key and key_id_of(hash_of(key)))


def execute(database: Database, sql: str, *values: object) -> Any:
    with database.connection() as connection:
        done = connection.execute(sql.encode(), values)
        return done.fetchall() if done.description else done.rowcount


def pass_time(database: Database, seconds: float) -> None:
    """Let time pass for every key: its dates move into the past."""
    names = ("created_at", "expires_at", "replaced_at", "warned_at")
    moved = ", ".join(f"{name} = {name} - make_interval(secs => {seconds})" for name in names)
    execute(database, f"UPDATE telecmi_mcp.limited_key SET {moved}")  # noqa: S608 - constants


async def is_valid(database: Database, key: str) -> bool:
    """Whether a replica that has just started accepts a key."""
    return await KeyVerifier(database, SETTINGS).verify_token(key) is not None


async def test_the_caller_of_a_key_has_its_limits(database: Database, masks: None) -> None:
    del masks
    token = await KeyVerifier(database, SETTINGS).verify_token(add(database, ALL_LIMITS))
    assert token is not None
    assert token.caller.name == token.subject == "priya"
    assert token.caller.tools == frozenset({"search_contacts", "get_contact"})
    assert token.caller.mask == {"phone_no"}
    assert token.caller.scopes == set(token.scopes) == {"contacts:read", LOOKUP_MASKED}
    assert (token.token, token.resource) == ("", SETTINGS.public_url)


async def test_a_key_without_limits_allows_all(database: Database) -> None:
    token = await KeyVerifier(database, SETTINGS).verify_token(add(database))
    assert token is not None
    assert token.caller == Caller("priya", frozenset({"contacts:read"}))
    assert token.caller.may_call("search_contacts")


async def test_an_option_in_the_database_that_this_version_does_not_know_widens_nothing(database: Database) -> None:
    key = add(database, KeyLimits(options=(LOOKUP_MASKED,)))
    execute(database, "UPDATE telecmi_mcp.limited_key SET options = '{contacts:unmasked,lookup:masked}'")
    token = await KeyVerifier(database, SETTINGS).verify_token(key)
    assert token is not None
    assert set(token.scopes) == {"contacts:read", LOOKUP_MASKED}


async def test_a_key_whose_mask_this_version_does_not_know_is_refused(
    database: Database, masks: None, told: tuple[KeyEvents, list[KeyEvent]]
) -> None:
    del masks
    events, lines = told
    key = add(database, KeyLimits(mask=("phone_no",)))
    assert await is_valid(database, key)
    execute(database, "UPDATE telecmi_mcp.limited_key SET mask = '{phone_no,company}'")
    assert await KeyVerifier(database, SETTINGS, events).verify_token(key) is None
    assert lines == [KeyEvent("key_mask_unknown", "priya", key_id_of(hash_of(key)))]


async def test_a_version_that_masks_nothing_refuses_every_mask(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_key_verifier, "ENFORCED_MASKS", frozenset())
    assert not await is_valid(database, add(database, KeyLimits(mask=("phone_no",))))


async def test_a_key_ends_at_its_end_although_it_is_cached(database: Database, clock: Clock) -> None:
    key = add(database, KeyLimits(10 * MINUTE))
    pass_time(database, 10 * 60 - 5)  # five seconds are left, and the cache is fresh for thirty
    verifier = KeyVerifier(database, SETTINGS, clock=clock)
    assert await verifier.verify_token(key)
    clock.now += 4
    assert await verifier.verify_token(key)
    clock.now += 1
    assert await verifier.verify_token(key) is None


async def test_a_key_that_ends_while_the_database_is_unreachable_is_refused_and_not_unknown(clock: Clock) -> None:
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        try:
            database.migrate()
            key = add(database, KeyLimits(10 * MINUTE))
            verifier = KeyVerifier(database, SETTINGS, clock=clock)
            assert await verifier.verify_token(key)
            cluster.stop()
            clock.now += 599
            assert await verifier.verify_token(key)
            clock.now += 1
            assert await verifier.verify_token(key) is None  # DatabaseUnavailable would be 503
            cluster.start()
        finally:
            database.close()


async def test_the_log_and_the_audit_say_once_a_minute_whose_key_has_ended(
    database: Database, clock: Clock, told: tuple[KeyEvents, list[KeyEvent]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events, lines = told
    key = add(database, KeyLimits(MINUTE))
    verifier = KeyVerifier(database, SETTINGS, events, clock=clock)
    assert await verifier.verify_token(key)
    clock.now += 60
    pass_time(database, 60)
    for _ in range(20):
        assert await verifier.verify_token(key) is None
        clock.now += 5
    ended = [line for line in lines if line.event == "key_ended"]  # that it ends soon is told too
    assert ended == [KeyEvent("key_ended", "priya", key_id_of(hash_of(key)))] * 2
    warnings = [record.getMessage() for record in caplog.records if "has ended" in record.getMessage()]
    assert warnings == [f"a key was refused because it has ended: key {key_id_of(hash_of(key))} of priya"] * 2
    assert key not in caplog.text


async def test_the_end_is_announced_once_a_day_by_one_of_all_replicas(
    database: Database, clock: Clock, told: tuple[KeyEvents, list[KeyEvent]]
) -> None:
    events, lines = told
    key = add(database, KeyLimits(15 * DAY))
    other = add(database, KeyLimits(20 * DAY), "arun")
    replicas = [KeyVerifier(database, SETTINGS, events, clock=clock) for _ in range(2)]

    async def day(seconds: float) -> list[tuple[str, str]]:
        pass_time(database, seconds)
        lines.clear()
        for _ in range(3):
            clock.now += 31
            for replica in replicas:
                assert await replica.verify_token(key)
                assert await replica.verify_token(other)
        for replica in replicas:
            await anyio.to_thread.run_sync(replica._writer.submit(int).result)
        return sorted((line.event, line.caller) for line in lines)

    with anyio.fail_after(PATIENCE):
        assert await day(0) == []
        assert await day(86_400 + 60) == [("key_ends_soon", "priya")]
        assert await day(3600) == []
        assert await day(86_400) == [("key_ends_soon", "priya")]
        assert await day(5 * 86_400) == [("key_ends_soon", "arun"), ("key_ends_soon", "priya")]


async def test_no_end_is_announced_of_a_key_that_was_revoked_or_has_ended(database: Database) -> None:
    for name in ("priya", "arun", "amal"):
        add(database, KeyLimits(DAY), name)
    revoke(database, name="priya")
    execute(
        database, "UPDATE telecmi_mcp.limited_key SET expires_at = now() - interval '1 minute' WHERE access_key_id = 2"
    )
    with database.connection() as connection:
        assert [key.caller for key in claim_warnings(connection)] == ["amal"]
        assert [key.name for key in keys_ending_soon(connection)] == ["amal"]


def test_the_status_gets_the_keys_that_end_soon_the_next_one_first(database: Database) -> None:
    for name, time in {"priya": 13 * DAY, "arun": 15 * DAY, "amal": HOUR, "devi": None}.items():
        add(database, KeyLimits(time), name)
    with database.connection() as connection:
        assert [key.name for key in keys_ending_soon(connection)] == ["amal", "priya"]


def test_the_audit_has_a_line_for_each_event_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    Audit("r1", now=lambda: 0.0).write_key_event(KeyEvent("key_ended", "priya", "01ab23cd"))
    Audit("r1", on=False).write_key_event(KeyEvent("key_ended", "priya", "01ab23cd"))
    (line,) = [json.loads(record.getMessage()) for record in caplog.records if record.name == LOGGER]
    assert line == {
        "time": "1970-01-01T00:00:00.000Z",
        "caller": "priya",
        "event": "key_ended",
        "key": "01ab23cd",
        "replica": "r1",
    }


@pytest.mark.parametrize("limits", [NO_LIMITS, *KINDS, ALL_LIMITS])
async def test_a_rotated_key_has_the_limits_of_the_first_which_ends_after_the_grace_time(
    limits: KeyLimits, database: Database, masks: None
) -> None:
    del masks
    first = add(database, limits)
    pass_time(database, 3600)
    second = rotate(database)
    verifier = KeyVerifier(database, SETTINGS)
    tokens = [await verifier.verify_token(key) for key in (first, second)]
    assert tokens[0] is not None
    assert tokens[0] == tokens[1]
    with database.connection() as connection:
        older, newer = all_keys(connection)
    assert (newer.lifetime, newer.tools, newer.mask, newer.options) == limits
    assert older.remaining is not None
    assert older.remaining <= HOUR
    execute(database, "UPDATE telecmi_mcp.limited_key SET replaced_at = replaced_at - interval '1 hour'")
    assert [await is_valid(database, key) for key in (first, second)] == [False, True]


async def test_without_a_grace_time_the_older_key_ends_at_once(database: Database) -> None:
    for limits, name in ((NO_LIMITS, "priya"), (KeyLimits(DAY), "arun")):
        first = add(database, limits, name)
        second = rotate(database, name, timedelta(0))
        assert [await is_valid(database, key) for key in (first, second)] == [False, True]


async def test_the_grace_time_never_extends_a_key(database: Database) -> None:
    add(database)
    second = rotate(database, grace=HOUR)
    revoke(database, second)
    rotate(database, grace=9 * DAY)
    with database.connection() as connection:
        first = min(all_keys(connection), key=lambda key: key.created_at)
    assert first.remaining is not None
    assert first.remaining <= HOUR


def test_a_rotated_key_may_have_another_end_or_none(database: Database) -> None:
    add(database, KeyLimits(DAY, tools=("get_contact",)))
    rotate(database, grace=timedelta(0), lifetime=2 * DAY)
    rotate(database, grace=timedelta(0), is_endless=True)
    with database.connection() as connection:
        keys = [key for key in all_keys(connection) if key.revoked_at is None]
    assert [key.lifetime for key in keys] == [DAY, 2 * DAY, None]
    assert {key.tools for key in keys} == {("get_contact",)}


def test_a_third_key_is_refused_until_the_first_has_ended(database: Database) -> None:
    add(database)
    rotate(database)
    with pytest.raises(AccessKeyError, match="this caller has two valid keys"):
        rotate(database)
    with pytest.raises(AccessKeyError, match="has a key already"):
        add(database)
    pass_time(database, 3600)
    rotate(database)


async def test_a_caller_whose_key_has_ended_gets_another_with_the_same_limits(database: Database) -> None:
    add(database, KeyLimits(HOUR, tools=("get_contact",)))
    pass_time(database, 7200)
    rotated = rotate(database)
    token = await KeyVerifier(database, SETTINGS).verify_token(rotated)
    assert token is not None
    assert token.caller.tools == frozenset({"get_contact"})
    pass_time(database, 7200)
    assert await is_valid(database, add(database))  # a new first key, without limits


def test_to_rotate_what_is_not_there_is_reported(database: Database) -> None:
    with pytest.raises(AccessKeyError, match="no valid key has this name"):
        rotate(database)


@pytest.mark.parametrize("limits", [NO_LIMITS, KeyLimits(DAY)])
async def test_one_of_two_keys_can_be_revoked(limits: KeyLimits, database: Database) -> None:
    for revoked in (0, 1):
        keys = [add(database, limits), rotate(database)]
        revoke(database, keys[revoked])
        assert [await is_valid(database, key) for key in keys] == [revoked == 1, revoked == 0]
        with pytest.raises(AccessKeyError, match="no valid key of this caller has this id"):
            revoke(database, keys[revoked])
        revoke(database, keys[1 - revoked])
        assert [await is_valid(database, key) for key in keys] == [False, False]


async def test_to_revoke_a_caller_ends_both_keys(database: Database) -> None:
    keys = [add(database), rotate(database)]
    revoke(database)
    assert [await is_valid(database, key) for key in keys] == [False, False]
    assert await is_valid(database, add(database))


# Version 0.1.0 beside this one


def old_accepts(database: Database, key: str) -> bool:
    return hash_of(key) in [bytes(digest) for digest, *_ in execute(database, OLD_VALID, 10_000)]


@pytest.mark.parametrize("limits", [*KINDS, ALL_LIMITS])
def test_the_older_version_sees_no_key_with_a_limit(limits: KeyLimits, database: Database) -> None:
    keys = [add(database, limits), rotate(database)]
    assert [old_accepts(database, key) for key in keys] == [False, False]
    assert all(len(bytes(digest)) == 16 for digest, *_ in execute(database, OLD_VALID, 10_000))  # no SHA-256


def test_the_older_version_accepts_keys_without_limits_and_no_key_past_its_end(database: Database) -> None:
    first = add(database)
    assert old_accepts(database, first)
    second = rotate(database)
    assert [old_accepts(database, key) for key in (first, second)] == [False, True]
    pass_time(database, 3600)
    third = rotate(database, lifetime=DAY)
    assert [old_accepts(database, key) for key in (first, second, third)] == [False, False, False]


@pytest.mark.parametrize("limits", [NO_LIMITS, ALL_LIMITS])
async def test_the_older_versions_commands_take_a_caller_with_limits_as_one_with_a_key(
    limits: KeyLimits, database: Database, masks: None
) -> None:
    del masks
    keys = [add(database, limits), rotate(database)]
    assert execute(database, OLD_ADD, "priya", b"x" * 32) == 0  # else the caller had a key without limits
    assert [name for name, *_ in execute(database, OLD_LIST)] == ["priya"]
    assert execute(database, OLD_REVOKE, "priya") == 1
    assert [await is_valid(database, key) for key in keys] == [False, False]
    assert execute(database, OLD_ADD, "priya", b"x" * 32) == 1  # as before: the name is free again
    assert [await is_valid(database, key) for key in keys] == [False, False]


async def test_a_key_of_the_older_version_keeps_working_and_can_be_rotated(database: Database) -> None:
    key = "tmk_" + "A" * 43
    execute(database, OLD_ADD, "priya", hash_of(key))
    assert await is_valid(database, key)
    second = rotate(database)
    assert [await is_valid(database, each) for each in (key, second)] == [True, True]


def test_many_keys_are_read_at_once(database: Database) -> None:
    with database.connection() as connection:
        for number in range(300):
            add_key(connection, f"caller {number}", ALL_LIMITS if number % 2 else NO_LIMITS)
        holders = holders_of_keys(connection, "contacts:read")
    assert len(holders) == 300
    assert sum(holder.caller.tools is None for holder in holders.values()) == 150
