"""Opens the index in memory or in a file of the user's cache folder, and replaces a file that cannot be used.

One of the processes that share a file writes it: the holder of a lock of the operating system, which is released when
the process ends. A second writer would also meet SQLite's WAL-reset defect (3.7.0 to 3.51.2).
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

_MAX_UNUSED_S = 30 * 86_400.0  # a token's life; then the file of another account is removed


class IndexLocation(Protocol):
    """Gives the index of one account. All methods block; call them in a thread."""

    @property
    def is_writer(self) -> bool:
        """True if this process may write the index that ``take`` returned."""
        ...

    @property
    def notice(self) -> str:
        """A sentence about the place for the reader of an answer; "" if there is nothing to say."""
        ...

    def take(self) -> ContactStore:
        """Return the store to use now; it is another one when this process becomes the writer or the file is new.

        Raises:
            IndexUnusable: The index cannot be opened.
            DatabaseUnavailable: The database of the index is unreachable.
        """
        ...

    def wipe(self) -> None:
        """Remove a malformed index."""
        ...

    def use_memory(self, reason: str) -> bool:
        """Continue in memory because the place cannot be used; return False if memory is no alternative."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class MemoryLocation:
    """An index in memory, created by the first ``take``; it ends with the process."""

    is_writer = True
    notice = ""

    def __init__(self) -> None:
        self._index: Index | None = None

    def take(self) -> Index:
        """Return the index."""
        if self._index is None:
            self._index = Index()
        return self._index

    def wipe(self) -> None:
        """Drop the index; the next one is empty."""
        self.close()

    def use_memory(self, _: str) -> bool:
        """Drop the index; the next one is empty."""
        self.close()
        return True

    def close(self) -> None:
        """Drop all contacts."""
        if self._index is not None:
            self._index.close()
            self._index = None


class FileLocation:
    """An index in a file. The process that holds the file's lock writes it; other processes read it.

    Each ``take``, and each change, checks that the path still names the file that was opened. If it does not, a new
    file is created. If no file can be used, the index continues in memory, with the contacts of the file, and
    ``notice`` says why. It stays in memory until the process ends, even if the cause is removed: the next process
    tries the folder again.

    Args:
        folder: The folder of the file; created with mode 0700.
        owner: The account: the base URL and the user, or the token if the user is not known.
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
        """True if this process may write the index that ``take`` returned."""
        return self._memory is not None or (self._lock is not None and self._lock.is_held())

    def take(self) -> Index:
        """Return the index; it is opened for writing if no other process writes it."""
        try:
            return self._memory or self._take()
        except OSError as error:
            self.use_memory(reason_of(error))
        except IndexUnusable as unusable:
            if unusable.malformed:
                raise
            self.use_memory(unusable.reason)
        return self._memory or self._empty_index()

    def wipe(self) -> None:
        """Remove the file if this process writes it, and drop an index in memory."""
        if self._memory:
            self._retired.append(self._memory)
            self._memory = Index()
        self._retire()
        if self.is_writer and self._path:
            with suppress(OSError):  # the next `take` fails too and uses memory
                remove_index(self._path)

    def use_memory(self, reason: str) -> bool:
        """Continue in memory, with the contacts of the file if it is still private to this user."""
        _log.warning("the index is kept in memory: %s", reason)
        if self._memory:
            self._retired.append(self._memory)
        self._memory = self._copy_of_file() or Index()
        self._retire()
        self._release()
        self.notice = f"The index is kept in this server's memory only, because {reason}."
        return True

    def close(self) -> None:
        """Close the file and release the lock, so that another process can write."""
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
            _remove_unused(self._folder, but=path)
        if self._index is None or self._inodes != inodes_of(path) or not is_sound(path):
            is_partly_replaced = (
                bool(self._inodes) and self._inodes[0] == inodes_of(path)[0]
            )  # the log was replaced or removed
            self._retire()
            if self.is_writer and is_partly_replaced:
                remove_index(path)
            self._index = self._open_for_writing(path) if self.is_writer else _open_for_reading(path)
            self._inodes = inodes_of(path)
        return self._index or self._empty_index()

    def _start_over(self, path: Path) -> None:
        """Start at a new path, or again at the same one after the file of the lock was removed."""
        self._retire()
        self._release()
        self._path = path
        self._lock = FileLock(path.with_suffix(".lock"))

    def _open_for_writing(self, path: Path) -> Index:
        if not is_sound(path):
            _log.warning("the index is created again: its file was not private to this user")
            remove_index(path)
        try:
            return Index(path, before_write=self._require_in_place)
        except IndexUnusable as error:
            if not error.malformed:
                raise
            _log.info("the index is created again: %s", error.detail)
            remove_index(path)
            return Index(path, before_write=self._require_in_place)

    def _require_in_place(self) -> None:
        """Refuse a change to a file that no process would find, or that another process may write.

        Raises:
            IndexUnusable: The file, its folder or the lock was removed or replaced.
        """
        if not (self._path and self._lock and self._lock.is_held() and self._is_in_place(self._path)):
            raise IndexUnusable("the file was removed or replaced", malformed=True)

    def _is_in_place(self, path: Path) -> bool:
        return is_private(self._folder) and self._inodes == inodes_of(path) and is_sound(path)

    def _copy_of_file(self) -> Index | None:
        """Copy the open index into memory, unless another user may have written the file."""
        if self._index is not None and self._path and is_ours(self._folder) and is_sound(self._path):
            with suppress(IndexUnusable):
                return self._index.copied()
        return None

    def _empty_index(self) -> Index:
        self._empty = self._empty or Index()
        return self._empty

    def _retire(self) -> None:
        """Keep the replaced index open until the end: a search may still read it."""
        if self._index is not None:
            self._retired.append(self._index)
        self._index = None
        self._inodes = ()

    def _release(self) -> None:
        if self._lock:
            self._lock.release()


@dataclass(frozen=True, slots=True)
class IndexFileStatus:
    """What a process that does not use the index sees of a file; ``contacts`` is ``None`` if it cannot be read."""

    path: Path
    size: int
    contacts: int | None
    state: dict[str, str]
    has_writer: bool


def cache_folder() -> Path:
    """Return the folder of the index files in the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("telecmi-mcp", appauthor=False)


def find_index(folder: Path, owner: str) -> Path | None:
    """Return the path of an account's index file, or ``None``; creates nothing.

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
    """Remove the index file of an account, as ``logout`` does; return True if there was one.

    Raises:
        IndexUnusable: The file cannot be removed; on Windows, because it is in use.
    """
    path = find_index(folder, owner)
    try:
        if path:
            remove_index(path)
    except OSError as error:
        raise _unusable(error) from None
    return path is not None


def inspect_index(path: Path) -> IndexFileStatus:
    """Inspect an index file without changing it.

    Raises:
        IndexUnusable: The path cannot be read; the reason says why.
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        has_writer = not lock.acquire()
        size = sum(file.lstat().st_size for file in files_of(path))
        if not is_sound(path):  # the next search creates it again
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
    """Remove every index file of the folder and return their number, for ``index clear``.

    A process that has a file open notices at its next search and creates a new one.

    Raises:
        IndexUnusable: A file cannot be removed; on Windows, because it is in use.
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


def _open_for_reading(path: Path) -> Index | None:
    """Open a file that another process writes; return ``None`` while the file is missing or malformed."""
    if not (os.path.lexists(path) and is_sound(path)):
        return None
    try:
        return Index(path, read_only=True)
    except IndexUnusable as error:
        if not error.malformed:
            raise
        return None


def _remove_unused(folder: Path, *, but: Path) -> None:
    """Remove the files of other accounts and tokens that were not used for 30 days and are not in use."""
    for path in all_indexes(folder) - {but}:
        with suppress(OSError):
            newest = max(file.lstat().st_mtime for file in files_of(path))
            lock = FileLock(path.with_suffix(".lock"))
            if newest < time.time() - _MAX_UNUSED_S and lock.acquire():
                remove_index(path)
                lock.release()
