"""Changes of the index folder under a running server: each state of the folder and its files, on a real disk."""

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
from paths import ROOT
from telecmi_mcp import Contact, open_app
from telecmi_mcp._index.files import (
    FULL,
    NOT_A_FILE,
    NOT_OURS,
    NOT_WRITABLE,
    TOO_LARGE,
    UNUSABLE,
    FileLock,
    index_path,
    inodes_of,
    is_sound,
    reason_of,
)
from telecmi_mcp._index.location import FileLocation
from telecmi_mcp._index.request import SearchRequest
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


CREATED_AGAIN: dict[str, Callable[[Path], object]] = {
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
    """Check the folder and its one index, and return the number of its contacts."""
    assert folder.stat().st_mode & 0o777 == 0o700
    path = the_file(folder)
    assert is_sound(path)
    assert (path.lstat().st_mode & 0o177777, path.lstat().st_nlink) == (0o100600, 1)
    target = folder.parent / "somebody's"
    assert not target.exists() or target.read_bytes() == b"precious"
    with Index(path, read_only=True) as index:
        return index.count()


@pytest.mark.parametrize("play", CREATED_AGAIN.values(), ids=CREATED_AGAIN)
async def test_the_index_is_created_again_and_the_search_answers(play: Callable[[Path], object], folder: Path) -> None:
    async with opened() as app:
        assert (await app.directory.search(SearchRequest(query="Priya Acme"))).indexed == 150
        play(folder)
        found = await app.directory.search(SearchRequest(query="Priya Acme"))
        assert found.hits[0].contact.first_name == "Priya"
        again = await app.directory.search(SearchRequest(query="zzkqwx nobody"))
        assert (again.complete, again.indexed, again.place) == (True, 150, "")
    assert kept_in(folder) == 150


@pytest.mark.slow
@pytest.mark.parametrize("play", CREATED_AGAIN.values(), ids=CREATED_AGAIN)
def test_a_process_that_only_reads_continues_too(play: Callable[[Path], object], folder: Path) -> None:
    """The writer notices before a page, the reader at its next `take`; none reads a file that is not private."""
    writer, reader = FileLocation(folder, "owner"), FileLocation(folder, "owner")
    try:
        writer.take().upsert(SOMEBODY, generation=1, state={})
        assert reader.take().count() == 1
        play(folder)
        for location in (reader, writer, reader):
            try:
                location.take().count()
            except IndexUnusable as unusable:
                assert unusable.malformed
                location.wipe()
        assert [location.is_writer and not location.notice for location in (writer, reader)].count(True) == 1
        for location in (writer, reader):
            if location.is_writer:
                location.take().upsert(SOMEBODY, generation=1, state={})
        assert [writer.take().count(), reader.take().count()] == [1, 1]
        assert writer.notice == ""
        assert not reader.notice or play is without_log, "no process can read it before the writer creates it again"
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
async def test_where_no_file_can_be_created_the_search_uses_memory_and_says_so(
    play: Callable[[Path, pytest.MonkeyPatch], None], reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app:
        assert (await app.directory.search(SearchRequest(query="Priya Acme"))).place == ""
        play(folder, monkeypatch)
        found = await app.directory.search(SearchRequest(query="zzkqwx nobody"))
        assert (found.complete, found.indexed) == (True, 150)
        assert reason in found.notice
        assert (await app.directory.search(SearchRequest(query="Priya Acme"))).hits[0].contact.first_name == "Priya"


@pytest.mark.slow
@pytest.mark.parametrize(("play", "reason"), IN_MEMORY.values(), ids=IN_MEMORY)
async def test_a_server_that_starts_where_no_file_can_be_created_does_the_same(
    play: Callable[[Path, pytest.MonkeyPatch], None], reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
    play(folder, monkeypatch)
    async with opened() as app:
        found = await app.directory.search(SearchRequest(query="Priya Acme"))
        assert (found.hits[0].contact.first_name, found.indexed) == ("Priya", 150)
        assert reason in found.notice


async def test_a_folder_of_another_user_is_never_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(contacts=450) as app:
        assert (await app.directory.search(SearchRequest(query="zzkqwx nobody"))).indexed == 450
    of_somebody_else(folder, monkeypatch)
    async with opened(contacts=150) as app:
        assert (await app.directory.search(SearchRequest(query="zzkqwx nobody"))).indexed == 150


def replace_with_the_other(folder: Path, path: Path) -> None:
    """Put the other index of the folder in the place of this one."""
    (theirs,) = set(folder.glob("*.db")) - {path}
    theirs.replace(path)


async def test_a_file_of_another_account_with_this_accounts_name_is_not_read(folder: Path) -> None:
    async with opened() as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
    path = the_file(folder)
    other = FileLocation(folder, "another account")
    other.take().upsert(SOMEBODY, generation=1, state={})
    other.close()
    replace_with_the_other(folder, path)
    async with opened() as app:
        found = await app.directory.search(SearchRequest(query="Zebulon"))
        assert (found.hits, found.indexed) == ((), 150)


async def test_a_full_disk_is_named_and_the_contacts_that_were_read_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app:
        await app.directory.search(SearchRequest(query="Priya Acme"))
        limit_pages(monkeypatch)
        connection = sqlite3.connect(the_file(folder))
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.close()
        assert pages > 10
    shutil.rmtree(folder)
    async with opened() as app:
        found = await app.directory.search(SearchRequest(query="zzkqwx nobody"))
        assert (found.complete, found.indexed) == (True, 150)
        assert FULL in found.notice
        assert (await app.directory.search(SearchRequest(query="Priya Acme"))).hits[0].contact.first_name == "Priya"


def limit_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite find the disk full after a few pages of the database."""
    real = sqlite3.connect

    def connect(address: str, **given: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(address, **given)
        if address != ":memory:":
            connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)


async def test_a_disk_that_fills_up_later_loses_no_contact_that_was_read(folder: Path) -> None:
    location = FileLocation(folder, "owner")
    try:
        location.take().upsert(SOMEBODY, generation=1, state={"sync_state": "x"})
        assert location.use_memory(FULL)
        assert (location.take().count(), location.take().state()) == (1, {"sync_state": "x"})
        location.take().upsert([Contact(contact_id="c2")], generation=1, state={})
        assert (location.take().count(), location.is_writer) == (2, True)
        assert FULL in location.notice
        successor = FileLocation(folder, "owner")
        assert (successor.take().count(), successor.is_writer) == (1, True), "the lock is free"
        successor.close()
    finally:
        location.close()


REPLACED = ["the folder removed", "the lock removed", "garbage in place of the file", "the folder open to writers"]
CHANGES: dict[str, Callable[[Index], object]] = {
    "upsert": lambda index: index.upsert(SOMEBODY, generation=1, state={}),
    "delete": lambda index: index.delete(["c1"]),
    "sweep": lambda index: index.sweep(1),
    "remember": lambda index: index.remember({"at": "1"}),
    "compact": Index.compact,
}


@pytest.mark.parametrize("play", [CREATED_AGAIN[name] for name in REPLACED], ids=REPLACED)
def test_nothing_is_written_to_a_file_that_was_removed_or_replaced(
    play: Callable[[Path], object], folder: Path
) -> None:
    location = FileLocation(folder, "owner")
    index = location.take()
    play(folder)
    for change in CHANGES.values():
        with pytest.raises(IndexUnusable) as caught:
            change(index)
        assert caught.value.malformed
    location.close()


def test_an_index_in_a_folder_that_others_could_write_in_is_removed(folder: Path) -> None:
    """Its file is private, but another user may have put it there."""
    location = FileLocation(folder, "owner")
    location.take().upsert(SOMEBODY, generation=1, state={})
    location.close()
    path, key = the_file(folder), (folder / "key").read_bytes()
    folder.chmod(0o770)
    location = FileLocation(folder, "owner")
    assert (location.take().count(), location.is_writer, location.notice) == (0, True, "")
    assert (folder / "key").read_bytes() != key
    assert not path.exists()
    location.close()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_or_write_is_replaced(mode: int, folder: Path) -> None:
    before = index_path(folder, "owner")
    (folder / "key").chmod(mode)
    assert index_path(folder, "owner") != before
    assert (folder / "key").stat().st_mode & 0o777 == 0o600


def test_files_of_another_user_are_not_sound_and_not_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = FileLocation(folder, "owner")
    location.take().upsert(SOMEBODY, generation=1, state={})
    assert is_sound(the_file(folder))
    of_somebody_else(folder, monkeypatch)
    assert not is_sound(the_file(folder))
    location.use_memory(NOT_OURS)
    assert location.take().count() == 0
    location.close()


def test_a_lock_that_is_not_a_private_file_is_replaced(folder: Path) -> None:
    folder.mkdir()
    path = folder / "index.lock"
    os.mkfifo(path)
    lock = FileLock(path)
    assert lock.acquire()
    assert path.is_file()
    lock.release()


def test_removing_the_lock_never_makes_two_writers(folder: Path) -> None:
    first, second = FileLocation(folder, "owner"), FileLocation(folder, "owner")
    first.take()
    CREATED_AGAIN["the lock removed"](folder)
    assert not first.is_writer
    second.take()
    first.take()
    assert (first.is_writer, second.is_writer) == (False, True)
    first.close()
    second.close()


def test_every_error_of_the_system_has_a_reason_in_our_words(folder: Path) -> None:
    reported = {code: reason_of(OSError(code, "x")) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)}
    assert reported == {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EFBIG: TOO_LARGE, errno.EROFS: NOT_WRITABLE}
    assert inodes_of(folder / "nothing") == (None, None, None)


def test_the_page_of_the_search_lists_every_state_and_reason() -> None:
    page = (ROOT / "docs" / "search.md").read_text(encoding="utf8")
    created, removed_all, in_memory = (set(row.split(" | ")[0].strip("| ").split("; ")) for row in rows_of(page))
    assert set(CREATED_AGAIN) <= created | removed_all
    assert in_memory == {FULL, TOO_LARGE, NOT_OURS, NOT_WRITABLE, NOT_A_FILE, UNUSABLE}


def rows_of(page: str) -> list[str]:
    """Return the rows of the table of states."""
    table = page.partition("| State of the folder or its files |")[2].partition("\n\n")[0]
    return table.splitlines()[2:]
