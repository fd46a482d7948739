"""Files of the index folder: private to one user, looked at before they are opened, locked by one process.

Nothing here follows a symbolic link or waits for a named pipe. What is not a regular file of this user alone, without
rights for others and without a second name, is never read: it is removed, or the index is kept in memory.
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
    """A folder that belongs to another user."""


def reason_of(error: OSError) -> str:
    """Say in our words why the index cannot be on disk."""
    return NOT_OURS if isinstance(error, NotOursError) else _REASONS.get(error.errno or 0, UNUSABLE)


def why_not_written(path: Path) -> str:
    """Say why SQLite could not write a file; of most errors of the system it tells no more than that there was one."""
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
    """Make the folder this user's alone. Where others could write in it, whatever it holds of ours is removed.

    Raises:
        OSError: It cannot be made or changed, or belongs to another user.
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
    """Whether the folder is there and this user's alone."""
    with suppress(OSError):
        found = folder.stat()
        is_folder = stat.S_ISDIR(found.st_mode)
        return is_folder and (
            sys.platform == "win32" or (found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == stat.S_IRWXU)
        )
    return False


def is_ours(folder: Path) -> bool:
    """Whether the folder belongs to this user."""
    with suppress(OSError):
        return sys.platform == "win32" or folder.stat().st_uid == os.getuid()
    return False


def probe_folder(folder: Path) -> str:
    """Write a little into the folder, as an index would, and say why that fails; "" if it works or nothing is there."""
    path = folder / f"key.{os.getpid()}.probe"
    try:
        if os.path.lexists(folder):
            make_private(folder)
            with _opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                if os.write(descriptor, bytes(_LEAST_FREE_BYTES)) < _LEAST_FREE_BYTES:
                    os.write(descriptor, b"0")  # says why the rest was not taken
    except OSError as error:
        return reason_of(error)
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return ""


def is_sound(path: Path) -> bool:
    """Whether each file of the index is missing, or a regular file of this user alone."""
    return all(_is_ours_alone(file, names=1) for file in files_of(path))


def _is_ours_alone(path: Path, *, names: int) -> bool:
    """Whether nothing is there, or a regular file of this user with at most this many names (hard links)."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return True
    if not stat.S_ISREG(found.st_mode):
        return False
    is_private = not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return sys.platform == "win32" or (found.st_uid == os.getuid() and is_private and found.st_nlink <= names)


def index_path(folder: Path, owner: str) -> Path:
    """Where the index of an owner is.

    The name is a hash under a key that never leaves the folder, so that it tells nothing about a token by itself.

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
        with suppress(FileExistsError):  # another process was faster, and its key counts
            os.link(fresh, path)
            _remove_all(folder, "*.db", "*.db-*")  # nobody can find them any more
        fresh.unlink()
        key = _read_key(path)
    if key is None:
        raise FileExistsError(errno.EEXIST, NOT_A_FILE)
    return key


def _read_key(path: Path) -> bytes | None:
    """Read the key; ``None`` where there is none that can be used."""
    if not _is_ours_alone(path, names=2):  # the second is that of the process that makes it at this moment
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
    """Yield the files of an index that are there, whatever they are."""
    return (file for end in _ENDS if os.path.lexists(file := path.with_name(path.name + end)))


def remove_index(path: Path) -> None:
    """Remove the files of an index: links and pipes by their name, a folder if it is empty.

    Raises:
        OSError: One cannot be removed.
    """
    for file in list(files_of(path)):
        _remove(file)


def all_indexes(folder: Path) -> set[Path]:
    """Return where indexes are, or parts of them."""
    parts = (path for pattern in ("*.db", "*.db-*") for path in folder.glob(pattern))
    return {path.with_name(path.name.partition(".db")[0] + ".db") for path in parts}


def inodes_of(path: Path) -> Inodes:
    """Return which files stand at the places of an index now, to tell later whether they are the same ones."""
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
    """A lock of the operating system on a file: it ends with the process that holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock unless another process, or another lock of this one, has it.

        Raises:
            OSError: There can be no such file.
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
        """Whether the lock was taken, and its file is not at its place any more."""
        return self._descriptor is not None and not self.is_held()

    def is_held(self) -> bool:
        """Whether the lock is held, on the file that other processes find at its place."""
        if self._descriptor is None:
            return False
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._descriptor), self._path.lstat())
        return False

    def release(self) -> None:
        """Let it go, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
