"""The audit: one line of JSON for each call, without arguments, contents or tokens.

Whoever runs ``create_app`` can take the lines by a handler at the logger ``telecmi_mcp.audit``, set before the app is
started: then nothing is written here.
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
_MOST_WAITING = 10_000  # lines, some 2 MB
_WHOLE = 4096  # bytes that a pipe takes in one piece, and so whole, from each of several processes (POSIX: PIPE_BUF)
_LONGEST_NAME = 128  # of a caller: what it is called is the identity provider's
_FLUSH_SECONDS = 3.0


class Entry(NamedTuple):
    """One call that has ended.

    Attributes:
        caller: Who called.
        method: The MCP method.
        tool: What of it, by a name of ours; "" where there is nothing to tell apart.
        outcome: ``ok``, the code of our error, ``cancelled``, ``protocol_error`` or ``defect``.
        seconds: How long it took.
        contacts: How many contacts the answer held.
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
        replica: A name of this process, which its metrics have too.
        on: Whether anything is written.
        now: Tells the Unix time.
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
            "caller": entry.caller[:_LONGEST_NAME],
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
    """Open the audit, and write what waits at the end.

    Args:
        where: ``stdout``, ``stderr`` or ``off``.
        replica: A name of this process.
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
    logger.propagate = False  # else each line would be in the log as well
    logger.addHandler(lines)
    try:
        yield Audit(replica)
    finally:
        logger.removeHandler(lines)
        logger.setLevel(before[0])
        logger.propagate = before[1]
        lines.close()


class LineWriter(logging.Handler):
    """Writes records to a descriptor by a thread of its own, so that nobody waits for a pipe that is full.

    What does not fit into the queue is dropped, and a line says how many that were once there is room again.

    Args:
        fd: The descriptor; it is not closed.
        most_waiting: How many lines may wait.
    """

    def __init__(self, fd: int, *, most_waiting: int = _MOST_WAITING) -> None:
        super().__init__()
        self._fd = fd
        self._most_waiting = most_waiting
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._ended = False
        self._changed = Condition()
        # A daemon, because a pipe that nobody empties must not keep the process from leaving.
        self._thread = Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's message; this never waits for the descriptor."""
        line = record.getMessage().encode("ascii", "backslashreplace") + b"\n"
        with self._changed:
            if len(self._lines) >= self._most_waiting or self._ended:
                self._dropped += 1
                return
            self._lines.append(line)
            self._changed.notify()

    def close(self) -> None:
        """Write what waits, for some seconds at most."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(_FLUSH_SECONDS)
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
        """Whole lines that fit into one write, once there are some; b"" at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._ended)
            piece = self._complaint()
            while self._lines and (not piece or len(piece) + len(self._lines[0]) <= _WHOLE):
                piece += self._lines.popleft()
            return piece

    def _complaint(self) -> bytes:
        if not self._dropped:
            return b""
        facts = {"time": _time(time.time()), "dropped": self._dropped}
        self._dropped = 0
        return json.dumps(facts).encode() + b"\n"


def _write_all(fd: int, piece: bytes) -> None:
    while piece:
        try:
            piece = piece[os.write(fd, piece) :]
        except BlockingIOError:  # whoever shares the descriptor made it so
            select.select([], [fd], [])
