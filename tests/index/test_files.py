"""What becomes of the index on disk under a running server: each state of its folder and files, with a real folder."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import sqlite3
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import ASGITransport

from conftest import SIGNED_IN
from telecmi_mcp import Contact, open_app
from telecmi_mcp._index.files import FULL, NOT_A_FILE, NOT_OURS, NOT_WRITABLE, TOO_LARGE, inodes_of, is_sound, reason_of
from telecmi_mcp._index.location import FileLocation
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp.errors import IndexUnusable
from telecmi_mcp.sandbox import create_sandbox, make_contacts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from telecmi_mcp import App

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and pipes of POSIX")

SOMEBODY = [Contact(contact_id="c1", first_name="Zebulon")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "telecmi-mcp"


@asynccontextmanager
async def opened(*, contacts: int = 150) -> AsyncIterator[App]:
    """An app with its index on disk."""
    sandbox = create_sandbox(contacts=make_contacts(contacts))
    settings = dataclasses.replace(SIGNED_IN, index="disk", index_max_age=3600)
    async with open_app(settings, transport=ASGITransport(app=sandbox)) as app:
        yield app


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.db")
    return path


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def play(folder: Path) -> None:
        path = the_file(folder)
        path.unlink()
        make(path)

    return play


def linked(path: Path) -> None:
    target = path.parent.parent / "somebody's"
    target.write_bytes(b"precious")
    path.symlink_to(target)


def second_name(folder: Path) -> None:
    os.link(the_file(folder), folder.parent / "another name")


def each_of_its_files(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def play(folder: Path) -> None:
        for path in list(folder.iterdir()):
            path.unlink()
            make(path)

    return play


def without_log(folder: Path) -> None:
    for end in ("-wal", "-shm"):
        (folder / (the_file(folder).name + end)).unlink()


MADE_ANEW: dict[str, Callable[[Path], object]] = {
    "the folder removed": removed,
    "the folder open to writers": lambda folder: folder.chmod(0o777),
    "the folder open to its group": lambda folder: folder.chmod(0o770),
    "the folder without rights": lambda folder: folder.chmod(0o500),
    "an empty folder for the file": replaced(lambda path: path.mkdir()),
    "a pipe for the file": replaced(os.mkfifo),
    "a link for the file": replaced(linked),
    "a link that leads nowhere": replaced(lambda path: path.symlink_to("nowhere")),
    "a second name of the file": second_name,
    "the file open to others": lambda folder: the_file(folder).chmod(0o666),
    "garbage in the file": lambda folder: the_file(folder).write_bytes(b"garbage" * 20_000),
    "garbage in place of the file": replaced(lambda path: path.write_bytes(b"garbage" * 20_000)),
    "the file emptied": lambda folder: os.truncate(the_file(folder), 0),
    "the file cut": lambda folder: os.truncate(the_file(folder), 5000),
    "the log removed": without_log,
    "the key removed": lambda folder: (folder / "key").unlink(),
    "the key emptied": lambda folder: (folder / "key").write_bytes(b""),
    "a key that is too long": lambda folder: (folder / "key").write_bytes(b"x" * 100),
    "pipes for all files": each_of_its_files(os.mkfifo),
    "links for all files": each_of_its_files(lambda path: path.symlink_to("nowhere")),
    "the lock removed": lambda folder: the_file(folder).with_suffix(".lock").unlink(),
}


def kept_in(folder: Path) -> int:
    """How many contacts there are in the one index of the folder, once everything else was looked at."""
    assert folder.stat().st_mode & 0o777 == 0o700
    path = the_file(folder)
    assert is_sound(path)
    assert (path.lstat().st_mode & 0o177777, path.lstat().st_nlink) == (0o100600, 1)
    target = folder.parent / "somebody's"
    assert not target.exists() or target.read_bytes() == b"precious"
    with Index(path, read_only=True) as index:
        return index.count()


@pytest.mark.parametrize("play", MADE_ANEW.values(), ids=MADE_ANEW)
async def test_the_index_is_made_anew_and_the_search_answers(play: Callable[[Path], object], folder: Path) -> None:
    async with opened() as app:
        assert (await app.directory.search("Priya Acme")).indexed == 150
        play(folder)
        found = await app.directory.search("Priya Acme")
        assert found.hits[0].contact.first_name == "Priya"
        again = await app.directory.search("zzkqwx nobody")
        assert (again.complete, again.indexed, again.place) == (True, 150, "")
    assert kept_in(folder) == 150


@pytest.mark.parametrize("play", MADE_ANEW.values(), ids=MADE_ANEW)
def test_a_process_that_only_reads_goes_on_too(play: Callable[[Path], object], folder: Path) -> None:
    """The writer notices before its next page, the reader with its next look; neither answers from what is not ours."""
    writer, reader = FileLocation(folder, "owner"), FileLocation(folder, "owner")
    try:
        writer.take().upsert(SOMEBODY, generation=1, state={})
        assert reader.take().count() == 1
        play(folder)
        for shelf in (reader, writer, reader):
            try:
                shelf.take().count()
            except IndexUnusable as unusable:
                assert unusable.malformed
                shelf.wipe()
        assert [shelf.is_writer and not shelf.notice for shelf in (writer, reader)].count(True) == 1
        for shelf in (writer, reader):
            if shelf.is_writer:
                shelf.take().upsert(SOMEBODY, generation=1, state={})
        assert [writer.take().count(), reader.take().count()] == [1, 1]
        assert writer.notice == ""
        assert not reader.notice or play is without_log, "which nobody can read before the writer has made it anew"
    finally:
        reader.close()
        writer.close()


def full_folder(path: Path) -> None:
    path.mkdir()
    (path / "something").touch()


def of_somebody_else(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)


def in_use(folder: Path, _: pytest.MonkeyPatch) -> None:
    replaced(full_folder)(folder)


def a_file_for_the_folder(folder: Path, _: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder)
    folder.touch()


IN_MEMORY = {
    "another user's folder": (of_somebody_else, NOT_OURS),
    "a folder with something in it": (in_use, NOT_A_FILE),
    "a file for the folder": (a_file_for_the_folder, NOT_A_FILE),
}


@pytest.mark.parametrize(("play", "reason"), IN_MEMORY.values(), ids=IN_MEMORY)
async def test_where_no_file_can_be_the_search_answers_from_memory_and_says_so(
    play: Callable[[Path, pytest.MonkeyPatch], None], reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app:
        assert (await app.directory.search("Priya Acme")).place == ""
        play(folder, monkeypatch)
        found = await app.directory.search("zzkqwx nobody")
        assert (found.complete, found.indexed) == (True, 150)
        assert reason in found.notice
        assert (await app.directory.search("Priya Acme")).hits[0].contact.first_name == "Priya"


@pytest.mark.parametrize(("play", "reason"), IN_MEMORY.values(), ids=IN_MEMORY)
async def test_and_so_does_a_server_that_starts_there(
    play: Callable[[Path, pytest.MonkeyPatch], None], reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app:
        await app.directory.search("Priya Acme")
    play(folder, monkeypatch)
    async with opened() as app:
        found = await app.directory.search("Priya Acme")
        assert (found.hits[0].contact.first_name, found.indexed) == ("Priya", 150)
        assert reason in found.notice


async def test_a_folder_of_another_user_is_never_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(contacts=450) as app:
        assert (await app.directory.search("zzkqwx nobody")).indexed == 450
    of_somebody_else(folder, monkeypatch)
    async with opened(contacts=150) as app:
        assert (await app.directory.search("zzkqwx nobody")).indexed == 150


def take_the_other(folder: Path, path: Path) -> None:
    """Put the other index of the folder in the place of this one."""
    (theirs,) = set(folder.glob("*.db")) - {path}
    theirs.replace(path)


async def test_the_file_of_another_account_under_this_ones_name_is_not_read(folder: Path) -> None:
    async with opened() as app:
        await app.directory.search("Priya Acme")
    path = the_file(folder)
    other = FileLocation(folder, "another account")
    other.take().upsert(SOMEBODY, generation=1, state={})
    other.close()
    take_the_other(folder, path)
    async with opened() as app:
        found = await app.directory.search("Zebulon")
        assert (found.hits, found.indexed) == ((), 150)


async def test_a_full_disk_is_named_and_what_was_read_before_answers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app:
        await app.directory.search("Priya Acme")
        limit_pages(monkeypatch)
        connection = sqlite3.connect(the_file(folder))
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.close()
        assert pages > 10
    shutil.rmtree(folder)
    async with opened() as app:
        found = await app.directory.search("zzkqwx nobody")
        assert (found.complete, found.indexed) == (True, 150)
        assert FULL in found.notice
        assert (await app.directory.search("Priya Acme")).hits[0].contact.first_name == "Priya"


def limit_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite find the disk full after a few pages of the database."""
    real = sqlite3.connect

    def connect(address: str, **given: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(address, **given)
        if address != ":memory:":
            connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)


async def test_a_disk_that_fills_up_later_costs_no_contact_that_was_read(folder: Path) -> None:
    shelf = FileLocation(folder, "owner")
    try:
        shelf.take().upsert(SOMEBODY, generation=1, state={"sync_state": "x"})
        assert shelf.retreat(FULL)
        assert (shelf.take().count(), shelf.take().state()) == (1, {"sync_state": "x"})
        shelf.take().upsert([Contact(contact_id="c2")], generation=1, state={})
        assert (shelf.take().count(), shelf.is_writer) == (2, True)
        assert FULL in shelf.notice
        successor = FileLocation(folder, "owner")
        assert (successor.take().count(), successor.is_writer) == (1, True), "the lock is free"
        successor.close()
    finally:
        shelf.close()


@pytest.mark.parametrize("play", [removed, MADE_ANEW["the lock removed"], MADE_ANEW["garbage in place of the file"]])
def test_nothing_is_written_to_a_file_that_is_no_longer_at_its_place(
    play: Callable[[Path], object], folder: Path
) -> None:
    shelf = FileLocation(folder, "owner")
    index = shelf.take()
    play(folder)
    with pytest.raises(IndexUnusable) as caught:
        index.upsert(SOMEBODY, generation=1, state={})
    assert caught.value.malformed
    shelf.close()


def test_two_processes_are_never_writers_though_the_lock_was_removed(folder: Path) -> None:
    first, second = FileLocation(folder, "owner"), FileLocation(folder, "owner")
    first.take()
    MADE_ANEW["the lock removed"](folder)
    assert not first.is_writer
    second.take()
    first.take()
    assert (first.is_writer, second.is_writer) == (False, True)
    first.close()
    second.close()


def test_every_error_of_the_system_has_a_reason_in_our_words(folder: Path) -> None:
    told = {code: reason_of(OSError(code, "x")) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)}
    assert told == {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EFBIG: TOO_LARGE, errno.EROFS: NOT_WRITABLE}
    assert inodes_of(folder / "nothing") == (None, None, None)
