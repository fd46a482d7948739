"""The place of the index: private files, one writer, takeover, removal."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any

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
def locations(folder: Path) -> Iterator[list[FileLocation]]:
    """Three processes' locations of one account."""
    locations = [FileLocation(folder, OWNER) for _ in range(3)]
    yield locations
    for location in locations:
        location.close()


def test_an_index_in_memory_stays_until_it_is_wiped() -> None:
    location = MemoryLocation()
    index = location.take()
    index.upsert(SOMEBODY, generation=1, state={})
    assert location.take() is index
    location.wipe()
    assert location.take().count() == 0
    location.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_folder_and_its_files_are_the_users_alone(folder: Path, locations: list[FileLocation]) -> None:
    folder.mkdir(parents=True, mode=0o755)
    locations[0].take().upsert(SOMEBODY, generation=1, state={})
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.suffix: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "": 0o600,
        ".db": 0o600,
        ".lock": 0o600,
        ".db-wal": 0o600,
        ".db-shm": 0o600,
    }


def test_the_token_is_in_no_name_and_no_file(folder: Path, locations: list[FileLocation]) -> None:
    locations[0].take().upsert(SOMEBODY, generation=1, state={})
    for path in folder.iterdir():
        assert "hunter2" not in path.name
        assert b"hunter2" not in path.read_bytes()


def test_the_name_depends_on_the_owner_and_on_a_key_that_stays_in_the_folder(folder: Path, tmp_path: Path) -> None:
    path = index_path(folder, OWNER)
    assert path == index_path(folder, OWNER)
    assert path != index_path(folder, OWNER + "x")
    assert path.name != index_path(tmp_path / "elsewhere", OWNER).name


def test_one_writes_and_the_others_read(locations: list[FileLocation]) -> None:
    locations[0].take().upsert(SOMEBODY, generation=1, state={"sync_state": "x"})
    for location in locations[1:]:
        assert location.take().count() == 1
        assert not location.is_writer
        with pytest.raises(IndexUnusable):
            location.take().remember({"sync_state": "y"})


def test_a_reader_of_a_missing_file_sees_nothing_and_later_the_file(locations: list[FileLocation]) -> None:
    writer, reader, _ = locations
    writer.take()
    writer.wipe()
    assert reader.take().count() == 0
    writer.take().upsert(SOMEBODY, generation=1, state={})
    assert reader.take().count() == 1


def test_when_the_writer_ends_another_process_takes_over_and_loses_nothing(locations: list[FileLocation]) -> None:
    first, second, third = locations
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
def test_a_malformed_file_is_created_again(folder: Path, locations: list[FileLocation], content: bytes) -> None:
    index_path(folder, OWNER).write_bytes(content)
    assert locations[0].take().count() == 0


def test_an_index_of_another_version_is_created_again(folder: Path, locations: list[FileLocation]) -> None:
    locations[0].take().upsert(SOMEBODY, generation=1, state={})
    locations[0].close()
    connection = sqlite3.connect(index_path(folder, OWNER))
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert locations[1].take().count() == 0


def test_clearing_leaves_no_contact_and_a_writer_creates_a_new_file(
    folder: Path, locations: list[FileLocation]
) -> None:
    locations[0].take().upsert(SOMEBODY, generation=1, state={})
    assert clear_indexes(folder) == 1
    assert {path.suffix for path in folder.iterdir()} == {"", ".lock"}
    assert locations[0].take().count() == 0
    locations[0].take().upsert(SOMEBODY, generation=1, state={})
    assert locations[1].take().count() == 1
    locations[0].close()
    assert inspect_index(index_path(folder, OWNER)).contacts == 1


def test_clearing_where_there_is_nothing_is_no_error(folder: Path) -> None:
    assert clear_indexes(folder) == 0
    assert find_index(folder, OWNER) is None
    assert not folder.exists()


def test_files_that_were_not_used_for_long_are_removed(folder: Path, locations: list[FileLocation]) -> None:
    used, unused = FileLocation(folder, "used"), FileLocation(folder, "unused")
    for location, owner in [(used, "used"), (unused, "unused")]:
        location.take()
        os.utime(index_path(folder, owner), (1, 1))
    unused.close()
    os.utime(index_path(folder, "unused"), (1, 1))
    locations[0].take()
    assert find_index(folder, "used")
    assert not find_index(folder, "unused")
    used.close()


def test_an_index_can_be_inspected_while_it_is_written(folder: Path, locations: list[FileLocation]) -> None:
    locations[0].take().upsert(SOMEBODY, generation=1, state={"sync_state": "x"})
    path = find_index(folder, OWNER)
    assert path is not None
    seen = inspect_index(path)
    assert (seen.contacts, seen.state, seen.has_writer) == (1, {"sync_state": "x"}, True)
    locations[0].close()
    assert not inspect_index(path).has_writer
    path.write_bytes(b"not a database" * 500)
    assert inspect_index(path).contacts is None


def test_without_a_folder_the_index_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    location = FileLocation(tmp_path / "file" / "telecmi-mcp", OWNER)
    location.take().upsert(SOMEBODY, generation=1, state={})
    assert (location.take().count(), location.is_writer) == (1, True)
    assert NOT_A_FILE in location.notice
    location.wipe()
    assert location.take().count() == 0
    location.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such owners")
def test_a_folder_of_another_user_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.raises(PermissionError):
        index_path(folder, OWNER)
    location = FileLocation(folder, OWNER)
    location.take().upsert(SOMEBODY, generation=1, state={})
    location.close()
    assert list(folder.iterdir()) == []
    with pytest.raises(IndexUnusable, match="belongs to another user"):
        clear_indexes(folder)


@pytest.mark.parametrize(("days", "is_kept"), [(29, True), (31, False)])
def test_a_file_stays_for_30_days_after_its_last_use(
    folder: Path, locations: list[FileLocation], days: int, *, is_kept: bool
) -> None:
    unused = FileLocation(folder, "unused")
    unused.take()
    unused.close()
    then = time.time() - days * 86_400
    os.utime(index_path(folder, "unused"), (then, then))
    locations[0].take()
    assert bool(find_index(folder, "unused")) is is_kept


def test_a_removed_contact_is_overwritten_in_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without compacting: a process that is killed before it leaves no name either."""
    real = sqlite3.connect

    def connect(address: str, **given: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(address, **given)
        connection.execute("PRAGMA secure_delete = OFF")  # some systems build SQLite with another default
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    location = FileLocation(folder, OWNER)
    index = location.take()
    index.upsert(
        [Contact(contact_id=f"c{number}", first_name=f"Zebulon{number}") for number in range(50)],
        generation=1,
        state={},
    )
    index.delete([f"c{number}" for number in range(50)])
    location.close()  # which moves the log into the file
    assert b"Zebulon" not in index_path(folder, OWNER).read_bytes()
