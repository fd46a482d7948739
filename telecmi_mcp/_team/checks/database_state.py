"""Reads the state of a team server's database in one read-only transaction, without a pool and without migrating."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import psycopg

from telecmi_mcp._team.auth.key_records import keys_ending_soon
from telecmi_mcp._team.db.database import Database, is_pooled
from telecmi_mcp._team.db.migrate import missing_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from telecmi_mcp._team.db.database import Connection

_CONNECT_TIMEOUT_S = 3  # for each host of the address
_TCP_TIMEOUT_MS = 5000
_TIME_LIMITS = "SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '3s'"
_SERVER = """
    SELECT current_setting('server_version'), current_setting('server_version_num')::int,
    current_setting('server_encoding'), pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool,
    has_database_privilege(current_database(), 'CREATE'),
    coalesce(has_schema_privilege(to_regnamespace('telecmi_mcp'), 'USAGE')
        AND has_schema_privilege(to_regnamespace('telecmi_mcp'), 'CREATE'), true)
"""
_CLOSED_TABLES = """
    SELECT count(*) FROM pg_class
    WHERE relnamespace = to_regnamespace('telecmi_mcp') AND relkind IN ('r', 'v')
    AND NOT (has_table_privilege(oid, 'SELECT') AND (relkind = 'v' OR has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')))
"""
_CALLERS = """
    SELECT (SELECT count(DISTINCT name) FROM telecmi_mcp.issued_key
        WHERE revoked_at IS NULL AND (ends_at IS NULL OR ends_at > now())),
    (SELECT count(DISTINCT caller) FROM telecmi_mcp.caller_sign_in)
"""
_INDEXES = """
    SELECT account_id, version, contacts, state, extract(epoch FROM used_at)::float8
    FROM telecmi_mcp.mirror WHERE state <> '{}' ORDER BY account_id
"""
_FACTS = ("version", "version_number", "encoding", "is_read_only", "may_create_schema", "may_use_schema")


class Failure(StrEnum):
    """Why the state could not be read."""

    UNREACHABLE = "unreachable"
    NO_DATABASE = "no database"
    NO_CREDENTIAL = "no credential"
    REFUSED = "refused"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """The index of one account, without its contacts.

    Attributes:
        account_id: Number of the account; its name is not stored.
        version: Version of the index's rows.
        contacts: Number of contacts.
        state: The saved state of the sync.
        used_at: Unix time of the last write.
    """

    account_id: int
    version: int
    contacts: int
    state: Mapping[str, str]
    used_at: float


@dataclass(frozen=True, slots=True)
class KeyEnd:
    """A valid access key that ends soon.

    Attributes:
        caller: Name of the caller.
        key_id: Id of the key, which is not secret.
        days: Days until the end.
    """

    caller: str
    key_id: str
    days: int


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What the database says about itself.

    Attributes:
        failure: Why nothing else is known; ``None`` if the state was read.
        version: Version of PostgreSQL, for people.
        version_number: The same as PostgreSQL counts, such as 150012.
        encoding: Encoding of the database.
        is_pooler: Whether a pooler such as pgbouncer answers in the place of PostgreSQL.
        is_read_only: Whether it is a standby, or read-only by its settings.
        may_create_schema: Whether the user may create a schema.
        may_use_schema: Whether the user may read and extend the schema; True if there is none yet.
        closed_tables: Number of tables that the user may not read and write.
        missing_steps: Number of migrations that are not applied yet.
        callers_with_keys: Number of callers with a valid access key; ``None`` without the schema of this version.
        ending_keys: The keys that end soon, the next end first.
        callers_signed_in: Number of callers with a TeleCMI sign-in; ``None`` without the schema of this version.
        indexes: The indexes of all accounts.
    """

    failure: Failure | None = None
    version: str = ""
    version_number: int = 0
    encoding: str = ""
    is_pooler: bool = False
    is_read_only: bool = False
    may_create_schema: bool = True
    may_use_schema: bool = True
    closed_tables: int = 0
    missing_steps: int = 0
    callers_with_keys: int | None = None
    ending_keys: tuple[KeyEnd, ...] = ()
    callers_signed_in: int | None = None
    indexes: tuple[StoredIndex, ...] = ()

    @property
    def is_password_missing(self) -> bool:
        """Whether the database asked for a password, and there was none."""
        return self.failure is Failure.NO_CREDENTIAL


def read_database_state(url: SecretStr) -> DatabaseState:
    """Connect once and read the state; this blocks for some seconds at most for each host of the address.

    Raises:
        ConfigurationError: The address is not valid.
    """
    database = Database(url, max_size=1)  # checks the address; its pool is not opened
    try:
        connection = psycopg.connect(
            url.get_secret_value(),
            connect_timeout=_CONNECT_TIMEOUT_S,
            tcp_user_timeout=_TCP_TIMEOUT_MS,
            application_name="telecmi-mcp",
            client_encoding="UTF8",  # a database with SQL_ASCII sends bytes without this
        )
    except psycopg.Error as why:
        return DatabaseState(failure=_reason(database, why))
    try:
        with connection:
            connection.read_only = True
            connection.execute(_TIME_LIMITS.encode())
            return _read(connection)
    except psycopg.Error:
        return DatabaseState(failure=Failure.STATEMENT)


def _read(connection: Connection) -> DatabaseState:
    facts: dict[str, Any] = dict(zip(_FACTS, _row(connection, _SERVER), strict=True))
    facts["is_pooler"] = is_pooled(connection)
    if facts["may_use_schema"]:
        facts["closed_tables"] = _row(connection, _CLOSED_TABLES)[0]
        if not facts["closed_tables"]:
            facts["missing_steps"] = len(missing_steps(connection))
            if not facts["missing_steps"]:
                facts |= _read_contents(connection)
    return DatabaseState(**facts)


def _read_contents(connection: Connection) -> dict[str, Any]:
    keys, signed_in = _row(connection, _CALLERS)
    ending = keys_ending_soon(connection)
    return {
        "callers_with_keys": keys,
        "ending_keys": tuple(KeyEnd(key.name, key.key_id, key.remaining.days) for key in ending if key.remaining),
        "callers_signed_in": signed_in,
        "indexes": tuple(StoredIndex(*row) for row in connection.execute(_INDEXES)),
    }


def _row(connection: Connection, statement: str) -> tuple[Any, ...]:
    return connection.execute(statement.encode()).fetchone() or ()


def _reason(database: Database, why: psycopg.Error) -> Failure:
    """Return why there is no connection; libpq says so in translated text only."""
    if database.is_missing():
        return Failure.NO_DATABASE
    attempt = why.pgconn
    if attempt is not None and attempt.needs_password:
        return Failure.NO_CREDENTIAL
    if attempt is not None and attempt.used_password:
        return Failure.REFUSED
    return Failure.UNREACHABLE
