"""The state of a real database is read without changing it, whatever its user may do."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from pydantic import SecretStr

from team.pgbouncer import open_pooler
from team.postgres import PASSWORD
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._team.auth.access_keys import KeyLimits, add_key
from telecmi_mcp._team.checks.copies import describe_copies
from telecmi_mcp._team.checks.database import check_database, check_schema
from telecmi_mcp._team.checks.database_state import DatabaseState, Failure, read_database_state
from telecmi_mcp._team.db.database import Database
from telecmi_mcp._team.index.postgres_store import VERSION
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from team.postgres import Cluster

NOW = 1_790_000_000.0


def administer(url: SecretStr, *statements: str) -> None:
    with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def another_user(cluster: Cluster, name: str, *grants: str) -> Iterator[SecretStr]:
    """Yield the address of the database for a user with these rights only."""
    role = f"r{name}"
    administer(cluster.url(name), f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'", *(g % role for g in grants))
    try:
        yield SecretStr(cluster.url(name).get_secret_value().replace("//team:", f"//{role}:"))
    finally:
        administer(cluster.url(name), f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_an_empty_database_lacks_all_migrations_and_stays_empty(database_url: SecretStr) -> None:
    state = read_database_state(database_url)
    assert check_database(state).verdict == "good"
    assert (check_schema(state).verdict, state.callers_with_keys) == ("bad", None)
    with psycopg.connect(database_url.get_secret_value()) as connection:
        assert connection.execute("SELECT to_regnamespace('telecmi_mcp')").fetchone() == (None,)


def test_a_database_in_use_tells_its_callers_and_the_age_of_its_copies(
    database: Database, database_url: SecretStr
) -> None:
    sync = SyncState(generation=1, started_at=NOW - 90, ended_at=NOW - 60, is_whole=True, as_of=NOW - 90)
    with database.connection() as connection:
        add_key(connection, "priya")
        add_key(connection, "amal", KeyLimits(lifetime=timedelta(days=3, hours=1)))
        add_key(connection, "gone", KeyLimits(lifetime=timedelta(days=1)))
        connection.execute("UPDATE telecmi_mcp.limited_key SET expires_at = now() WHERE expires_at < now() + '2 days'")
        connection.execute("INSERT INTO telecmi_mcp.account (key) VALUES ('a'), ('b')")
        connection.execute(
            "INSERT INTO telecmi_mcp.mirror (account_id, version, contacts, state) SELECT account_id, %s, 7, %s "
            "FROM telecmi_mcp.account WHERE key = 'a'",
            (VERSION, json.dumps(sync.state)),
        )
        connection.execute(  # an index that is empty
            "INSERT INTO telecmi_mcp.mirror (account_id, version) SELECT account_id, %s FROM telecmi_mcp.account "
            "WHERE key = 'b'",
            (VERSION,),
        )
    state = read_database_state(database_url)
    assert (check_schema(state).verdict, state.callers_with_keys, state.callers_signed_in) == ("good", 2, 0)
    assert [(key.caller, key.days) for key in state.ending_keys] == [("amal", 3)]
    (copy,) = describe_copies(state.indexes, now=NOW)
    assert (copy["contacts"], copy["complete"], copy["age_s"]) == (7, True, 90)


def test_a_user_who_may_not_create_a_schema_is_told(cluster: Cluster) -> None:
    with cluster.database() as name, another_user(cluster, name) as url:
        assert "may not create the schema" in check_database(read_database_state(url)).says


def test_a_user_who_may_not_use_what_another_one_created_is_told(cluster: Cluster) -> None:
    with cluster.database() as name:
        owner = Database(cluster.url(name))
        owner.open()
        owner.migrate()
        owner.close()
        create = f"GRANT CREATE ON DATABASE {name} TO %s"
        with another_user(cluster, name, create) as url:
            assert "may not use the schema" in check_database(read_database_state(url)).says
        with another_user(cluster, name, create, "GRANT ALL ON SCHEMA telecmi_mcp TO %s") as url:
            assert "may not write" in check_database(read_database_state(url)).says


def test_a_database_with_another_encoding_is_told(cluster: Cluster) -> None:
    with cluster.database() as name:
        other = f"{name}a"
        administer(cluster.url(name), f"CREATE DATABASE {other} ENCODING 'SQL_ASCII' TEMPLATE template0")
        try:
            assert "its encoding is SQL_ASCII" in check_database(read_database_state(cluster.url(other))).says
        finally:
            administer(cluster.url(name), f"DROP DATABASE {other}")


@pytest.mark.parametrize(
    ("old", "new", "failure"),
    [
        (f":{PASSWORD}@", ":wrong@", Failure.REFUSED),
        (f":{PASSWORD}@", "@", Failure.NO_CREDENTIAL),
        ("127.0.0.1:", "127.0.0.1:1,127.0.0.1:", None),  # the second host answers
    ],
)
def test_the_reasons_for_no_connection_are_told_apart(
    database_url: SecretStr, old: str, new: str, failure: Failure | None
) -> None:
    text = database_url.get_secret_value()
    assert read_database_state(SecretStr(text.replace(old, new, 1))).failure is failure
    assert read_database_state(SecretStr("postgresql://a:b@127.0.0.1:1/c")).failure is Failure.UNREACHABLE


def test_a_database_that_does_not_exist_and_an_address_that_is_none_are_told(cluster: Cluster) -> None:
    assert read_database_state(cluster.url("never")) == DatabaseState(failure=Failure.NO_DATABASE)
    with pytest.raises(ConfigurationError):
        read_database_state(SecretStr("postgresql://a@b:x/c"))


def test_a_read_only_database_is_told(database_url: SecretStr, cluster: Cluster) -> None:
    name = database_url.get_secret_value().rpartition("/")[2]
    administer(cluster.url("postgres"), f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "read-only" in check_database(read_database_state(database_url)).says


def test_a_pooler_is_told_from_postgresql_itself(database: Database, cluster: Cluster, database_url: SecretStr) -> None:
    name = database_url.get_secret_value().rpartition("/")[2]
    with database.connection() as connection:
        add_key(connection, "priya")
    with open_pooler(cluster) as pooler:
        pooled, direct = read_database_state(pooler.url(name)), read_database_state(database_url)
    assert (pooled.is_pooler, direct.is_pooler) == (True, False)
    assert (check_database(pooled).verdict, pooled.callers_with_keys) == ("good", 1)
