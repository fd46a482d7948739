"""Where the index stands: in this process's memory, or in a file of the user's cache folder.

Of the processes that share a file, one writes: the holder of a lock of the operating system, which ends with its
process, however that ends. A second writer would also meet SQLite's WAL-reset defect (3.7.0 to 3.51.2).
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from telecmi_mcp._index import Index
from telecmi_mcp.errors import IndexUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from telecmi_mcp._search import Store

_log = logging.getLogger(__name__)

_FORGOTTEN = 30 * 86_400.0  # seconds after which the file of another account is removed: a token's life
_KEY_BYTES = 32
_FILES = ("", "-wal", "-shm", "-journal")


class Shelf(Protocol):
    """Gives the index, wherever it stands. All methods block; call them in a thread."""

    @property
    def is_writer(self) -> bool:
        """Whether this process may write the index that it was given."""
        ...

    def take(self) -> Store:
        """Return the store to use now; another than before when there is one to write, or a new file.

        Raises:
            IndexUnusable: It cannot be opened.
            DatabaseAway: It is in a database that cannot be reached.
        """
        ...

    def wipe(self) -> None:
        """Remove an index that is malformed."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class MemoryShelf:
    """An index in memory, made when it is first taken; gone with the process."""

    is_writer = True

    def __init__(self) -> None:
        self._index: Index | None = None

    def take(self) -> Index:
        """Return the one index."""
        if self._index is None:
            self._index = Index()
        return self._index

    def wipe(self) -> None:
        """Start with an empty one."""
        self.close()

    def close(self) -> None:
        """Let go of all contacts."""
        if self._index is not None:
            self._index.close()
            self._index = None


class FileShelf:
    """An index in a file, written by whoever holds its lock and read by everybody else.

    Args:
        folder: Where the file is; made with mode 0700.
        owner: Whose contacts they are: the base URL and the user, or the token where only that is known.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._path: Path | None = None
        self._lock: _Lock | None = None
        self._index: Index | None = None
        self._inode: tuple[int, int] | None = None
        self._empty: Index | None = None
        self._retired: list[Index] = []
        self.is_writer = False

    def take(self) -> Index:
        """Return the index, opened for writing as soon as no other process does."""
        try:
            return self._take()
        except OSError as error:
            raise IndexUnusable(type(error).__name__, malformed=False) from None

    def wipe(self) -> None:
        """Remove the file, if this process writes it."""
        if self.is_writer and self._path:
            _unlink(self._path)

    def close(self) -> None:
        """Close the file and let the next process write."""
        self._retire()
        for index in (*self._retired, *filter(None, [self._empty])):
            index.close()
        self._retired.clear()
        self._empty = None
        if self._lock:
            self._lock.release()
        self.is_writer = False

    def _take(self) -> Index:
        if self._path is None:
            self._path = index_path(self._folder, self._owner)
            self._lock = _Lock(self._path.with_suffix(".lock"))
        if not self.is_writer and self._lock and self._lock.acquire():
            self.is_writer = True
            self._retire()
            _remove_forgotten(self._folder, but=self._path)
        if self._index is None or self._inode != _inode(self._path):
            self._retire()
            self._index = _written(self._path) if self.is_writer else _read(self._path)
            self._inode = _inode(self._path)
        return self._index or self._nothing_yet()

    def _nothing_yet(self) -> Index:
        self._empty = self._empty or Index()
        return self._empty

    def _retire(self) -> None:
        """Put the index aside: a search may still be in it."""
        if self._index is not None:
            self._retired.append(self._index)
        self._index = self._inode = None


@dataclass(frozen=True, slots=True)
class Shelved:
    """An index file as somebody else sees it; ``contacts`` is ``None`` if it cannot be read."""

    path: Path
    size: int
    contacts: int | None
    state: dict[str, str]
    has_writer: bool


def cache_folder() -> Path:
    """The folder of the files, in the user's cache."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - late: an index in memory needs no folder

    return user_cache_path("telecmi-mcp", appauthor=False)


def index_path(folder: Path, owner: str) -> Path:
    """Where the index of an owner is.

    The name is a hash under a key that never leaves the folder, so that it tells nothing about a token by itself.
    """
    _make_private(folder)
    name = blake2b(owner.encode(), key=_key(folder), digest_size=16).hexdigest()
    return folder / f"{name}.db"


def find_index(folder: Path, owner: str) -> Path | None:
    """Where the index of an owner is, if there is one; nothing is made."""
    if not (folder / "key").exists():
        return None
    path = index_path(folder, owner)
    return path if path.exists() else None


def forget_index(folder: Path, owner: str) -> bool:
    """Remove the index of an owner, as signing out does, and say whether there was one.

    Raises:
        IndexUnusable: It cannot be removed: on Windows, because it is in use.
    """
    path = find_index(folder, owner)
    try:
        if path:
            _unlink(path)
    except OSError as error:
        raise IndexUnusable(type(error).__name__, malformed=False) from None
    return path is not None


def inspect_index(path: Path) -> Shelved:
    """Look at an index file without changing it."""
    lock = _Lock(path.with_suffix(".lock"))
    has_writer = not lock.acquire()
    try:
        size = sum(file.stat().st_size for file in _files(path))
        with Index(path, read_only=True) as index:
            return Shelved(path, size, index.count(), index.state(), has_writer)
    except IndexUnusable:
        return Shelved(path, size, None, {}, has_writer)
    finally:
        lock.release()


def clear_indexes(folder: Path) -> int:
    """Remove every index file of the folder and say how many there were: for `index clear`.

    A process that has one open goes on without it, notices at its next search, and begins a new one.

    Raises:
        IndexUnusable: One cannot be removed: on Windows, because it is in use.
    """
    paths = list(folder.glob("*.db"))
    try:
        for path in paths:
            _unlink(path)
    except OSError as error:
        raise IndexUnusable(type(error).__name__, malformed=False) from None
    return len(paths)


def _written(path: Path) -> Index:
    try:
        return Index(path)
    except IndexUnusable as error:
        if not error.malformed:
            raise
        _log.info("the index is made anew: %s", error.detail)
        _unlink(path)
        return Index(path)


def _read(path: Path) -> Index | None:
    """Open what another process writes; ``None`` until it has begun, and while it makes a malformed one anew."""
    try:
        return Index(path, read_only=True) if path.exists() else None
    except IndexUnusable as error:
        if not error.malformed:
            raise
        return None


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        if folder.stat().st_uid != os.getuid():
            raise PermissionError
        folder.chmod(0o700)


def _key(folder: Path) -> bytes:
    path = folder / "key"
    with suppress(FileNotFoundError):
        return path.read_bytes()
    fresh = folder / f"key.{os.getpid()}"
    _write_private(fresh, secrets.token_bytes(_KEY_BYTES))
    with suppress(FileExistsError):  # another process was faster, and its key counts
        os.link(fresh, path)
    fresh.unlink()
    return path.read_bytes()


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _remove_forgotten(folder: Path, *, but: Path) -> None:
    """Remove the files of accounts and tokens that were not used for long, unless they are in use."""
    for path in folder.glob("*.db"):
        lock = _Lock(path.with_suffix(".lock"))
        if path != but and path.stat().st_mtime < time.time() - _FORGOTTEN and lock.acquire():
            _unlink(path)
            lock.release()


def _files(path: Path) -> Iterator[Path]:
    return (file for end in _FILES if (file := path.with_name(path.name + end)).exists())


def _unlink(path: Path) -> None:
    for file in list(_files(path)):
        file.unlink(missing_ok=True)


def _inode(path: Path) -> tuple[int, int] | None:
    with suppress(FileNotFoundError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


class _Lock:
    """A lock of the operating system on a file: it ends with the process that holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock unless another process, or another lock of this one, has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _try_lock(descriptor)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let it go, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock_function() -> Callable[[int], None]:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only Windows has it

        return lambda descriptor: msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    import fcntl  # noqa: PLC0415 - Windows has it not

    return lambda descriptor: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


_try_lock = _lock_function()
