"""Reads a client's configuration file, and replaces it in one step with a backup beside it."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telecmi_mcp._private_files import write_private
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from pathlib import Path

BACKUP_SUFFIX = ".before-telecmi-mcp"
"""Suffix of the backup."""

_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileContents:
    """Contents of a file when it was read.

    Attributes:
        path: Path of the file, with symbolic links resolved.
        data: Its bytes; ``None`` if the file does not exist.
        text: Its text without the byte order mark.
    """

    path: Path
    data: bytes | None = None
    text: str = ""


class ChangedMeanwhile(Exception):
    """Another program changed the file since it was read: read it again."""


def read(file: Path) -> FileContents:
    """Read a file; a missing file has empty contents.

    Raises:
        ClientConfigError: The file cannot be read, or is not UTF-8.
    """
    path = _target(file)
    try:
        data = _bytes(path)
        return FileContents(path, data, data.removeprefix(codecs.BOM_UTF8).decode())
    except FileNotFoundError:
        return FileContents(path)
    except UnicodeDecodeError:
        raise ClientConfigError(fact="it is not UTF-8") from None
    except OSError:
        raise ClientConfigError(hint="Make the file readable, or edit it by hand", fact="it cannot be read") from None


def replace(contents: FileContents, text: str) -> Path | None:
    """Replace a file, and return the path of the backup.

    The new file has the mode of the old one and, where the system allows it, its owner.

    Raises:
        ChangedMeanwhile: Another program wrote the file since it was read.
        ClientConfigError: The file cannot be written; the old file is unchanged.
    """
    bom = codecs.BOM_UTF8 if (contents.data or b"").startswith(codecs.BOM_UTF8) else b""
    try:
        data = bom + text.encode()
    except UnicodeEncodeError:
        raise ClientConfigError(fact="the path of telecmi-mcp is not valid Unicode") from None
    _refuse_read_only(contents)
    try:
        backup = back_up(contents)
        _put(contents.path, data, contents)
    except OSError:
        raise _unwritable() from None
    return backup


def back_up(contents: FileContents) -> Path | None:
    """Write the contents to the backup, which replaces an older backup; return ``None`` if there was no file.

    Raises:
        ChangedMeanwhile: Another program wrote the file since it was read.
        ClientConfigError: The backup cannot be written.
    """
    if contents.data is None:
        return None
    backup = contents.path.with_name(contents.path.name + BACKUP_SUFFIX)
    try:
        _put(backup, contents.data, contents)
    except OSError:
        raise _unwritable() from None
    return backup


def remove(contents: FileContents) -> None:
    """Remove a file.

    Raises:
        ChangedMeanwhile: Another program wrote the file since it was read.
        ClientConfigError: The file cannot be removed.
    """
    _refuse_read_only(contents)
    try:
        _refuse_changed(contents)
        contents.path.unlink()
    except OSError:
        raise _unwritable() from None


def _target(file: Path) -> Path:
    try:
        return file.resolve()
    except (OSError, RuntimeError):  # the links form a circle
        raise ClientConfigError(fact="its symbolic link is broken") from None


def _bytes(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:  # the checked file is the one that is read
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MAX_BYTES:
            raise ClientConfigError(fact="this is not a configuration file")
        return file.read()


def _put(path: Path, data: bytes, contents: FileContents) -> None:
    """Write a file with the rights of the one that was read, unless that was changed since."""

    def check(draft: Path) -> None:
        _copy_rights(contents.path, draft)
        _refuse_changed(contents)

    write_private(path, data, before_replace=check)


def _copy_rights(like: Path, new_file: Path) -> None:
    with suppress(FileNotFoundError):
        state = like.stat()
        if sys.platform != "win32":
            with suppress(PermissionError):
                os.chown(new_file, state.st_uid, state.st_gid)  # for a run with sudo
        new_file.chmod(stat.S_IMODE(state.st_mode))


def _refuse_changed(contents: FileContents) -> None:
    if read(contents.path).data != contents.data:
        raise ChangedMeanwhile


def _refuse_read_only(contents: FileContents) -> None:
    """Refuse a read-only file or folder: a replacement would succeed, but its owner does not want it."""
    paths = [contents.path] if sys.platform == "win32" else [contents.path, contents.path.parent]
    for path in paths:
        with suppress(OSError):
            if not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
                raise _unwritable()


def _unwritable() -> ClientConfigError:
    return ClientConfigError(
        hint="Make the file and its folder writable, or edit it by hand", fact="it cannot be written"
    )
