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
from telecmi_mcp._team.config.variables import DATABASE_URL
from telecmi_mcp._team.db.migrate import migrate
from telecmi_mcp.errors import DatabaseUnavailable, StatementRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

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
    "options": "-c statement_timeout=10s -c lock_timeout=3s -c idle_in_transaction_session_timeout=30s",
}
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
    """

    def __init__(self, url: SecretStr, *, max_size: int = MAX_CONNECTIONS) -> None:
        """Create a pool; it connects when it is opened.

        Raises:
            ConfigurationError: The address is not valid.
        """
        self._parameters = _parameters_of(url)
        self._url = url
        self._pool = ConnectionPool(
            url.get_secret_value(),
            kwargs=dict(_OPTIONS),
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
            DatabaseUnavailable: It cannot be opened.
        """
        try:
            return psycopg.connect(self._url.get_secret_value(), autocommit=True, **_OPTIONS)  # type: ignore[arg-type]  # psycopg types its keywords as one kind
        except psycopg.Error as why:
            raise DatabaseUnavailable(detail=type(why).__name__) from None

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


def _parameters_of(url: SecretStr) -> dict[str, Any]:
    """Parse an address by libpq's rules, also by those that libpq checks only when it connects.

    Raises:
        ConfigurationError: The address is not valid. The message does not show it.
    """
    try:
        parameters = conninfo_to_dict(url.get_secret_value())
    except psycopg.Error:
        raise unusable(DATABASE_URL) from None
    hosts, ports = (str(parameters.get(name, "")).split(",") for name in ("host", "port"))
    are_words = all(parameters.get(name, min(words)) in words for name, words in _WORDS.items())
    if not (are_words and all(map(_is_port, ports)) and len(ports) in {1, len(hosts)}):
        raise unusable(DATABASE_URL)
    return parameters


def _is_port(text: str) -> bool:
    """Whether a text is a port number, or empty for libpq's default."""
    digits = text.strip()
    return not digits or (bool(_PORT.fullmatch(digits)) and 0 < int(digits) <= _MAX_PORT)
