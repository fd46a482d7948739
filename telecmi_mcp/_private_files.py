"""The user's state folder: files that only their owner reads, written whole, and a lock across processes."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

import anyio

from telecmi_mcp.errors import ConfigurationError, DeadlineExceeded

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

_MAX_BYTES = 1024 * 1024
_LONGEST_PATH = 100
_LOOK_AGAIN_SECONDS = 0.05


def state_folder() -> Path:
    """Where this user's programs keep what is to last; nothing is created yet."""
    from platformdirs import user_state_path  # a token in the environment needs no folder

    return user_state_path("telecmi-mcp", appauthor=False)


def read_private(path: Path) -> bytes:
    """Return what is in a file that only its owner may read; on Windows the folder's rights stand for the mode.

    Raises:
        ConfigurationError: Others may read it (the sentence is the command that mends that), or it is no file.
        OSError: It is not there, or cannot be read.
    """
    # Without O_NONBLOCK a named pipe would be waited for.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:  # so that what is checked is what is read
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ConfigurationError(hint="Name a file that holds the secret", fact="what is there is not a file")
        if sys.platform != "win32" and mode & 0o077:
            raise ConfigurationError(hint=f"Run {_mending(path)}", fact="other users can read this file")
        return file.read(_MAX_BYTES)


def _mending(path: Path) -> str:
    quoted = shlex.quote(str(path))
    return f"chmod 600 {quoted if len(quoted) <= _LONGEST_PATH and quoted.isprintable() else 'on ' + path.name[:40]}"


def write_private(path: Path, content: bytes) -> None:
    """Put a file in its place at once, readable by its owner only from its first moment.

    Raises:
        OSError: It cannot be written; what was there before is still there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:  # made with its mode
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@asynccontextmanager
async def held_lock(
    path: Path | None, *, patience: float, sleep: Callable[[float], Awaitable[None]] = anyio.sleep
) -> AsyncIterator[None]:
    """Hold a lock that one process has at a time; it ends with the process. Without a usable folder there is none.

    Raises:
        DeadlineExceeded: Another process held it for all of ``patience`` seconds.
    """
    descriptor = _opened(path)
    if descriptor is None:
        yield
        return
    try:
        with anyio.move_on_after(patience) as waiting:
            while not _took(descriptor):
                await sleep(_LOOK_AGAIN_SECONDS)
        if waiting.cancelled_caught:
            raise DeadlineExceeded(patience)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path | None) -> int | None:
    if path is None:
        return None
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    return None


def _took(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
