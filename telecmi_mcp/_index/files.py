"""Creates, checks, locks and removes the files of the index folder, which are private to one user.

No function here follows a symbolic link or waits for a named pipe. A file is read only if it is a regular file of this
user, without rights for other users and without a second name. Anything else is removed, or the index stays in memory.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeAlias

from telecmi_mcp._private_files import open_private, try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL, TOO_LARGE = "the disk is full", "the file-size limit of the process is reached"
NOT_OURS, NOT_WRITABLE = "its folder belongs to another user", "its folder cannot be written to"
NOT_A_FILE, UNUSABLE = "there is something else in place of its file", "it cannot be read or written"

Inodes: TypeAlias = tuple[tuple[int, int] | None, ...]

_KEY_BYTES = 32
_LEAST_FREE_BYTES = 64 * 1024  # less than one transaction writes
_ENDS = ("", "-wal", "-shm", "-journal")
_OURS = ("*.db", "*.db-*", "*.lock", "key", "key.*")
_REASONS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: TOO_LARGE,
    errno.EACCES: NOT_WRITABLE,
    errno.EPERM: NOT_WRITABLE,
    errno.EROFS: NOT_WRITABLE,
    errno.EEXIST: NOT_A_FILE,
    errno.EISDIR: NOT_A_FILE,
    errno.ENOTDIR: NOT_A_FILE,
    errno.ENOTEMPTY: NOT_A_FILE,
}


class NotOursError(PermissionError):
    """The folder belongs to another user."""


def reason_of(error: OSError) -> str:
    """Return our words for why the index cannot be on disk."""
    return NOT_OURS if isinstance(error, NotOursError) else _REASONS.get(error.errno or 0, UNUSABLE)


def why_not_written(path: Path) -> str:
    """Return why SQLite could not write a file; SQLite reports most errors of the system without their cause."""
    largest = max((file.lstat().st_size for file in files_of(path)), default=0)
    if largest + _LEAST_FREE_BYTES >= _size_limit():
        return TOO_LARGE
    with suppress(OSError):
        if shutil.disk_usage(path.parent).free < _LEAST_FREE_BYTES:
            return FULL
        if not os.access(path.parent, os.W_OK):
            return NOT_WRITABLE
    return UNUSABLE


def _size_limit() -> float:
    if sys.platform == "win32":
        return float("inf")
    import resource  # Windows has it not

    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def make_private(folder: Path) -> None:
    """Create the folder, private to this user. If other users could write in it, remove our files that it holds.

    Raises:
        OSError: The folder cannot be created or changed, or belongs to another user.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise NotOursError(errno.EPERM, NOT_OURS)
    if stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        folder.chmod(stat.S_IRWXU)
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            _remove_all(folder, *_OURS)


def is_private(folder: Path) -> bool:
    """Return True if the folder exists and is private to this user."""
    with suppress(OSError):
        found = folder.stat()
        is_folder = stat.S_ISDIR(found.st_mode)
        return is_folder and (
            sys.platform == "win32" or (found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == stat.S_IRWXU)
        )
    return False


def is_ours(folder: Path) -> bool:
    """Return True if the folder belongs to this user."""
    with suppress(OSError):
        return sys.platform == "win32" or folder.stat().st_uid == os.getuid()
    return False


def probe_folder(folder: Path) -> str:
    """Write a test file into the folder and return why that fails; "" if it works or the folder does not exist."""
    path = folder / f"key.{os.getpid()}.probe"
    try:
        if os.path.lexists(folder):
            make_private(folder)
            with _opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                if os.write(descriptor, bytes(_LEAST_FREE_BYTES)) < _LEAST_FREE_BYTES:
                    os.write(descriptor, b"0")  # raises the reason why only a part was written
    except OSError as error:
        return reason_of(error)
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return ""


def is_sound(path: Path) -> bool:
    """Return True if each file of the index is missing, or a regular file that is private to this user."""
    return all(_is_ours_alone(file, names=1) for file in files_of(path))


def _is_ours_alone(path: Path, *, names: int) -> bool:
    """Return True if the path is free, or names a private regular file with at most this many names (hard links)."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return True
    if not stat.S_ISREG(found.st_mode):
        return False
    is_private = not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return sys.platform == "win32" or (found.st_uid == os.getuid() and is_private and found.st_nlink <= names)


def index_path(folder: Path, owner: str) -> Path:
    """Return the path of an account's index file.

    The name is a hash with a key that never leaves the folder, so the name alone reveals nothing about a token.

    Raises:
        OSError: The folder cannot be used.
    """
    make_private(folder)
    name = blake2b(owner.encode(), key=_key(folder), digest_size=16).hexdigest()
    return folder / f"{name}.db"


def _key(folder: Path) -> bytes:
    path = folder / "key"
    key = _read_key(path)
    if key is None:
        _remove(path)
        fresh = folder / f"key.{os.getpid()}"
        _remove(fresh)
        with _opened(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):  # another process was faster; its key is used
            os.link(fresh, path)
            _remove_all(folder, "*.db", "*.db-*")  # no process can compute their names again
        fresh.unlink()
        key = _read_key(path)
    if key is None:
        raise FileExistsError(errno.EEXIST, NOT_A_FILE)
    return key


def _read_key(path: Path) -> bytes | None:
    """Read the key; return ``None`` if there is none that can be used."""
    if not _is_ours_alone(path, names=2):  # the process that creates the key holds a second name
        return None
    with suppress(FileNotFoundError), _opened(path, os.O_RDONLY) as descriptor:
        key = os.read(descriptor, _KEY_BYTES + 1)
        return key if len(key) == _KEY_BYTES else None
    return None


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = open_private(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def files_of(path: Path) -> Iterator[Path]:
    """Yield the paths of an index that exist, of any type."""
    return (file for end in _ENDS if os.path.lexists(file := path.with_name(path.name + end)))


def remove_index(path: Path) -> None:
    """Remove the files of an index; a link or pipe is removed by its name, a folder if it is empty.

    Raises:
        OSError: A file cannot be removed.
    """
    for file in list(files_of(path)):
        _remove(file)


def all_indexes(folder: Path) -> set[Path]:
    """Return the paths of all indexes of the folder, complete or not."""
    parts = (path for pattern in ("*.db", "*.db-*") for path in folder.glob(pattern))
    return {path.with_name(path.name.partition(".db")[0] + ".db") for path in parts}


def inodes_of(path: Path) -> Inodes:
    """Return the identities of the index files, to detect later that one was replaced."""
    return tuple(_inode(path.with_name(path.name + end)) for end in _ENDS[:3])


def _inode(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.lstat()
        return found.st_dev, found.st_ino
    return None


def _remove_all(folder: Path, *patterns: str) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            _remove(path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if path.is_symlink() or not path.is_dir():
            raise
        path.rmdir()


class FileLock:
    """A lock of the operating system on a file; it is released when the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Acquire the lock unless another process, or another object of this one, holds it.

        Raises:
            OSError: The file cannot be created.
        """
        if not _is_ours_alone(self._path, names=1):
            _remove(self._path)
        descriptor = open_private(self._path, os.O_RDWR | os.O_CREAT)
        if not try_lock(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        if self.is_held():
            return True
        self.release()  # another process removed the file in between
        return False

    def is_lost(self) -> bool:
        """Return True if the lock was acquired and its file was removed or replaced since."""
        return self._descriptor is not None and not self.is_held()

    def is_held(self) -> bool:
        """Return True if the lock is held on the file that other processes find at the path."""
        if self._descriptor is None:
            return False
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._descriptor), self._path.lstat())
        return False

    def release(self) -> None:
        """Release the lock if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
