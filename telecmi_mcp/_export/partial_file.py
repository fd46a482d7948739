"""Holds an unfinished export in a private folder beside the file that it becomes."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from secrets import token_hex
from typing import TYPE_CHECKING

from telecmi_mcp import __version__
from telecmi_mcp._api.pager import PAGE
from telecmi_mcp._export.seen_ids import BYTES, SeenIds
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._private_files import write_private
from telecmi_mcp.errors import FileUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from telecmi_mcp._export.formats import FileFormat
    from telecmi_mcp._models import ContactPage

_SALT_BYTES = 16
_PAGES_PER_SAVE = 10  # a sync of the disk may take as long as reading a page


@dataclass(frozen=True, slots=True)
class _Label:
    """The account and format of a partial file, which must be the same for the next process to resume.

    The owner is hashed, because it may be a token; the salt is also the key of the hashes of the ids.
    """

    form: str
    owner: str
    salt: str
    version: str = __version__
    limit: int = PAGE

    @classmethod
    def of(cls, form: str, owner: str, *, salt: str | None = None) -> _Label:
        """Return the label of a partial file of this owner."""
        label = cls(form, "", salt or token_hex(_SALT_BYTES))
        return replace(label, owner=blake2b(owner.encode(), key=label.key).hexdigest())

    @property
    def key(self) -> bytes:
        return self.salt.encode()


@dataclass(frozen=True, slots=True)
class _Progress:
    """The sizes of both files in bytes, the surplus entries, and the progress of the list."""

    size: int
    seen: int = 0
    surplus: int = 0
    sync_state: SyncState = field(default_factory=SyncState)


class PartialFile:
    """A file that grows by ten pages at a time, survives its process, and is moved to its path when it is complete.

    Every page is on the disk before the cursor of the next one, so that a killed process loses at most ten pages: the
    next process cuts off what the saved progress does not cover, and reads it again.

    All methods block; call them in a thread. They raise ``FileUnusable`` if the file system fails.

    Attributes:
        path: The path of the complete file.
        resumed: Number of contacts that an earlier process read, if this one resumes.
        restarted: Why this process does not resume an existing partial file; "" otherwise.
    """

    def __init__(self, path: Path, form: FileFormat, owner: str) -> None:
        self.path = path
        self.folder = path.with_name(f".{path.name}.part")
        self.resumed = 0
        self.restarted = ""
        self._format = form
        self._owner = owner
        self._form = form.name + form.version
        self._label = _Label.of(self._form, owner)
        self._progress = self._saved = _Progress(len(form.head))
        self._seen = SeenIds(self._label.key)
        self._unsaved: list[tuple[bytes, bytes]] = []  # of each page: the contacts, and the hashes of their ids

    @property
    def sync_state(self) -> SyncState:
        """The progress of the list."""
        return self._progress.sync_state

    @property
    def contacts(self) -> int:
        """Number of contacts in the file."""
        return self._progress.seen // BYTES

    @property
    def surplus(self) -> int:
        """Number of entries beyond the limit of a page; they were left out."""
        return self._progress.surplus

    @property
    def lock(self) -> Path:
        """The path of the lock."""
        return self.folder / "lock"

    def make_folder(self) -> None:
        """Create the folder, private to this user."""
        with _map_os_errors():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            found = self.folder.lstat()
            if sys.platform != "win32" and (self.folder.is_symlink() or found.st_uid != os.getuid()):
                raise PermissionError
            self.folder.chmod(0o700)

    def open(self, now: float) -> None:
        """Resume the file of an earlier process; start a new one if there is none or it does not fit."""
        with _map_os_errors():
            if not self._resume(now):
                self._start(now)

    def restart(self, now: float, why: str) -> None:
        """Start again with an empty file."""
        with _map_os_errors():
            self.resumed, self.restarted = 0, why
            self._start(now)

    def append(self, page: ContactPage) -> None:
        """Add the contacts of a page that the file does not hold, and the cursor of the next page."""
        marks = [self._seen.add(contact.contact_id) for contact in page.contacts]
        hashes = b"".join(marks)
        fresh = (contact for contact, mark in zip(page.contacts, marks, strict=True) if mark)
        content = b"".join(map(self._format.render, fresh))
        so_far = self._progress
        self._progress = _Progress(
            size=so_far.size + len(content),
            seen=so_far.seen + len(hashes),
            surplus=so_far.surplus + page.surplus,
            sync_state=so_far.sync_state.after(page),
        )
        self._unsaved.append((content, hashes))
        if len(self._unsaved) == _PAGES_PER_SAVE:
            self.save()

    def save(self) -> None:
        """Write the pages that are not on the disk yet, and then the progress."""
        if self._unsaved:
            contents, marks = zip(*self._unsaved, strict=True)
            with _map_os_errors():
                self._extend("contacts", self._saved.size, b"".join(contents))
                self._extend("seen", self._saved.seen, b"".join(marks))
                self._save_progress(self._progress)

    def put(self, path: Path) -> None:
        """Move the file to a path in one step, and remove the folder."""
        self.save()
        with _map_os_errors():
            (self.folder / "contacts").replace(path)
            self._remove("seen", "state", "lock")

    def clear_away(self) -> None:
        """Remove what Windows cannot remove while the lock is held."""
        if sys.platform == "win32":
            with suppress(OSError):
                self._remove("lock")

    def _resume(self, now: float) -> bool:
        try:
            label, progress = _read_state((self.folder / "state").read_bytes())
        except FileNotFoundError:
            return False
        except (KeyError, TypeError, ValueError):
            self.restarted = "what was there could not be read"
            return False
        self.restarted = self._why_not_resumable(label, progress, now)
        if self.restarted or not progress.sync_state.cursor:
            return False
        self._label, self._progress, self._saved = label, progress, progress
        self._extend("contacts", progress.size, b"")
        self._extend("seen", progress.seen, b"")
        self._seen = SeenIds(label.key, (self.folder / "seen").read_bytes())
        self.resumed = self.contacts
        return True

    def _why_not_resumable(self, label: _Label, progress: _Progress, now: float) -> str:
        """Return why the file cannot be resumed; "" if it can, or if it holds no page."""
        if label != _Label.of(self._form, self._owner, salt=label.salt):
            return "what was there is another account's or another version's"
        if not progress.sync_state.cursor:
            return ""
        if progress.sync_state.opened(now) != progress.sync_state:
            return "what was there is older than a day"
        return "" if self._has(progress) else "what was there had been changed"

    def _has(self, progress: _Progress) -> bool:
        sizes = {"contacts": progress.size, "seen": progress.seen}
        try:
            return all((self.folder / name).stat().st_size >= size for name, size in sizes.items())
        except FileNotFoundError:
            return False

    def _start(self, now: float) -> None:
        self._label = _Label.of(self._form, self._owner)
        self._seen = SeenIds(self._label.key)
        self._extend("contacts", 0, self._format.head)
        self._extend("seen", 0, b"")
        self._save_progress(_Progress(len(self._format.head), sync_state=SyncState().restarted(now)))

    def _extend(self, name: str, size: int, content: bytes) -> None:
        """Truncate a file to a size, and append the content."""
        with _opened(self.folder / name) as file:
            file.truncate(size)
            file.seek(size)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _save_progress(self, progress: _Progress) -> None:
        state = {"label": asdict(self._label), "progress": asdict(progress)}
        write_private(self.folder / "state", json.dumps(state).encode())
        self._progress = self._saved = progress
        self._unsaved = []

    def _remove(self, *names: str) -> None:
        with suppress(OSError):
            for name in names:
                (self.folder / name).unlink(missing_ok=True)
            self.folder.rmdir()


def _read_state(content: bytes) -> tuple[_Label, _Progress]:
    state = json.loads(content)
    progress = _Progress(**state["progress"])
    return _Label(**state["label"]), replace(progress, sync_state=SyncState(**state["progress"]["sync_state"]))


def _opened(path: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "r+b")


@contextmanager
def _map_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileUnusable(error.errno) from None
