"""Writes the audit: one line of JSON for each call and for each end of a key, without arguments, contents or tokens.

A program that uses ``create_app`` can add a handler to the logger ``telecmi_mcp.audit`` before it starts the app. Then
that handler gets the lines, and nothing is written here.
"""

from __future__ import annotations

import json
import logging
import os
import select
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telecmi_mcp._team.auth.key_events import KeyEvent

_log = logging.getLogger(__name__)

LOGGER = "telecmi_mcp.audit"

_DESCRIPTORS = {"stdout": 1, "stderr": 2}
_MAX_QUEUED_LINES = 10_000  # about 2 MB
# Of a caller: the identity provider chooses the name. A pipe takes lines of up to 4,096 bytes in one piece (POSIX).
_MAX_NAME_CHARS = 128
_FLUSH_TIMEOUT_S = 3.0
_GATHER_S = 0.05  # each time that the thread runs, it takes the interpreter from a call


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

    def write_key_event(self, event: KeyEvent) -> None:
        """Write one line about a key, in ASCII."""
        if self._on:
            self._logger.info("%s", self._key_line(event))

    def _key_line(self, event: KeyEvent) -> str:
        ends = {"ends": _time(event.ends_at.timestamp())} if event.ends_at else {}
        facts = {
            "time": _time(self._now()),
            "caller": event.caller[:_MAX_NAME_CHARS],
            "event": event.event,
            "key": event.key_id,
            **ends,
            "replica": self._replica,
        }
        return json.dumps(facts)

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

    The thread writes lines at most 20 times a second. Records that do not fit into the queue are dropped, and a later
    line tells how many.

    ``QueueHandler`` and ``QueueListener`` of the standard library do not fit: the listener's ``stop`` waits for a full
    pipe without end, and the handler writes a traceback for each record that does not fit into the queue.

    Args:
        fd: The descriptor; it is not closed.
        max_queued: Maximum number of queued lines.
    """

    def __init__(self, fd: int, *, max_queued: int = _MAX_QUEUED_LINES) -> None:
        super().__init__()
        self._fd = fd
        self._max_queued = max_queued
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._dropped = 0
        self._counting = Lock()
        self._is_closing = Event()
        # A daemon, because a pipe that is not read must not keep the process from ending.
        self._thread = Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's message without waiting for the descriptor."""
        if self._lines.qsize() < self._max_queued:
            self._lines.put(record.getMessage().encode("ascii", "backslashreplace") + b"\n")
        else:
            self._count_dropped(1)

    def close(self) -> None:
        """Write the queued lines, for three seconds at most."""
        self._lines.put(None)
        self._is_closing.set()
        self._thread.join(_FLUSH_TIMEOUT_S)
        if self._thread.is_alive():
            _log.warning("audit lines were not written: %d", self._lines.qsize() + self._dropped)
        super().close()

    def _run(self) -> None:
        line: bytes | None = b""
        is_failing = False
        while line is not None:
            line, dropped = self._next_line(), self._dropped
            try:
                _write_all(self._fd, _dropped_line(dropped) + (line or b""))
                self._count_dropped(-dropped)
                is_failing = False
            except OSError as why:
                self._count_dropped(1)
                if not is_failing:
                    _log.warning("audit lines cannot be written: %s", type(why).__name__)
                is_failing = True

    def _next_line(self) -> bytes | None:
        """Wait for a line, and for those that follow it soon."""
        is_first = self._lines.empty()
        line = self._lines.get()
        if is_first:
            self._is_closing.wait(_GATHER_S)
        return line

    def _count_dropped(self, number: int) -> None:
        with self._counting:
            self._dropped += number


def _dropped_line(dropped: int) -> bytes:
    facts = {"time": _time(time.time()), "dropped": dropped}
    return json.dumps(facts).encode() + b"\n" if dropped else b""


def _write_all(fd: int, piece: bytes) -> None:
    while piece:
        try:
            piece = piece[os.write(fd, piece) :]
        except BlockingIOError:  # another process has made the shared descriptor non-blocking
            select.select([], [fd], [])
