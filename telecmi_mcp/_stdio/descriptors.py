"""The descriptors 0, 1 and 2: there, taken away from everybody else, and what can be waited for."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCKING = sys.platform == "win32"  # its event loop cannot wait for pipes: there, threads do


def fill_standard_descriptors() -> None:
    """Open the null device where a host left 0, 1 or 2 closed, before something else gets that number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf8")  # noqa: SIM115 - for the life of the process


@contextmanager
def claimed() -> Iterator[tuple[int, int]]:
    """Take the wire away from descriptors 0 and 1, so that nothing else can read or write it.

    Meanwhile 0 is the null device and 1 is stderr: a stray print, here or in a child, is harmless.
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
    """Whether a program can wait until the descriptor is ready: pipes and sockets, on POSIX."""
    mode = os.fstat(fd).st_mode
    return not BLOCKING and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def may_not_block(fd: int) -> bool:
    """Whether writing to the descriptor may be made not to block: the mode would be stderr's too, if that shares it."""
    return can_wait_for(fd) and not _same_file(fd, 2)


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


def _flush() -> None:
    if sys.stdout is not None:  # as it is under pythonw
        sys.stdout.flush()
