"""The PostgreSQL database of a team's server: a pool of connections, deadlines, and one error when it is away."""

from __future__ import annotations

import logging
import re
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import psycopg
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
"""Connections of one replica for what it asks; with those that hold locks it stays below twenty."""

_PATIENCE = 2.0  # seconds to wait for a connection of the pool
_AWAY_SECONDS = 5.0
_OPTIONS = {
    "connect_timeout": 3,
    "application_name": "telecmi-mcp",
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
    "options": "-c statement_timeout=10s -c lock_timeout=3s -c idle_in_transaction_session_timeout=30s",
}
_MAINTENANCE = "postgres"  # the database that every server has, to ask which others it has
_WORDS = {
    "sslmode": {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
    "channel_binding": {"disable", "prefer", "require"},
    "gssencmode": {"disable", "prefer", "require"},
    "target_session_attrs": {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"},
}
_MAX_PORT = 65_535
_PORT = re.compile("[0-9]{1,5}")
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests)


class Database:
    """A pool of connections to one database.

    All methods but ``run`` block; call them in a thread. A connection that was lost is replaced by the pool, so what
    failed while the database was away works again once it is back.
    """

    def __init__(self, url: SecretStr, *, max_size: int = MAX_CONNECTIONS) -> None:
        """Set a pool up, which connects when it is opened.

        Raises:
            ConfigurationError: The address cannot be one.
        """
        self._parameters = _parameters_of(url)
        self._url = url
        self._pool = ConnectionPool(
            url.get_secret_value(),
            kwargs=dict(_OPTIONS),
            min_size=1,
            max_size=max_size,
            timeout=_PATIENCE,
            max_waiting=200,
            check=ConnectionPool.check_connection,
            reconnect_timeout=30.0,
            open=False,
        )
        self._away_until = 0.0

    @property
    def is_away(self) -> bool:
        """Whether somebody waited in vain some seconds ago: whoever can do without it need not wait too."""
        return time.monotonic() < self._away_until

    def open(self) -> None:
        """Begin to connect; a database that is away is tried again for as long as this is open."""
        self._pool.open()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def migrate(self) -> int:
        """Bring the schema to what this version needs, and return how many steps that took.

        Raises:
            DatabaseAway: It cannot be reached.
            StatementRejected: It refuses a step.
        """
        with self.connection() as connection:
            return migrate(connection)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Hold a connection, inside one transaction.

        Raises:
            DatabaseAway: There is none, or it was lost; nothing was committed.
            StatementRejected: The database refuses a statement.
        """
        try:
            with self._pool.connection() as connection:
                self._away_until = 0.0
                yield connection
        except _AWAY as why:
            if isinstance(why, PoolTimeout):
                self._away_until = time.monotonic() + _AWAY_SECONDS
            raise DatabaseUnavailable(detail=type(why).__name__) from None
        except psycopg.Error as why:
            _log.error("the database refused a statement: %s %s", type(why).__name__, why.sqlstate)
            raise StatementRejected(detail=f"{type(why).__name__} {why.sqlstate}") from None

    def connect_apart(self) -> Connection:
        """Open a connection of its own, which commits each statement: for locks that last as long as it does.

        Raises:
            DatabaseAway: It cannot be opened.
        """
        try:
            return psycopg.connect(self._url.get_secret_value(), autocommit=True, **_OPTIONS)  # type: ignore[arg-type]  # psycopg types its keywords as one kind
        except psycopg.Error as why:
            raise DatabaseUnavailable(detail=type(why).__name__) from None

    def is_missing(self) -> bool:
        """Whether the server answers, and has no database of this name; libpq tells that by translated text only."""
        statement = "SELECT count(*) FROM pg_database WHERE datname = coalesce(%s, current_user)"
        keywords: dict[str, Any] = {**_OPTIONS, "dbname": _MAINTENANCE}
        try:
            with psycopg.connect(self._url.get_secret_value(), **keywords) as connection:
                found = connection.execute(statement, (self._parameters.get("dbname"),)).fetchone()
        except psycopg.Error:
            return False
        return found == (0,)

    async def run(self, operation: Callable[[Connection], _T]) -> _T:
        """Do it with a connection, in a thread, as one transaction.

        Raises:
            DatabaseAway: There is no connection, or it was lost.
            StatementRejected: The database refuses a statement.
        """
        return await run_sync(partial(self._do, operation))

    def _do(self, operation: Callable[[Connection], _T]) -> _T:
        with self.connection() as connection:
            return operation(connection)


def _parameters_of(url: SecretStr) -> dict[str, Any]:
    """Return what an address says, by libpq's own rules, and by those that libpq looks at only when it connects.

    Raises:
        ConfigurationError: It says what cannot be. The sentence does not show it.
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
    """Whether it is a port's number; where none is written, libpq takes its default."""
    digits = text.strip()
    return not digits or (bool(_PORT.fullmatch(digits)) and 0 < int(digits) <= _MAX_PORT)
