"""Connects to PostgreSQL: a pool, time limits, and one error if the database is unreachable."""

from __future__ import annotations

import logging
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import psycopg
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from telecmi_mcp._config.variables import unusable
from telecmi_mcp._team.config.variables import DATABASE_DIRECT_URL, DATABASE_URL
from telecmi_mcp._team.db.migrate import migrate, missing_steps
from telecmi_mcp.errors import DatabaseUnavailable, SchemaOutdated, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from telecmi_mcp._config.variables import Setting

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
_T = TypeVar("_T")

_log = logging.getLogger(__name__)

MAX_CONNECTIONS = 14
"""Connections in the pool of one replica; with those for locks and logins it has fewer than twenty."""

_POOL_TIMEOUT_S = 2.0  # to wait for a connection of the pool
_UNAVAILABLE_S = 5.0
_OPTIONS = {
    "connect_timeout": 3,
    "application_name": "telecmi-mcp",
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
# Not as options of the connection: poolers refuse those.
_TIME_LIMITS = (
    "SET {scope} statement_timeout = '10s'; SET {scope} lock_timeout = '3s'; "
    "SET {scope} idle_in_transaction_session_timeout = '30s'"
)
_SESSION_LIMITS, _TRANSACTION_LIMITS = (_TIME_LIMITS.format(scope=scope).encode() for scope in ("SESSION", "LOCAL"))
_MAINTENANCE = "postgres"  # the database of every server, to query which others there are
_WORDS = {
    "sslmode": {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
    "channel_binding": {"disable", "prefer", "require"},
    "gssencmode": {"disable", "prefer", "require"},
    "target_session_attrs": {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"},
}
_MAX_PORT = 65_535
_PORT = re.compile("[0-9]{1,5}")
_UNAVAILABLE_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests)


class Database:
    """Pool of connections to one database.

    All methods except ``run`` block: call them in a thread. The pool replaces lost connections, so calls work again
    once the database is back.

    The address may be that of a pooler such as pgbouncer that gives each transaction another session of PostgreSQL.
    Then each transaction sets its own time limits, and no statement is prepared. Locks need a session, and so another
    address.
    """

    def __init__(self, url: SecretStr, *, direct_url: SecretStr | None = None, max_size: int = MAX_CONNECTIONS) -> None:
        """Create a pool; it connects when it is opened.

        Args:
            url: Address of the database, or of a pooler.
            direct_url: Address of the database for locks; ``None`` for the same.
            max_size: Maximum number of connections.

        Raises:
            ConfigurationError: An address is not valid.
        """
        self._parameters = _parameters_of(url, DATABASE_URL)
        if direct_url is not None:
            _parameters_of(direct_url, DATABASE_DIRECT_URL)
        self._url = url
        self._direct_url = direct_url
        self._pool = ConnectionPool(
            url.get_secret_value(),
            kwargs=dict(_OPTIONS),
            configure=_configure,
            min_size=1,
            max_size=max_size,
            timeout=_POOL_TIMEOUT_S,
            max_waiting=200,
            check=ConnectionPool.check_connection,
            reconnect_timeout=_POOL_TIMEOUT_S,  # then the next call connects at once, instead of after a long pause
            open=False,
        )
        self._threads = CapacityLimiter(max_size)  # not those of searches, which may all be busy
        self._unavailable_until = 0.0
        self._is_pooler_reported = False

    @property
    def is_away(self) -> bool:
        """Whether a call waited in vain some seconds ago; a call that can do without the database need not wait."""
        return time.monotonic() < self._unavailable_until

    def open(self) -> None:
        """Begin to connect; while the database is unreachable, the calls that need it try again."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def migrate(self) -> int:
        """Bring the schema up to this version, and return the number of applied migrations.

        Raises:
            DatabaseUnavailable: It cannot be reached.
            StatementRejected: It refuses a statement.
        """
        with self.connection() as connection:
            return migrate(connection)

    def require_schema(self) -> None:
        """Check that the schema is of this version, or of a later one, without changing it.

        Raises:
            DatabaseUnavailable: It cannot be reached.
            SchemaOutdated: Migrations are missing.
            StatementRejected: It refuses a statement.
        """
        with self.connection() as connection:
            if missing_steps(connection):
                raise SchemaOutdated

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield a connection inside one transaction.

        Raises:
            DatabaseUnavailable: There is no connection, or it was lost; nothing was committed.
            StatementRejected: The database refuses a statement.
        """
        try:
            with self._pool.connection() as connection:
                self._unavailable_until = 0.0
                if connection.prepare_threshold is None:  # see _configure
                    connection.execute(_TRANSACTION_LIMITS)
                yield connection
        except _UNAVAILABLE_ERRORS as why:
            if isinstance(why, PoolTimeout):
                self._unavailable_until = time.monotonic() + _UNAVAILABLE_S
            raise DatabaseUnavailable(detail=type(why).__name__) from None
        except psycopg.Error as why:
            _log.error("the database refused a statement: %s %s", type(why).__name__, why.sqlstate)
            raise StatementRejected(detail=f"{type(why).__name__} {why.sqlstate}") from None

    def connect_apart(self) -> Connection:
        """Open a connection outside the pool that commits each statement: for locks of its session.

        Raises:
            DatabaseUnavailable: It cannot be opened, or it leads to a pooler, where a lock would outlive its holder.
        """
        url = self._direct_url or self._url
        try:
            connection = psycopg.connect(url.get_secret_value(), autocommit=True, **_OPTIONS)  # type: ignore[arg-type]  # psycopg types its keywords as one kind
            if self._direct_url is None and _is_pooled(connection):
                connection.close()
                raise self._pooler_error()
            connection.execute(_SESSION_LIMITS)
        except psycopg.Error as why:
            raise DatabaseUnavailable(detail=type(why).__name__) from None
        return connection

    def _pooler_error(self) -> DatabaseUnavailable:
        if not self._is_pooler_reported:
            self._is_pooler_reported = True
            _log.error(
                "%s leads to a connection pooler: set %s to the address of PostgreSQL itself, because locks need it",
                DATABASE_URL.variable,
                DATABASE_DIRECT_URL.variable,
            )
        return DatabaseUnavailable(detail="a connection pooler")

    def is_missing(self) -> bool:
        """Whether the server answers and has no database of this name; libpq says so in translated text only."""
        statement = "SELECT count(*) FROM pg_database WHERE datname = coalesce(%s, current_user)"
        keywords: dict[str, Any] = {**_OPTIONS, "dbname": _MAINTENANCE}
        try:
            with psycopg.connect(self._url.get_secret_value(), **keywords) as connection:
                found = connection.execute(statement, (self._parameters.get("dbname"),)).fetchone()
        except psycopg.Error:
            return False
        return found == (0,)

    async def run(self, operation: Callable[[Connection], _T]) -> _T:
        """Run an operation in a thread, as one transaction. A cancelled call leaves it; it may still be committed.

        Raises:
            DatabaseUnavailable: There is no connection, or it was lost.
            StatementRejected: The database refuses a statement.
        """
        return await run_sync(self._do, operation, abandon_on_cancel=True, limiter=self._threads)

    def _do(self, operation: Callable[[Connection], _T]) -> _T:
        with self.connection() as connection:
            return operation(connection)


def _configure(connection: Connection) -> None:
    """Set the time limits of a new connection; a pooler's connection gets them in each transaction."""
    if _is_pooled(connection):
        connection.prepare_threshold = None  # the next transaction may run in another session, which does not know it
    else:
        connection.execute(_SESSION_LIMITS)
    connection.commit()


def _is_pooled(connection: Connection) -> bool:
    """Whether a pooler answers: it invents the number of the process that PostgreSQL tells a client at the start."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row != (connection.info.backend_pid,)


def _parameters_of(url: SecretStr, setting: Setting) -> dict[str, Any]:
    """Parse an address by libpq's rules, also by those that libpq checks only when it connects.

    Raises:
        ConfigurationError: The address is not valid. The message does not show it.
    """
    try:
        parameters = conninfo_to_dict(url.get_secret_value())
    except psycopg.Error:
        raise unusable(setting) from None
    hosts, ports = (str(parameters.get(name, "")).split(",") for name in ("host", "port"))
    are_words = all(parameters.get(name, min(words)) in words for name, words in _WORDS.items())
    if not (are_words and all(map(_is_port, ports)) and len(ports) in {1, len(hosts)}):
        raise unusable(setting)
    return parameters


def _is_port(text: str) -> bool:
    """Whether a text is a port number, or empty for libpq's default."""
    digits = text.strip()
    return not digits or (bool(_PORT.fullmatch(digits)) and 0 < int(digits) <= _MAX_PORT)
