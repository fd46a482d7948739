"""Claims the descriptors 0 and 1 for the transport, and tells which descriptors can be waited for."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCKING = sys.platform == "win32"
"""Whether the event loop cannot wait for pipes, so that threads read and write."""


def fill_standard_descriptors() -> None:
    """Open the null device where a client left 0, 1 or 2 closed, before another file gets that number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf8")  # noqa: SIM115 - open until the process ends


@contextmanager
def claimed() -> Iterator[tuple[int, int]]:
    """Yield copies of the descriptors 0 and 1 that nothing else uses.

    Meanwhile 0 is the null device and 1 is stderr, so that a stray print, here or in a child, is harmless.
    """
    _flush()
    wire = os.dup(0), os.dup(1)
    modes = [BLOCKING or os.get_blocking(fd) for fd in wire]
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    try:
        yield wire
    finally:
        _flush()
        for fd, private in enumerate(wire):
            if not BLOCKING:
                os.set_blocking(private, modes[fd])  # the mode belongs to the open file, which others may share
            os.dup2(private, fd)
            os.close(private)


def can_wait_for(fd: int) -> bool:
    """Whether the event loop can wait until the descriptor is ready: pipes and sockets, on POSIX."""
    mode = os.fstat(fd).st_mode
    return not BLOCKING and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def may_not_block(fd: int) -> bool:
    """Whether the descriptor may be set to non-blocking: not if stderr shares its file, and so its mode."""
    return can_wait_for(fd) and not _same_file(fd, 2)


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


def _flush() -> None:
    if sys.stdout is not None:  # None under pythonw
        sys.stdout.flush()
