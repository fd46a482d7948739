"""Prepares stdout and stderr for any text, and ends a command whose output cannot be written."""

from __future__ import annotations

import errno
import io
import os
import sys

from telecmi_mcp._stdio.descriptors import fill_standard_descriptors
from telecmi_mcp.errors import FileUnusable

_UNWRITABLE = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}
_WINDOWS_BROKEN_PIPE = errno.EINVAL


def prepare_streams() -> None:
    """Open a closed stream on the null device, and print a character that an encoding lacks as a question mark."""
    fill_standard_descriptors()
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a descriptor, until the process ends
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
    if isinstance(sys.stdout, io.TextIOWrapper):  # Python itself prepares stderr: it writes an escape
        sys.stdout.reconfigure(errors="replace")


def can_print(text: str) -> bool:
    """Return True if the encoding of stdout has every character of a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def is_broken_pipe(error: BaseException) -> bool:
    """Return True if the reader of stdout or stderr has ended.

    The errors of sockets and of child processes are mapped where they occur, so none of them reaches ``main``.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_broken_pipe, error.exceptions))
    is_pipe_of_windows = sys.platform == "win32" and getattr(error, "errno", None) == _WINDOWS_BROKEN_PIPE
    return isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and is_pipe_of_windows)


def unwritable(error: BaseException) -> FileUnusable | None:
    """Return the error for an output that cannot be written, such as a full disk; ``None`` for any other error."""
    if isinstance(error, BaseExceptionGroup):
        found = [*map(unwritable, error.exceptions)]
        return found[0] if all(found) else None
    if not isinstance(error, OSError) or error.errno not in _UNWRITABLE:
        return None
    return FileUnusable(error.errno, hint="Choose another place for the output")


def discard_output() -> None:
    """Connect each stream that fails to the null device; else the flush at the end of the process fails again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
