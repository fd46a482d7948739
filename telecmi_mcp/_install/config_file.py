"""Configuration file of a client: read whole, replaced at once, with a backup beside it."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from pathlib import Path

BACKUP = ".before-telecmi-mcp"
"""What the name of the copy ends with."""

_MAX_BYTES = 64 * 1024 * 1024
_NEW_MODE = 0o600  # such files hold other servers' keys


@dataclass(frozen=True, slots=True)
class FileContents:
    """A file as it was read.

    Attributes:
        path: The file itself, at the end of all symbolic links.
        data: Its bytes; ``None`` if it is not there.
        text: What it holds, without the byte order mark.
    """

    path: Path
    data: bytes | None = None
    text: str = ""


class ChangedMeanwhile(Exception):
    """The file is another one than when it was read: begin again."""


def read(file: Path) -> FileContents:
    """Read a file that need not exist.

    Raises:
        HostUnchanged: It cannot be read, or is not UTF-8.
    """
    path = _target(file)
    try:
        data = _bytes(path)
        return FileContents(path, data, data.removeprefix(codecs.BOM_UTF8).decode())
    except FileNotFoundError:
        return FileContents(path)
    except UnicodeDecodeError:
        raise ClientConfigError(fact="it is not written in UTF-8") from None
    except OSError:
        raise ClientConfigError(hint="Make the file readable, or do it by hand", fact="it cannot be read") from None


def replace(found: FileContents, text: str) -> Path | None:
    """Put a text in the place of a file, and return the copy of what was there before.

    The new file has the mode and, as far as the system lets us, the owner of the old one.

    Raises:
        ChangedMeanwhile: Somebody else wrote the file since it was read.
        HostUnchanged: It cannot be written; what was there before is still there.
    """
    mark = codecs.BOM_UTF8 if (found.data or b"").startswith(codecs.BOM_UTF8) else b""
    try:
        data = mark + text.encode()
    except UnicodeEncodeError:
        raise ClientConfigError(fact="the path of telecmi-mcp is not text") from None
    _refuse_read_only(found)
    try:
        backup = back_up(found)
        _put(found.path, data, like=found.path, instead_of=found)
    except OSError:
        raise _unwritable() from None
    return backup


def back_up(found: FileContents) -> Path | None:
    """Copy a file as it was read beside itself, in the place of the last such copy; ``None`` if there was no file.

    Raises:
        HostUnchanged: The copy cannot be written.
    """
    if found.data is None:
        return None
    try:
        return _put(found.path.with_name(found.path.name + BACKUP), found.data, like=found.path)
    except OSError:
        raise _unwritable() from None


def remove(found: FileContents) -> None:
    """Remove a file.

    Raises:
        ChangedMeanwhile: Somebody else wrote the file since it was read.
        HostUnchanged: It cannot be removed.
    """
    _refuse_read_only(found)
    try:
        _refuse_changed(found)
        found.path.unlink()
    except OSError:
        raise _unwritable() from None


def _target(file: Path) -> Path:
    try:
        return file.resolve()
    except (OSError, RuntimeError):  # links in a circle
        raise ClientConfigError(fact="its symbolic link leads nowhere") from None


def _bytes(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:  # so that what is checked is what is read
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MAX_BYTES:
            raise ClientConfigError(fact="what is there is not a configuration file")
        return file.read()


def _put(path: Path, data: bytes, *, like: Path, instead_of: FileContents | None = None) -> Path:
    draft = path.with_name(f"{path.name}.{token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), _NEW_MODE)
        with os.fdopen(descriptor, "wb") as file:  # made with its mode
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        _copy_rights(like, draft)
        if instead_of is not None:
            _refuse_changed(instead_of)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _copy_rights(like: Path, draft: Path) -> None:
    with suppress(FileNotFoundError):
        state = like.stat()
        if sys.platform != "win32":
            with suppress(PermissionError):
                os.chown(draft, state.st_uid, state.st_gid)  # for whoever runs this with sudo
        draft.chmod(stat.S_IMODE(state.st_mode))


def _refuse_changed(found: FileContents) -> None:
    try:
        now = _bytes(found.path)
    except FileNotFoundError:
        now = None
    if now != found.data:
        raise ChangedMeanwhile


def _refuse_read_only(found: FileContents) -> None:
    """A file without write permission could be replaced all the same, which is not what its owner wants."""
    watched = [found.path] if sys.platform == "win32" else [found.path, found.path.parent]
    for path in watched:
        with suppress(OSError):
            if not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
                raise _unwritable()


def _unwritable() -> ClientConfigError:
    return ClientConfigError(
        hint="Make the file and its folder writable, or do it by hand", fact="it cannot be written"
    )
