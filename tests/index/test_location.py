"""Where the index stands: private files, one writer, taking over, wiping."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp import Contact
from telecmi_mcp._index.files import NOT_A_FILE, index_path
from telecmi_mcp._index.location import FileLocation, MemoryLocation, clear_indexes, find_index, inspect_index
from telecmi_mcp.errors import IndexUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWNER = "https://rest.telecmi.com\nhunter2-token"
SOMEBODY = [Contact(contact_id="c1", first_name="Zebulon")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "telecmi-mcp"


@pytest.fixture
def shelves(folder: Path) -> Iterator[list[FileLocation]]:
    """Three processes' shelves of one account."""
    shelves = [FileLocation(folder, OWNER) for _ in range(3)]
    yield shelves
    for shelf in shelves:
        shelf.close()


def test_a_memory_shelf_keeps_one_index_until_it_is_wiped() -> None:
    shelf = MemoryLocation()
    index = shelf.take()
    index.upsert(SOMEBODY, generation=1, state={})
    assert shelf.take() is index
    shelf.wipe()
    assert shelf.take().count() == 0
    shelf.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_folder_and_its_files_are_the_users_alone(folder: Path, shelves: list[FileLocation]) -> None:
    folder.mkdir(parents=True, mode=0o755)
    shelves[0].take().upsert(SOMEBODY, generation=1, state={})
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.suffix: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "": 0o600,
        ".db": 0o600,
        ".lock": 0o600,
        ".db-wal": 0o600,
        ".db-shm": 0o600,
    }


def test_the_token_is_in_no_name_and_no_file(folder: Path, shelves: list[FileLocation]) -> None:
    shelves[0].take().upsert(SOMEBODY, generation=1, state={})
    for path in folder.iterdir():
        assert "hunter2" not in path.name
        assert b"hunter2" not in path.read_bytes()


def test_the_name_depends_on_the_owner_and_on_a_key_that_stays_in_the_folder(folder: Path, tmp_path: Path) -> None:
    path = index_path(folder, OWNER)
    assert path == index_path(folder, OWNER)
    assert path != index_path(folder, OWNER + "x")
    assert path.name != index_path(tmp_path / "elsewhere", OWNER).name


def test_one_writes_and_the_others_read(shelves: list[FileLocation]) -> None:
    shelves[0].take().upsert(SOMEBODY, generation=1, state={"sync_state": "x"})
    for shelf in shelves[1:]:
        assert shelf.take().count() == 1
        assert not shelf.is_writer
        with pytest.raises(IndexUnusable):
            shelf.take().remember({"sync_state": "y"})


def test_a_reader_of_what_is_not_there_yet_sees_nothing_and_then_what_there_is(shelves: list[FileLocation]) -> None:
    writer, reader, _ = shelves
    writer.take()
    writer.wipe()
    assert reader.take().count() == 0
    writer.take().upsert(SOMEBODY, generation=1, state={})
    assert reader.take().count() == 1


def test_when_the_writer_goes_another_takes_over_and_loses_nothing(shelves: list[FileLocation]) -> None:
    first, second, third = shelves
    first.take().upsert(SOMEBODY, generation=1, state={"sync_state": "x"})
    assert second.take().count() == 1
    first.close()
    assert second.take().state() == {"sync_state": "x"}
    assert second.is_writer
    second.take().upsert([Contact(contact_id="c2")], generation=1, state={})
    assert third.take().count() == 2
    assert not third.is_writer


def test_two_owners_have_two_files(folder: Path) -> None:
    one, other = FileLocation(folder, OWNER), FileLocation(folder, OWNER + "x")
    one.take().upsert(SOMEBODY, generation=1, state={})
    assert other.take().count() == 0
    assert one.is_writer
    assert other.is_writer
    one.close()
    other.close()


@pytest.mark.parametrize("content", [b"not a database" * 500, b""])
def test_a_malformed_file_is_made_anew(folder: Path, shelves: list[FileLocation], content: bytes) -> None:
    index_path(folder, OWNER).write_bytes(content)
    assert shelves[0].take().count() == 0


def test_an_index_of_another_version_is_made_anew(folder: Path, shelves: list[FileLocation]) -> None:
    shelves[0].take().upsert(SOMEBODY, generation=1, state={})
    shelves[0].close()
    connection = sqlite3.connect(index_path(folder, OWNER))
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert shelves[1].take().count() == 0


def test_clearing_leaves_no_contact_and_a_writer_begins_anew(folder: Path, shelves: list[FileLocation]) -> None:
    shelves[0].take().upsert(SOMEBODY, generation=1, state={})
    assert clear_indexes(folder) == 1
    assert {path.suffix for path in folder.iterdir()} == {"", ".lock"}
    assert shelves[0].take().count() == 0
    shelves[0].take().upsert(SOMEBODY, generation=1, state={})
    assert shelves[1].take().count() == 1
    shelves[0].close()
    assert inspect_index(index_path(folder, OWNER)).contacts == 1


def test_clearing_where_there_is_nothing_is_no_error(folder: Path) -> None:
    assert clear_indexes(folder) == 0
    assert find_index(folder, OWNER) is None
    assert not folder.exists()


def test_files_that_nobody_used_for_long_are_removed(folder: Path, shelves: list[FileLocation]) -> None:
    used, unused = FileLocation(folder, "used"), FileLocation(folder, "unused")
    for shelf, owner in [(used, "used"), (unused, "unused")]:
        shelf.take()
        os.utime(index_path(folder, owner), (1, 1))
    unused.close()
    os.utime(index_path(folder, "unused"), (1, 1))
    shelves[0].take()
    assert find_index(folder, "used")
    assert not find_index(folder, "unused")
    used.close()


def test_an_index_can_be_looked_at_while_it_is_written(folder: Path, shelves: list[FileLocation]) -> None:
    shelves[0].take().upsert(SOMEBODY, generation=1, state={"sync_state": "x"})
    path = find_index(folder, OWNER)
    assert path is not None
    seen = inspect_index(path)
    assert (seen.contacts, seen.state, seen.has_writer) == (1, {"sync_state": "x"}, True)
    shelves[0].close()
    assert not inspect_index(path).has_writer
    path.write_bytes(b"not a database" * 500)
    assert inspect_index(path).contacts is None


def test_without_a_folder_that_can_be_made_the_index_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    shelf = FileLocation(tmp_path / "file" / "telecmi-mcp", OWNER)
    shelf.take().upsert(SOMEBODY, generation=1, state={})
    assert (shelf.take().count(), shelf.is_writer) == (1, True)
    assert NOT_A_FILE in shelf.notice
    shelf.wipe()
    assert shelf.take().count() == 0
    shelf.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such owners")
def test_a_folder_of_another_user_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.raises(PermissionError):
        index_path(folder, OWNER)
    shelf = FileLocation(folder, OWNER)
    shelf.take().upsert(SOMEBODY, generation=1, state={})
    shelf.close()
    assert list(folder.iterdir()) == []
    with pytest.raises(IndexUnusable, match="belongs to another user"):
        clear_indexes(folder)


@pytest.mark.parametrize(("days", "is_kept"), [(29, True), (31, False)])
def test_a_file_stays_for_30_days_after_its_last_use(
    folder: Path, shelves: list[FileLocation], days: int, *, is_kept: bool
) -> None:
    unused = FileLocation(folder, "unused")
    unused.take()
    unused.close()
    then = time.time() - days * 86_400
    os.utime(index_path(folder, "unused"), (then, then))
    shelves[0].take()
    assert bool(find_index(folder, "unused")) is is_kept


def test_what_is_removed_is_overwritten_in_the_file(folder: Path) -> None:
    """Without the rewriting of the file after a pass: a process that is killed before it leaves no name either."""
    shelf = FileLocation(folder, OWNER)
    index = shelf.take()
    index.upsert(
        [Contact(contact_id=f"c{number}", first_name=f"Zebulon{number}") for number in range(50)],
        generation=1,
        state={},
    )
    index.delete([f"c{number}" for number in range(50)])
    shelf.close()  # which moves the log into the file
    assert b"Zebulon" not in index_path(folder, OWNER).read_bytes()
