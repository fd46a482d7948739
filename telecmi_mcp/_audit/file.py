"""Writes the audit of a local server to a private file, to which several processes may add lines.

Each write is one piece of whole lines at the end of the file (``O_APPEND``). A file that was moved away, for example by
logrotate, is created again.
"""

from __future__ import annotations

import errno
import getpass
import logging
import os
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from telecmi_mcp._audit.contact_hashes import create_key_file, read_hashers
from telecmi_mcp._audit.log import Audit, LineWriter, writing_to
from telecmi_mcp._config.variables import AUDIT_FILE
from telecmi_mcp._private_files import open_private
from telecmi_mcp.errors import ConfigurationError, FileUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telecmi_mcp._audit.contact_hashes import ContactHasher
    from telecmi_mcp._config.secrets import KnownSecrets

_log = logging.getLogger(__name__)

KEY_FILE = "audit-keys"
"""Name of the file with the keys, in the state folder."""

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_FACTS = {errno.EISDIR: "it is a folder", errno.ELOOP: "it is a symbolic link", errno.ENXIO: "it is a named pipe"}


class _NotPrivateError(PermissionError):
    """The file is not private to this user; the text says why."""


@contextmanager
def open_audit_file(path: Path, *, state: Path, secrets: KnownSecrets | None = None) -> Iterator[Audit]:
    """Open the audit of a local server, and write queued lines at the end.

    Args:
        path: The file.
        state: Folder of the key by which the audit names contacts; the key is created if there is none.
        secrets: Collects the key, so that the log can mask it.

    Raises:
        ConfigurationError: The file cannot be used.
    """
    writer = FileWriter(path)
    with writing_to(writer):
        yield Audit(uuid4().hex[:12], hasher=_open_hasher(state / KEY_FILE, secrets))


def why_unusable(path: Path) -> str:
    """Return why no line can be added to a file; "" if one can. Creates nothing."""
    try:
        os.close(_open(path, os.O_WRONLY | os.O_APPEND))
    except FileNotFoundError:
        if os.access(path.parent, os.W_OK | os.X_OK):
            return ""
        return _fact(OSError(errno.EACCES if path.parent.is_dir() else errno.ENOENT, ""))
    except OSError as why:
        return _fact(why)
    return ""


def user_name() -> str:
    """Return the name of the user of this process; "" if the system knows none."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # ImportError: Windows without the variable
        return ""


class FileWriter(LineWriter):
    """Adds records to a file; see ``LineWriter``.

    Args:
        path: The file. It is created with mode 0600; a file of another user, or one that others can read, is refused.

    Raises:
        ConfigurationError: The file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_torn = False
        try:
            descriptor = _open(path)
        except OSError as why:
            raise ConfigurationError(hint=f"Correct {AUDIT_FILE.variable}", fact=_fact(why)) from None
        super().__init__(descriptor)

    def close(self) -> None:
        """Write the queued lines, for three seconds at most, and close the file."""
        super().close()
        if not self._thread.is_alive():
            os.close(self._fd)

    def write_piece(self, piece: bytes) -> None:
        """Add whole lines to the file in one write.

        Raises:
            OSError: They are not written; what was written of them is a line of its own.
        """
        if not piece:
            return
        self._follow_path()
        piece = (b"\n" if self._is_torn else b"") + piece
        written = os.write(self._fd, piece)
        self._is_torn = written < len(piece)
        if self._is_torn:
            raise OSError(errno.ENOSPC, "only a part of a line was written")

    def _follow_path(self) -> None:
        """Open the file again if the path does not lead to it any more."""
        try:
            is_there = os.path.samestat(os.fstat(self._fd), self._path.lstat())
        except FileNotFoundError:
            is_there = False
        if not is_there:
            moved, self._fd = self._fd, _open(self._path)
            os.close(moved)
            self._is_torn = False


def _open(path: Path, flags: int = _APPEND) -> int:
    """Open the file to add to it, and check that it is private to this user."""
    descriptor = open_private(path, flags)
    fault = _fault(os.fstat(descriptor))
    if fault:
        os.close(descriptor)
        raise _NotPrivateError(errno.EPERM, fault)
    return descriptor


def _fault(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "it is no regular file"
    if sys.platform == "win32":
        return ""
    if found.st_uid != os.getuid():
        return "it belongs to another user"
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return "other users have rights to it: run chmod 600 on it"
    return "it has a second name, a hard link" if found.st_nlink > 1 else ""


def _fact(error: OSError) -> str:
    if isinstance(error, _NotPrivateError):
        return str(error.strerror)
    return _FACTS.get(error.errno or 0) or FileUnusable(error.errno).fact


def _open_hasher(path: Path, secrets: KnownSecrets | None) -> ContactHasher | None:
    """Return what names contacts in the audit; ``None`` if its key cannot be used."""
    try:
        if not os.path.lexists(path):
            create_key_file(path)
        return read_hashers(path, source=f"{KEY_FILE} in the state folder", secrets=secrets)[0]
    except ConfigurationError as why:
        _log.warning("the audit does not tell who saw which contact. %s", why)
        return None
