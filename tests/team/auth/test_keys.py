"""Access keys over a real database: who is let in, for how long, and what is left of a key."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import SecretStr

from e2e.lines import PATIENCE, environment
from team.postgres import PASSWORD, open_cluster
from telecmi_mcp._team.auth import access_key_verifier, access_keys
from telecmi_mcp._team.auth.access_key_verifier import KeyVerifier
from telecmi_mcp._team.auth.access_keys import add_key, hash_of, revoke_key
from telecmi_mcp._team.auth.callers import MAX_NAME, is_name
from telecmi_mcp._team.auth.key_records import all_keys, record_use
from telecmi_mcp._team.config.settings import TeamSettings
from telecmi_mcp._team.db.database import Database
from telecmi_mcp.errors import AccessKeyError, DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from team.postgres import Cluster

SETTINGS = TeamSettings(callers="keys", public_url="https://contacts.example/mcp")
UNKNOWN = "tmk_" + "A" * 43


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountingDatabase(Database):
    """Counts how often it is asked for a connection."""

    asked = 0
    seems_away = False

    @property
    def is_away(self) -> bool:
        return self.seems_away

    def connection(self) -> Any:
        self.asked += 1
        return super().connection()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counting(database: Database, database_url: SecretStr) -> Iterator[CountingDatabase]:
    """A second replica's way to the database."""
    del database  # which made the schema
    other = CountingDatabase(database_url)
    other.open()
    yield other
    other.close()


def add(database: Database, name: str = "priya") -> str:
    with database.connection() as connection:
        return add_key(connection, name).get_secret_value()


def revoke(database: Database, name: str = "priya") -> None:
    with database.connection() as connection:
        revoke_key(connection, name)


async def last_use(database: Database) -> datetime:
    """When the one key was used last, once that is written."""
    with anyio.fail_after(PATIENCE):
        while True:
            (key,) = await database.run(all_keys)
            if key.last_used_at:
                return key.last_used_at


async def healed(verifier: KeyVerifier, key: str, clock: Clock) -> None:
    """Call until the pool has found the database again, which takes it some seconds."""
    with anyio.fail_after(PATIENCE):
        while True:
            clock.now += 6
            with suppress(DatabaseUnavailable):
                assert await verifier.verify_token(key)
                return


async def test_a_key_tells_who_calls_with_the_scope_and_goes_no_further(database: Database) -> None:
    found = await KeyVerifier(database, SETTINGS).verify_token(add(database))
    assert found is not None
    assert (found.subject, found.client_id, found.scopes) == ("priya", "priya", ["contacts:read"])
    assert (found.resource, found.token, found.expires_at) == (SETTINGS.public_url, "", None)


def test_a_key_is_256_random_bits_and_the_database_has_only_its_hash(cluster: Cluster, database_url: SecretStr) -> None:
    database = Database(database_url)
    database.open()
    database.migrate()
    keys = {add(database, f"caller {number}") for number in range(20)}
    database.close()
    assert len(keys) == 20
    dump = cluster.dump(database_url.get_secret_value().rpartition("/")[2])
    assert "access_key" in dump
    for key in keys:
        assert re.fullmatch(r"tmk_[A-Za-z0-9_-]{43}", key)
        assert hash_of(key).hex() in dump
        assert key not in dump
        assert key[4:] not in dump


@pytest.mark.parametrize(
    "bad", ["", "hunter2", UNKNOWN, UNKNOWN + "A", UNKNOWN[:-1], "TMK_" + "A" * 43, f"{UNKNOWN}\n"]
)
async def test_what_is_no_key_is_refused_and_looked_for_nowhere(counting: CountingDatabase, bad: str) -> None:
    assert await KeyVerifier(counting, SETTINGS).verify_token(bad) is None
    assert (counting.asked == 0) is (bad != UNKNOWN)


async def test_a_key_with_one_other_character_is_refused(database: Database) -> None:
    key = add(database)
    verifier = KeyVerifier(database, SETTINGS)
    assert await verifier.verify_token(key[:-1] + ("A" if key[-1] != "A" else "B")) is None
    assert await verifier.verify_token(key.swapcase().replace("TMK", "tmk")) is None
    assert await verifier.verify_token(key)


async def test_a_revoked_key_ends_on_every_replica_within_half_a_minute(
    database: Database, counting: Database, clock: Clock
) -> None:
    key = add(database)
    replicas = [KeyVerifier(database, SETTINGS, clock=clock), KeyVerifier(counting, SETTINGS, clock=clock)]
    for replica in replicas:
        assert await replica.verify_token(key)
    revoke(database)
    clock.now += 29.9
    assert await replicas[0].verify_token(key)  # as documented
    clock.now += 0.1
    for replica in replicas:
        assert await replica.verify_token(key) is None


async def test_a_new_key_works_a_second_after_another_was_refused(database: Database, clock: Clock) -> None:
    verifier = KeyVerifier(database, SETTINGS, clock=clock)
    assert await verifier.verify_token(UNKNOWN) is None
    key = add(database)
    clock.now += 1
    assert await verifier.verify_token(key)


async def test_guessing_costs_the_database_one_question_a_second(counting: CountingDatabase, clock: Clock) -> None:
    verifier = KeyVerifier(counting, SETTINGS, clock=clock)
    before = counting.asked
    for number in range(1000):
        assert await verifier.verify_token(f"tmk_{number:043}") is None
        clock.now += 0.003
    assert counting.asked - before == 3


async def test_calls_at_once_ask_once(database: Database, counting: CountingDatabase) -> None:
    key = add(counting)
    before = counting.asked
    verifier = KeyVerifier(counting, SETTINGS)
    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(verifier.verify_token, key)
    await last_use(database)
    assert counting.asked - before == 2  # the keys, and that one was used


async def test_a_use_is_written_once_a_minute(database: Database, clock: Clock) -> None:
    key = add(database)
    verifier = KeyVerifier(database, SETTINGS, clock=clock)
    assert await verifier.verify_token(key)
    first = await last_use(database)
    with database.connection() as connection:
        (row,) = all_keys(connection)
        record_use(connection, row.hash)
        assert all_keys(connection) == [row]
        connection.execute("UPDATE telecmi_mcp.access_key SET last_used_at = last_used_at - interval '2 minutes'")
        record_use(connection, row.hash)
        assert all_keys(connection)[0].last_used_at >= first  # type: ignore[operator]  # it was used


async def test_a_use_waits_for_no_database_that_is_unreachable(counting: CountingDatabase) -> None:
    key = add(counting)
    counting.seems_away = True
    before = counting.asked
    verifier = KeyVerifier(counting, SETTINGS)
    assert await verifier.verify_token(key)
    verifier._writer.shutdown()
    assert counting.asked - before == 1  # the keys


async def test_while_the_database_is_unreachable_known_keys_are_taken_for_a_quarter_of_an_hour(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with open_cluster() as cluster, cluster.database() as name:
        database = Database(cluster.url(name))
        database.open()
        try:
            database.migrate()
            key = add(database)
            verifier = KeyVerifier(database, SETTINGS, clock=clock)
            assert await verifier.verify_token(key)
            cluster.stop()  # not as in a crash: these clusters keep nothing through one
            clock.now += 890
            assert await verifier.verify_token(key)
            with pytest.raises(DatabaseUnavailable):  # it may be a new one
                await verifier.verify_token(UNKNOWN)
            clock.now += 11
            with pytest.raises(DatabaseUnavailable):
                await verifier.verify_token(key)
            cluster.start()
            await healed(verifier, key, clock)
            assert await verifier.verify_token(UNKNOWN) is None
        finally:
            database.close()
    assert key not in caplog.text
    assert PASSWORD not in caplog.text


async def test_a_database_that_hangs_keeps_one_call_waiting_and_not_for_long(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_key_verifier, "READ_TIMEOUT_S", 0.3)
    key = add(database)
    verifier = KeyVerifier(database, SETTINGS, clock=clock)
    assert await verifier.verify_token(key)
    await last_use(database)
    end = Event()
    monkeypatch.setattr(database, "connection", lambda: end.wait(PATIENCE))
    try:
        with anyio.fail_after(PATIENCE):
            for _ in range(5):
                clock.now += 31
                assert await verifier.verify_token(key)
    finally:
        end.set()


def test_a_name_has_one_valid_key_and_is_free_again_after_it(database: Database) -> None:
    first = add(database)
    with pytest.raises(AccessKeyError, match="has a key already"):
        add(database)
    revoke(database)
    assert add(database) != first
    with database.connection() as connection:
        assert [key.revoked_at is None for key in all_keys(connection)] == [True, False]


def test_to_revoke_what_is_not_there_is_reported(database: Database) -> None:
    with pytest.raises(AccessKeyError, match="no valid key has this name"):
        revoke(database)


def test_there_is_an_end_to_keys(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_keys, "MAX_KEYS", 1)
    add(database)
    with pytest.raises(AccessKeyError, match="Revoke keys that nobody uses"):
        add(database, "second")


@pytest.mark.parametrize(
    "bad", ["", " ", " priya", "priya ", "pri\nya", "pri\u200bya", "\u00a0x", "Jose\u0301", "a" * (MAX_NAME + 1)]
)
def test_a_name_that_cannot_be_one_gets_no_key(database: Database, bad: str) -> None:
    assert not is_name(bad)
    with pytest.raises(AccessKeyError, match="Choose a name"):
        add(database, bad)


def team(*words: str, url: SecretStr | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    address = {} if url is None else {"TELECMI_DATABASE_URL": url.get_secret_value()}
    return subprocess.run(
        [sys.executable, "-m", "telecmi_mcp", "team", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(PYTHONUTF8="1", **address, **variables),
    )


def test_the_command_makes_lists_and_revokes_keys(database_url: SecretStr) -> None:
    added = team("key", "add", "Priya Raman", url=database_url)  # before the server has ever started
    assert (added.returncode, bool(re.fullmatch(r"tmk_\S{43}\n", added.stdout))) == (0, True), added.stderr
    assert "not shown again" in added.stderr
    again = team("key", "add", "Priya Raman", url=database_url)
    assert (again.returncode, again.stdout) == (1, "")
    listed = team("key", "list", url=database_url)
    header, row = listed.stdout.splitlines()
    assert header.split() == ["name", "key", "created", "last", "used", "end", "tools", "mask", "options"]
    assert re.fullmatch(r"Priya Raman +[0-9a-f]{8} +20\S+ +- +- +all +- +-", row), row
    revoked = team("key", "revoke", "Priya Raman", url=database_url)
    assert (revoked.returncode, "within 30 seconds" in revoked.stdout) == (0, True)
    listed = team("key", "list", url=database_url)
    assert re.search(r"Priya Raman +[0-9a-f]{8} +20\S+ +- +revoked 20\S+ +all +- +-\n", listed.stdout)
    assert added.stdout.strip() not in added.stderr + listed.stdout + revoked.stdout
    assert team("key", "revoke", "Priya Raman", url=database_url).returncode == 1


def test_migrate_says_how_many_steps_it_took(database_url: SecretStr) -> None:
    first = team("migrate", url=database_url)
    assert (first.returncode, bool(re.fullmatch(r"\d+ migrations applied\.\n", first.stdout))) == (0, True), (
        first.stderr
    )
    assert team("migrate", url=database_url).stdout == "Nothing to do: the schema is up to date.\n"


def test_the_command_says_what_it_needs() -> None:
    without = team("key", "list")
    assert (without.returncode, "Set TELECMI_DATABASE_URL" in without.stderr) == (2, True)
    away = team("migrate", url=SecretStr(f"postgresql://team:{PASSWORD}@127.0.0.1:9/none"))
    assert (away.returncode, away.stdout) == (3, "")
    assert len(away.stderr.splitlines()) == 1
    assert "cannot be reached" in away.stderr
    assert PASSWORD not in away.stderr


def test_the_command_without_its_driver_says_what_to_install(tmp_path: Any) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = team("key", "list", url=SecretStr("postgresql://127.0.0.1:9/none"), PYTHONPATH=path)
    assert done.returncode == 2
    assert "telecmi-mcp[team]" in done.stderr
