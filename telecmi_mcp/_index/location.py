"""Where the index stands: in this process's memory, or in a file of the user's cache folder.

Of the processes that share a file, one writes: the holder of a lock of the operating system, which ends with its
process, however that ends. A second writer would also meet SQLite's WAL-reset defect (3.7.0 to 3.51.2).
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from telecmi_mcp._index.files import (
    NOT_OURS,
    FileLock,
    Inodes,
    all_indexes,
    files_of,
    index_path,
    inodes_of,
    is_ours,
    is_private,
    is_sound,
    reason_of,
    remove_index,
)
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp.errors import IndexUnusable

if TYPE_CHECKING:
    from pathlib import Path

    from telecmi_mcp._search import ContactStore

_log = logging.getLogger(__name__)

_FORGOTTEN = 30 * 86_400.0  # seconds after which the file of another account is removed: a token's life


class IndexLocation(Protocol):
    """Gives the index, wherever it stands. All methods block; call them in a thread."""

    @property
    def is_writer(self) -> bool:
        """Whether this process may write the index that it was given."""
        ...

    @property
    def notice(self) -> str:
        """What a reader of answers must be told of the place; "" if nothing."""
        ...

    def take(self) -> ContactStore:
        """Return the store to use now; another than before when there is one to write, or a new file.

        Raises:
            IndexUnusable: It cannot be opened.
            DatabaseAway: It is in a database that cannot be reached.
        """
        ...

    def wipe(self) -> None:
        """Remove an index that is malformed."""
        ...

    def retreat(self, reason: str) -> bool:
        """Go on in memory, because the index cannot be where it is; False where that is no choice."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class MemoryLocation:
    """An index in memory, made when it is first taken; gone with the process."""

    is_writer = True
    notice = ""

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

    def retreat(self, _: str) -> bool:
        """Start with an empty one."""
        self.close()
        return True

    def close(self) -> None:
        """Let go of all contacts."""
        if self._index is not None:
            self._index.close()
            self._index = None


class FileLocation:
    """An index in a file, written by whoever holds its lock and read by everybody else.

    What stands at the place is looked at with each `take`, and before each change. Where it is no longer the file that
    was opened, a new one is made; where no file can be used, the index goes on in memory until the process ends, with
    what was read of the file before, and `notice` says why.

    Args:
        folder: Where the file is; made with mode 0700.
        owner: Whose contacts they are: the base URL and the user, or the token where only that is known.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._path: Path | None = None
        self._lock: FileLock | None = None
        self._index: Index | None = None
        self._inodes: Inodes = ()
        self._memory: Index | None = None
        self._empty: Index | None = None
        self._retired: list[Index] = []
        self.notice = ""

    @property
    def is_writer(self) -> bool:
        """Whether this process may write the index that it was given."""
        return self._memory is not None or (self._lock is not None and self._lock.is_held())

    def take(self) -> Index:
        """Return the index, opened for writing as soon as no other process does."""
        try:
            return self._memory or self._take()
        except OSError as error:
            self.retreat(reason_of(error))
        except IndexUnusable as unusable:
            if unusable.malformed:
                raise
            self.retreat(unusable.reason)
        return self._memory or self._nothing_yet()

    def wipe(self) -> None:
        """Remove the file, if this process writes it; what is in memory too."""
        if self._memory:
            self._retired.append(self._memory)
            self._memory = Index()
        self._retire()
        if self.is_writer and self._path:
            with suppress(OSError):  # the next `take` meets it, and goes on in memory
                remove_index(self._path)

    def retreat(self, reason: str) -> bool:
        """Go on in memory, with what can be read of the file if that is still this user's alone."""
        _log.warning("the index is kept in memory: %s", reason)
        if self._memory:
            self._retired.append(self._memory)
        self._memory = self._salvaged() or Index()
        self._retire()
        self._release()
        self.notice = f"The index is kept in this server's memory only, because {reason}."
        return True

    def close(self) -> None:
        """Close the file and let the next process write."""
        self._retire()
        for index in (*self._retired, *filter(None, [self._empty, self._memory])):
            index.close()
        self._retired.clear()
        self._empty = self._memory = None
        self._release()

    def _take(self) -> Index:
        path = index_path(self._folder, self._owner)
        if path != self._path or (self._lock and self._lock.is_lost()):
            self._start_over(path)
        if self._lock and not self._lock.is_held() and self._lock.acquire():
            self._retire()
            _remove_forgotten(self._folder, but=path)
        if self._index is None or self._inodes != inodes_of(path) or not is_sound(path):
            is_torn = bool(self._inodes) and self._inodes[0] == inodes_of(path)[0]  # its log is another one or gone
            self._retire()
            if self.is_writer and is_torn:
                remove_index(path)
            self._index = self._written(path) if self.is_writer else _read(path)
            self._inodes = inodes_of(path)
        return self._index or self._nothing_yet()

    def _start_over(self, path: Path) -> None:
        """Begin at a place where nothing is known yet, or where the lock that was held is not there any more."""
        self._retire()
        self._release()
        self._path = path
        self._lock = FileLock(path.with_suffix(".lock"))

    def _written(self, path: Path) -> Index:
        if not is_sound(path):
            _log.warning("the index is made anew: it was not a file of this user alone")
            remove_index(path)
        try:
            return Index(path, before_write=self._check)
        except IndexUnusable as error:
            if not error.malformed:
                raise
            _log.info("the index is made anew: %s", error.detail)
            remove_index(path)
            return Index(path, before_write=self._check)

    def _check(self) -> None:
        """Let nothing be written that nobody would find, or that another process may be writing too.

        Raises:
            IndexUnusable: The file, its folder or the lock is not at its place any more.
        """
        if not (self._path and self._lock and self._lock.is_held() and self._is_in_place(self._path)):
            raise IndexUnusable("the file is not at its place any more", malformed=True)

    def _is_in_place(self, path: Path) -> bool:
        return is_private(self._folder) and self._inodes == inodes_of(path) and is_sound(path)

    def _salvaged(self) -> Index | None:
        """Copy what was open, unless another user may have written it."""
        if self._index is not None and self._path and is_ours(self._folder) and is_sound(self._path):
            with suppress(IndexUnusable):
                return self._index.copied()
        return None

    def _nothing_yet(self) -> Index:
        self._empty = self._empty or Index()
        return self._empty

    def _retire(self) -> None:
        """Put the index aside: a search may still be in it."""
        if self._index is not None:
            self._retired.append(self._index)
        self._index = None
        self._inodes = ()

    def _release(self) -> None:
        if self._lock:
            self._lock.release()


@dataclass(frozen=True, slots=True)
class IndexFileStatus:
    """An index file as somebody else sees it; ``contacts`` is ``None`` if it cannot be read."""

    path: Path
    size: int
    contacts: int | None
    state: dict[str, str]
    has_writer: bool


def cache_folder() -> Path:
    """The folder of the files, in the user's cache."""
    from platformdirs import user_cache_path  # an index in memory needs no folder

    return user_cache_path("telecmi-mcp", appauthor=False)


def find_index(folder: Path, owner: str) -> Path | None:
    """Where the index of an owner is, if there is one; nothing is made.

    Raises:
        IndexUnusable: The folder cannot be used; the reason says why.
    """
    if not os.path.lexists(folder / "key"):
        return None
    try:
        path = index_path(folder, owner)
    except OSError as error:
        raise _unusable(error) from None
    return path if os.path.lexists(path) else None


def forget_index(folder: Path, owner: str) -> bool:
    """Remove the index of an owner, as signing out does, and say whether there was one.

    Raises:
        IndexUnusable: It cannot be removed: on Windows, because it is in use.
    """
    path = find_index(folder, owner)
    try:
        if path:
            remove_index(path)
    except OSError as error:
        raise _unusable(error) from None
    return path is not None


def inspect_index(path: Path) -> IndexFileStatus:
    """Look at an index file without changing it.

    Raises:
        IndexUnusable: Nothing can be looked at there; the reason says why.
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        has_writer = not lock.acquire()
        size = sum(file.lstat().st_size for file in files_of(path))
        if not is_sound(path):  # the next search makes it anew
            return IndexFileStatus(path, size, None, {}, has_writer)
        with Index(path, read_only=True) as index:
            return IndexFileStatus(path, size, index.count(), index.state(), has_writer)
    except OSError as error:
        raise _unusable(error) from None
    except IndexUnusable:
        return IndexFileStatus(path, size, None, {}, has_writer)
    finally:
        lock.release()


def clear_indexes(folder: Path) -> int:
    """Remove every index file of the folder and say how many there were: for `index clear`.

    A process that has one open goes on without it, notices at its next search, and begins a new one.

    Raises:
        IndexUnusable: One cannot be removed: on Windows, because it is in use.
    """
    if os.path.lexists(folder) and not is_ours(folder):
        raise IndexUnusable("the folder", malformed=False, reason=NOT_OURS)
    paths = all_indexes(folder)
    try:
        for path in paths:
            remove_index(path)
    except OSError as error:
        raise _unusable(error) from None
    return len(paths)


def _unusable(error: OSError) -> IndexUnusable:
    return IndexUnusable(type(error).__name__, malformed=False, reason=reason_of(error))


def _read(path: Path) -> Index | None:
    """Open what another process writes; ``None`` until it has begun, and while it makes a malformed one anew."""
    if not (os.path.lexists(path) and is_sound(path)):
        return None
    try:
        return Index(path, read_only=True)
    except IndexUnusable as error:
        if not error.malformed:
            raise
        return None


def _remove_forgotten(folder: Path, *, but: Path) -> None:
    """Remove the files of accounts and tokens that were not used for long, unless they are in use."""
    for path in all_indexes(folder) - {but}:
        with suppress(OSError):
            newest = max(file.lstat().st_mtime for file in files_of(path))
            lock = FileLock(path.with_suffix(".lock"))
            if newest < time.time() - _FORGOTTEN and lock.acquire():
                remove_index(path)
                lock.release()
