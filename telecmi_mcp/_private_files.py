"""Private files of this user: whole reads and writes, and locks across processes."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import anyio

from telecmi_mcp.errors import ConfigurationError, DeadlineExceeded

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

_MAX_FILE_BYTES = 1024 * 1024
_MAX_SHOWN_PATH_CHARS = 100
_LOCK_POLL_S = 0.05
_SAFE_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def state_folder() -> Path:
    """Return the folder of this user's lasting state; do not create it."""
    from platformdirs import user_state_path

    return user_state_path("telecmi-mcp", appauthor=False)


def read_private(path: Path) -> bytes:
    """Read a file that only its owner may read. On Windows the permissions of the folder replace the check of the mode.

    Raises:
        ConfigurationError: Other users may read the file (the hint is the command that corrects that), or the path
            is not a regular file.
        OSError: The file does not exist or cannot be read.
    """
    # O_NONBLOCK: opening a named pipe would block. A symbolic link is followed: secrets are often mounted as links.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, so that the checked file is the read file
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ConfigurationError(hint="Name a file that holds the secret", fact="the path is not a regular file")
        if sys.platform != "win32" and mode & 0o077:
            raise ConfigurationError(hint=f"Run {_chmod_command(path)}", fact="other users can read this file")
        return file.read(_MAX_FILE_BYTES)


def read_private_json(path: Path) -> Any:
    """Return the JSON of a private file; ``None`` if it cannot be read."""
    try:
        return json.loads(read_private(path))
    except (OSError, ValueError, RecursionError, ConfigurationError):
        return None


def _chmod_command(path: Path) -> str:
    quoted = shlex.quote(str(path))
    is_shown = len(quoted) <= _MAX_SHOWN_PATH_CHARS and quoted.isprintable()
    return f"chmod 600 {quoted if is_shown else 'on ' + path.name[:40]}"


def open_private(path: Path, flags: int) -> int:
    """Open a file and return its descriptor. A new file gets mode 0600; a symbolic link or a named pipe is not opened.

    Raises:
        OSError: The file cannot be opened.
    """
    return os.open(path, flags | _SAFE_FLAGS, 0o600)


def write_private(path: Path, content: bytes, *, before_replace: Callable[[Path], object] = lambda _: None) -> None:
    """Replace a file atomically; its mode is 0600 from its creation on.

    Args:
        path: The file.
        content: Its new content.
        before_replace: Called with the path of the new file before that gets its name; an exception keeps the old file.

    Raises:
        OSError: The file cannot be written; the previous file is unchanged.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{token_hex(8)}")
    try:
        descriptor = open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, created with its mode
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        before_replace(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@asynccontextmanager
async def file_lock(
    path: Path | None, *, timeout_s: float, sleep: Callable[[float], Awaitable[None]] = anyio.sleep
) -> AsyncIterator[None]:
    """Hold an exclusive lock across processes; the operating system releases it when the process ends.

    Where the path is ``None`` or its folder is unusable, nothing is locked.

    Raises:
        DeadlineExceeded: Another process held the lock for all of ``timeout_s`` seconds.
    """
    descriptor = _open_lock_file(path)
    if descriptor is None:
        yield
        return
    try:
        with anyio.move_on_after(timeout_s) as waiting:
            while not try_lock(descriptor):
                await sleep(_LOCK_POLL_S)
        if waiting.cancelled_caught:
            raise DeadlineExceeded(timeout_s)
        yield
    finally:
        os.close(descriptor)


def _open_lock_file(path: Path | None) -> int | None:
    if path is None:
        return None
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    return None


def try_lock(descriptor: int) -> bool:
    """Lock an open file exclusively without waiting; return False if another descriptor holds the lock."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
