"""Writes the audit: one line of JSON for each call, without arguments, contents or tokens.

A program that uses ``create_app`` can add a handler to the logger ``telecmi_mcp.audit`` before it starts the app. Then
that handler gets the lines, and nothing is written here.
"""

from __future__ import annotations

import json
import logging
import os
import select
import time
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Condition, Thread
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)

LOGGER = "telecmi_mcp.audit"

_DESCRIPTORS = {"stdout": 1, "stderr": 2}
_MAX_QUEUED_LINES = 10_000  # about 2 MB
_PIPE_BUF_BYTES = 4096  # a pipe takes so many bytes in one piece, also from several processes (POSIX)
_MAX_NAME_CHARS = 128  # of a caller: the identity provider chooses the name
_FLUSH_TIMEOUT_S = 3.0


class Entry(NamedTuple):
    """A call that has ended.

    Attributes:
        caller: Name of the caller.
        method: MCP method.
        tool: Name of the tool, prompt or resource; "" if the method has none.
        outcome: ``ok``, the code of an error of ours, ``cancelled``, ``protocol_error`` or ``defect``.
        seconds: Duration.
        contacts: Number of contacts in the answer.
    """

    caller: str
    method: str
    tool: str
    outcome: str
    seconds: float
    contacts: int


class Audit:
    """Writes entries to the logger.

    Args:
        replica: Name of this process, the same as in its metrics.
        on: Whether anything is written.
        now: Returns the Unix time.
    """

    def __init__(self, replica: str, *, on: bool = True, now: Callable[[], float] = time.time) -> None:
        self._replica = replica
        self._on = on
        self._now = now
        self._logger = logging.getLogger(LOGGER)

    def write(self, entry: Entry) -> None:
        """Write one line, in ASCII."""
        if self._on:
            self._logger.info("%s", self._line(entry))

    def _line(self, entry: Entry) -> str:
        facts = {
            "time": _time(self._now()),
            "caller": entry.caller[:_MAX_NAME_CHARS],
            "method": entry.method,
            "tool": entry.tool,
            "outcome": entry.outcome,
            "ms": round(entry.seconds * 1000, 1),
            "contacts": entry.contacts,
            "replica": self._replica,
        }
        return json.dumps(facts)


def _time(now: float) -> str:
    return datetime.fromtimestamp(now, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def open_audit(where: str, *, replica: str) -> Iterator[Audit]:
    """Open the audit, and write queued lines at the end.

    Args:
        where: ``stdout``, ``stderr`` or ``off``.
        replica: Name of this process.
    """
    logger = logging.getLogger(LOGGER)
    if where == "off" or logger.handlers:
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
        yield Audit(replica, on=where != "off")
        return
    lines = LineWriter(_DESCRIPTORS[where])
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False  # otherwise each line would be in the log too
    logger.addHandler(lines)
    try:
        yield Audit(replica)
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before[0])
        logger.propagate = before[1]
        lines.close()


class LineWriter(logging.Handler):
    """Writes records to a descriptor in a background thread, so that no call waits for a full pipe.

    Records that do not fit into the queue are dropped, and a later line tells how many.

    ``QueueHandler`` and ``QueueListener`` of the standard library do not fit: the listener's ``stop`` waits for a full
    pipe without end, the handler raises on a full queue, and neither writes several lines in one piece.

    Args:
        fd: The descriptor; it is not closed.
        max_queued: Maximum number of queued lines.
    """

    def __init__(self, fd: int, *, max_queued: int = _MAX_QUEUED_LINES) -> None:
        super().__init__()
        self._fd = fd
        self._max_queued = max_queued
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._ended = False
        self._changed = Condition()
        # A daemon, because a pipe that is not read must not keep the process from ending.
        self._thread = Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's message without waiting for the descriptor."""
        line = record.getMessage().encode("ascii", "backslashreplace") + b"\n"
        with self._changed:
            if len(self._lines) >= self._max_queued or self._ended:
                self._dropped += 1
                return
            self._lines.append(line)
            self._changed.notify()

    def close(self) -> None:
        """Write the queued lines, for three seconds at most."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(_FLUSH_TIMEOUT_S)
        if self._thread.is_alive():
            _log.warning("audit lines were not written: %d", len(self._lines) + self._dropped)
        super().close()

    def _run(self) -> None:
        while piece := self._next_piece():
            try:
                _write_all(self._fd, piece)
            except OSError as why:
                with self._changed:
                    self._dropped += piece.count(b"\n")
                _log.warning("audit lines cannot be written: %s", type(why).__name__)
                if self._ended:
                    return

    def _next_piece(self) -> bytes:
        """Wait for lines, and return as many as fit into one write; b"" at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._ended)
            piece = self._dropped_line()
            while self._lines and (not piece or len(piece) + len(self._lines[0]) <= _PIPE_BUF_BYTES):
                piece += self._lines.popleft()
            return piece

    def _dropped_line(self) -> bytes:
        if not self._dropped:
            return b""
        facts = {"time": _time(time.time()), "dropped": self._dropped}
        self._dropped = 0
        return json.dumps(facts).encode() + b"\n"


def _write_all(fd: int, piece: bytes) -> None:
    while piece:
        try:
            piece = piece[os.write(fd, piece) :]
        except BlockingIOError:  # another process has made the shared descriptor non-blocking
            select.select([], [fd], [])
