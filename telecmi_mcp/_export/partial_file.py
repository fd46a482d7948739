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
_PAGES_AT_ONCE = 10  # to bring something to the disk may take as long as a page takes to arrive


@dataclass(frozen=True, slots=True)
class _Label:
    """Whose contacts a draft holds and in which form: what has to be the same for the next process to go on.

    The owner is hashed, since it may be a token; the salt is also the key of the ids' hashes.
    """

    form: str
    owner: str
    salt: str
    version: str = __version__
    limit: int = PAGE

    @classmethod
    def of(cls, form: str, owner: str, *, salt: str | None = None) -> _Label:
        """Label a draft of this owner's."""
        label = cls(form, "", salt or token_hex(_SALT_BYTES))
        return replace(label, owner=blake2b(owner.encode(), key=label.key).hexdigest())

    @property
    def key(self) -> bytes:
        return self.salt.encode()


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far it is: the sizes of both files in bytes, the entries that were too many, and the list's ledger."""

    size: int
    seen: int = 0
    surplus: int = 0
    sync_state: SyncState = field(default_factory=SyncState)


class PartialFile:
    """A file that grows by some pages at a time, survives its process, and is put in its place when it is whole.

    Every page is on the disk before the cursor of the next one is, so that a process that is killed at any moment
    loses at most ten pages: the next one cuts off what had not been noted and reads it again.

    All methods block; call them in a thread. They raise ``FileUnusable`` where the file system refuses.

    Attributes:
        path: The file that it becomes.
        resumed: How many contacts an earlier process had read, if this one goes on from there.
        restarted: Why it does not, although there was something; "" otherwise.
    """

    def __init__(self, path: Path, form: FileFormat, owner: str) -> None:
        self.path = path
        self.folder = path.with_name(f".{path.name}.part")
        self.resumed = 0
        self.restarted = ""
        self._form = form
        self._owner = owner
        self._label = _Label.of(form.name, owner)
        self._progress = self._saved = _Progress(len(form.head))
        self._seen = SeenIds(self._label.key)
        self._unsaved: list[tuple[bytes, bytes]] = []  # of each page, the contacts and the marks of their ids

    @property
    def sync_state(self) -> SyncState:
        """How far the list is read."""
        return self._progress.sync_state

    @property
    def contacts(self) -> int:
        """How many contacts it holds."""
        return self._progress.seen // BYTES

    @property
    def surplus(self) -> int:
        """How many entries TeleCMI gave beyond what a page may hold; they were left out."""
        return self._progress.surplus

    @property
    def lock(self) -> Path:
        """What a process locks that works on it."""
        return self.folder / "lock"

    def make_folder(self) -> None:
        """Make the folder, which nobody else may look into."""
        with _told():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            found = self.folder.lstat()
            if sys.platform != "win32" and (self.folder.is_symlink() or found.st_uid != os.getuid()):
                raise PermissionError
            self.folder.chmod(0o700)

    def open(self, now: float) -> None:
        """Go on with what an earlier process left; where there is nothing, or it does not fit, begin."""
        with _told():
            if not self._take_up(now):
                self._begin(now)

    def restart(self, now: float, why: str) -> None:
        """Begin again with an empty file."""
        with _told():
            self.resumed, self.restarted = 0, why
            self._begin(now)

    def append(self, page: ContactPage) -> None:
        """Add a page's contacts, but for those that are there already, and the cursor of the next page."""
        marks = [self._seen.add(contact.contact_id) for contact in page.contacts]
        known = b"".join(marks)
        fresh = (contact for contact, mark in zip(page.contacts, marks, strict=True) if mark)
        content = b"".join(map(self._form.render, fresh))
        so_far = self._progress
        self._progress = _Progress(
            size=so_far.size + len(content),
            seen=so_far.seen + len(known),
            surplus=so_far.surplus + page.surplus,
            sync_state=so_far.sync_state.after(page),
        )
        self._unsaved.append((content, known))
        if len(self._unsaved) == _PAGES_AT_ONCE:
            self.save()

    def save(self) -> None:
        """Bring to the disk what is not there yet, and then note the cursor that goes on from it."""
        if self._unsaved:
            contents, marks = zip(*self._unsaved, strict=True)
            with _told():
                self._extend("contacts", self._saved.size, b"".join(contents))
                self._extend("seen", self._saved.seen, b"".join(marks))
                self._note(self._progress)

    def put(self, path: Path) -> None:
        """Put the file at a path, at once and whole, and remove the rest."""
        self.save()
        with _told():
            (self.folder / "contacts").replace(path)
            self._remove("seen", "state", "lock")

    def clear_away(self) -> None:
        """Remove what Windows would not remove while the lock was held."""
        if sys.platform == "win32":
            with suppress(OSError):
                self._remove("lock")

    def _take_up(self, now: float) -> bool:
        try:
            label, progress = _read_state((self.folder / "state").read_bytes())
        except FileNotFoundError:
            return False
        except (KeyError, TypeError, ValueError):
            self.restarted = "what was there could not be read"
            return False
        self.restarted = self._objection(label, progress, now)
        if self.restarted or not progress.sync_state.cursor:
            return False
        self._label, self._progress, self._saved = label, progress, progress
        self._extend("contacts", progress.size, b"")
        self._extend("seen", progress.seen, b"")
        self._seen = SeenIds(label.key, (self.folder / "seen").read_bytes())
        self.resumed = self.contacts
        return True

    def _objection(self, label: _Label, progress: _Progress, now: float) -> str:
        """Why a draft cannot be gone on with; "" if it can, or if there is nothing in it."""
        if label != _Label.of(self._form.name, self._owner, salt=label.salt):
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

    def _begin(self, now: float) -> None:
        self._label = _Label.of(self._form.name, self._owner)
        self._seen = SeenIds(self._label.key)
        self._extend("contacts", 0, self._form.head)
        self._extend("seen", 0, b"")
        self._note(_Progress(len(self._form.head), sync_state=SyncState().restarted(now)))

    def _extend(self, name: str, size: int, content: bytes) -> None:
        """Cut a file off at a size, and write from there."""
        with _opened(self.folder / name) as file:
            file.truncate(size)
            file.seek(size)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _note(self, progress: _Progress) -> None:
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
    return os.fdopen(os.open(path, flags, 0o600), "r+b")  # made with its mode


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileUnusable(error.errno) from None
