"""Writes new files into the export folder of the tool: private, complete, never over another, and not many."""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING

from telecmi_mcp._private_files import open_private, try_lock
from telecmi_mcp.errors import ExportLimitReached, FileUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from telecmi_mcp._export.formats import FileFormat
    from telecmi_mcp._models import Contact

MAX_FILES_A_DAY = 10

_DAY_S = 86_400
_RECORD = ".telecmi-mcp-exports"  # the lock, and the times of the last files
_STEM = "telecmi-contacts-"
_SETTING = "TELECMI_EXPORT_FOLDER"
_FOLDER = f"the folder in {_SETTING}"


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A complete file.

    Attributes:
        path: Its path; the name holds the time and a random number.
        contacts: Number of contacts in it.
        size: Its size in bytes.
    """

    path: Path
    contacts: int
    size: int


def check_folder(folder: Path) -> None:
    """Check that a folder exists and belongs to this user alone.

    Raises:
        FileUnusable: It cannot take exports. The sentence holds no path.
    """
    try:
        found = folder.lstat()
    except OSError:
        raise _unusable(f"create {_FOLDER} with mode 0700", "it does not exist or cannot be read") from None
    if not stat.S_ISDIR(found.st_mode):
        kind = "symbolic link" if stat.S_ISLNK(found.st_mode) else "file"
        raise _unusable(f"set {_SETTING} to a folder", f"it is a {kind}")
    if sys.platform == "win32":
        return
    if found.st_uid != os.getuid():
        raise _unusable(f"set {_SETTING} to a folder of their own", "it belongs to another user")
    if stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise _unusable(f"run chmod 700 on {_FOLDER}", "other users have rights to it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unusable(f"make {_FOLDER} writable", "it is not writable")


class ExportSlot:
    """The only place for an export at a time, over all processes; one slot writes at most one file.

    All methods block; call them in a thread. They raise ``FileUnusable`` if the file system fails.

    Attributes:
        written: The file; ``None`` if none is written.
    """

    def __init__(self, folder: Path, record: int, clock: Callable[[], float]) -> None:
        self.written: WrittenFile | None = None
        self._folder = folder
        self._record = record
        self._clock = clock

    @classmethod
    def take(cls, folder: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Lock the folder, check that another file may be written today, and remove what a killed export left.

        Raises:
            FileUnusable: The folder cannot be used.
            ExportLimitReached: Another export runs, or the files of the last 24 hours are too many.
        """
        check_folder(folder)
        with _map_os_errors():
            slot = cls(folder, open_private(folder / _RECORD, os.O_RDWR | os.O_CREAT), clock)
        try:
            slot._prepare()
        except BaseException:
            slot.close()
            raise
        return slot

    def close(self) -> None:
        """Let the next export begin."""
        os.close(self._record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, file_format: FileFormat, pages: Iterable[Sequence[Contact]]) -> None:
        """Write pages of contacts to a new file, which appears under its name when it is on the disk."""
        now = self._clock()
        name = f"{_STEM}{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{token_hex(2)}.{file_format.name}"
        draft = self._folder / f".{name}.part"
        with _map_os_errors():
            try:
                contacts, size = _write_draft(draft, file_format, pages)
                self._note(now)
                _publish(draft, self._folder / name)
            finally:
                draft.unlink(missing_ok=True)
        self.written = WrittenFile(self._folder / name, contacts, size)

    def _prepare(self) -> None:
        if not try_lock(self._record):
            raise ExportLimitReached(hint="Wait for it to end, then try again", fact="another export is running")
        with _map_os_errors():
            if len(self._recent(self._clock())) >= MAX_FILES_A_DAY:
                raise ExportLimitReached
            for draft in self._folder.glob(f".{_STEM}*.part"):
                draft.unlink(missing_ok=True)

    def _recent(self, now: float) -> list[float]:
        """Return the times of the files of the last 24 hours; a time far in the future is of a wrong clock."""
        os.lseek(self._record, 0, os.SEEK_SET)
        times = re.findall(rb"^[0-9]{1,12}$", os.read(self._record, 4096), re.MULTILINE)
        return [float(each) for each in times if abs(now - float(each)) < _DAY_S]

    def _note(self, now: float) -> None:
        """Count a file before it appears, so that none is missing from the count."""
        lines = b"".join(b"%d\n" % each for each in (*self._recent(now), now))
        os.lseek(self._record, 0, os.SEEK_SET)
        os.write(self._record, lines)
        os.ftruncate(self._record, len(lines))
        os.fsync(self._record)


def _write_draft(draft: Path, file_format: FileFormat, pages: Iterable[Sequence[Contact]]) -> tuple[int, int]:
    """Write a file that only its owner can read, and return its number of contacts and its size."""
    contacts = 0
    descriptor = open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, created with its mode
        file.write(file_format.head)
        for page in pages:
            file.write(b"".join(map(file_format.render, page)))
            contacts += len(page)
        file.flush()
        os.fsync(descriptor)
        return contacts, file.tell()


def _publish(draft: Path, path: Path) -> None:
    """Give a file its name; fail if the name is taken."""
    if sys.platform == "win32":
        draft.rename(path)  # replaces no file there
    else:
        os.link(draft, path, follow_symlinks=False)


def _unusable(advice: str, fact: str) -> FileUnusable:
    return FileUnusable(None, hint=f"The user must {advice}", fact=fact)


@contextmanager
def _map_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileUnusable(error.errno, hint=f"The user must check {_FOLDER}") from None
