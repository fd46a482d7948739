"""Bounds the connections of a process below its limit of open files, and closes the longest idle ones first."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from telecmi_mcp._team.accounts.app_pool import MAX_TELECMI_CONNECTIONS

if TYPE_CHECKING:
    import asyncio

MAX_CONNECTIONS: Final = 2048
"""Maximum number of connections of callers, idle ones included."""

RESERVED_FILES: Final = 256
"""Open files for everything else: up to 64 connections to TeleCMI, up to 17 to PostgreSQL, those to the identity
provider and the collector, the process's own files, and connections that were just accepted."""

MIN_OPEN_FILES: Final = 64
"""Lowest limit of open files that the team server starts with."""

_ACCEPTED_AT_ONCE = 16
_LOG_PAUSE_S = 60.0
_NO_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_log = logging.getLogger(__name__)


def max_connections_for(open_files: int) -> int:
    """Return the number of connections below a limit of open files; at low limits half of the files are reserved."""
    return min(MAX_CONNECTIONS, open_files - min(RESERVED_FILES, open_files // 2))


def max_telecmi_connections_for(connections: int) -> int:
    """Return the number of connections to TeleCMI that fit into the reserved files beside so many callers."""
    return min(MAX_TELECMI_CONNECTIONS, connections // 4)


class Connection(Protocol):
    """A connection that can be closed while it is idle."""

    def abort(self) -> None:
        """Close it now, without waiting for the peer to read."""


class ConnectionLimit:
    """Counts the open connections of a process, and closes the longest idle one for each new one above the limit.

    A connection is idle from its start, and from the end of an answer, until the head of a request has arrived. A
    connection with an active request is never closed.
    """

    def __init__(self, most: int = MAX_CONNECTIONS) -> None:
        self._most = most
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # the longest idle one first
        self._is_reached = False
        self._logged_at: float | None = None

    @property
    def accepted_at_once(self) -> int:
        """Connections that are accepted between two checks of the limit; they must fit into the reserved files."""
        return max(1, min(_ACCEPTED_AT_ONCE, self._most // 16))

    def add(self, connection: Connection) -> bool:
        """Count a new connection; ``False`` if the limit is reached and no connection is idle."""
        if len(self._open) >= self._most and not self._make_room():
            return False
        self._open.add(connection)
        self._idle[connection] = None
        return True

    def remove(self, connection: Connection) -> None:
        """Stop counting a connection."""
        self._open.discard(connection)
        self._idle.pop(connection, None)

    def mark_busy(self, connection: Connection) -> None:
        """Note that a request has arrived on a connection."""
        self._idle.pop(connection, None)

    def mark_idle(self, connection: Connection) -> None:
        """Note that a connection is idle from now on."""
        self._idle.pop(connection, None)
        if connection in self._open:
            self._idle[connection] = None

    def handle_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle errors of an event loop: if a connection cannot be accepted, close an idle one and log one line.

        asyncio's own handler logs a traceback for each attempt, hundreds in a second. asyncio pauses for a second
        before it accepts again.
        """
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _NO_RESOURCES and "socket" in context):
            loop.default_exception_handler(context)
            return
        self._close_longest_idle()
        if self._logged_at is None or loop.time() - self._logged_at >= _LOG_PAUSE_S:
            self._logged_at = loop.time()
            _log.warning("no connection can be accepted for want of open files: raise the limit (ulimit -n)")

    def _make_room(self) -> bool:
        if not self._is_reached:
            self._is_reached = True
            _log.warning(
                "the limit of %d connections is reached: from now on the longest idle one is closed for each new one",
                self._most,
            )
        return self._close_longest_idle()

    def _close_longest_idle(self) -> bool:
        connection = next(iter(self._idle), None)
        if connection is None:
            return False
        self.remove(connection)
        connection.abort()
        return True
