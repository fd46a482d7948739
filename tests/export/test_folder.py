"""The export folder: which ones are refused, and the files in it: private, complete, new, one at a time, ten a day."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp import Contact
from telecmi_mcp._export import ExportSlot, WrittenFile, check_folder, folder, open_format
from telecmi_mcp.errors import ExportLimitReached, FileUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = 1_795_687_200.0  # 2026-11-26T10:00:00Z
DAY = 86_400
PAGES = [[Contact("c1", first_name="=1+1"), Contact("c2")], [Contact("c3")], []]
RECORD = ".telecmi-mcp-exports"

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are POSIX")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder as it has to be."""
    place = tmp_path / "exports"
    place.mkdir(mode=0o700)
    return place


def export(place: Path, now: float = NOON, form: str = "jsonl") -> WrittenFile:
    with ExportSlot.take(place, clock=lambda: now) as slot:
        slot.write(open_format(form), PAGES)
    assert slot.written is not None
    return slot.written


def visible(place: Path) -> list[str]:
    """The names of all files but the record."""
    return sorted(path.name for path in place.iterdir() if path.name != RECORD)


def why_refused(place: Path) -> str:
    with pytest.raises(FileUnusable) as caught:
        check_folder(place)
    with pytest.raises(FileUnusable):
        ExportSlot.take(place)
    assert str(place) not in str(caught.value)
    assert len(str(caught.value)) <= 200
    return str(caught.value)


def test_a_folder_that_does_not_exist_is_refused_and_not_created(tmp_path: Path) -> None:
    said = why_refused(tmp_path / "none")
    assert said == (
        "The user must create the folder in TELECMI_EXPORT_FOLDER with mode 0700: it does not exist or cannot be read."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert why_refused(tmp_path / "file").endswith("to a folder: it is a file.")


def test_a_symbolic_link_to_a_folder_is_refused(tmp_path: Path, place: Path) -> None:
    (tmp_path / "link").symlink_to(place)
    assert why_refused(tmp_path / "link").endswith("to a folder: it is a symbolic link.")
    assert visible(place) == []


@posix
@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701, 0o770, 0o777, 0o1777])
def test_a_folder_to_which_others_have_a_right_is_refused(place: Path, mode: int) -> None:
    place.chmod(mode)
    assert why_refused(place) == (
        "The user must run chmod 700 on the folder in TELECMI_EXPORT_FOLDER: other users have rights to it."
    )


@posix
def test_a_folder_of_another_user_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: place.stat().st_uid + 1)
    assert why_refused(place).endswith("of their own: it belongs to another user.")


@posix
@pytest.mark.skipif(sys.platform != "win32" and os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_refused(place: Path) -> None:
    place.chmod(0o500)
    assert why_refused(place).endswith("it is not writable.")
    place.chmod(0o700)


@posix
def test_a_link_in_the_place_of_the_record_is_not_followed(place: Path, tmp_path: Path) -> None:
    (place / RECORD).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileUnusable):
        ExportSlot.take(place)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_is_private_and_its_name_holds_no_contact(place: Path) -> None:
    written = export(place)
    assert visible(place) == [written.path.name]
    assert written.path.name.startswith("telecmi-contacts-20261126T100000Z-")
    assert written.path.name.endswith(".jsonl")
    assert (written.contacts, written.size) == (3, written.path.stat().st_size)
    assert len(written.path.read_bytes().splitlines()) == 3
    if sys.platform != "win32":
        assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
        assert stat.S_IMODE((place / RECORD).stat().st_mode) == 0o600


def test_a_cell_that_would_be_a_formula_is_escaped(place: Path) -> None:
    assert b'"\'=1+1"' in export(place, form="csv").path.read_bytes()


def test_a_file_is_never_written_over_another(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "token_hex", lambda _: "1a2b")
    name = "telecmi-contacts-20261126T100000Z-1a2b.jsonl"
    (place / name).write_text("mine")
    with pytest.raises(FileUnusable):
        export(place)
    assert visible(place) == [name]
    assert (place / name).read_text() == "mine"


@posix
@pytest.mark.parametrize("name", ["telecmi-contacts-20261126T100000Z-1a2b.jsonl", ".{}.part"])
def test_a_link_in_the_place_of_the_file_is_not_followed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(folder, "token_hex", lambda _: "1a2b")
    with ExportSlot.take(place, clock=lambda: NOON) as slot:
        (place / name.format("telecmi-contacts-20261126T100000Z-1a2b.jsonl")).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileUnusable):
            slot.write(open_format("jsonl"), PAGES)
    assert not (tmp_path / "elsewhere").exists()


def test_another_file_in_the_place_of_the_unfinished_one_is_not_written_into(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "token_hex", lambda _: "1a2b")
    (tmp_path / "mine").write_text("mine")
    with ExportSlot.take(place, clock=lambda: NOON) as slot:
        os.link(tmp_path / "mine", place / ".telecmi-contacts-20261126T100000Z-1a2b.jsonl.part")
        with pytest.raises(FileUnusable):
            slot.write(open_format("jsonl"), PAGES)
    assert (tmp_path / "mine").read_text() == "mine"


def test_the_file_appears_when_it_is_complete(place: Path) -> None:
    seen: list[list[str]] = []

    def watched() -> Iterator[list[Contact]]:
        for page in PAGES:
            seen.append([name for name in visible(place) if not name.startswith(".")])
            yield page

    with ExportSlot.take(place) as slot:
        slot.write(open_format("csv"), watched())
    assert seen == [[], [], []]
    assert len(visible(place)) == 1


@pytest.mark.parametrize("fault", [ValueError(), KeyboardInterrupt(), OSError(28, "no space")])
def test_an_export_that_fails_leaves_no_file_and_counts_for_nothing(place: Path, fault: BaseException) -> None:
    def failing() -> Iterator[list[Contact]]:
        yield PAGES[0]
        raise fault

    for _ in range(11):
        with (
            ExportSlot.take(place) as slot,
            pytest.raises(FileUnusable if isinstance(fault, OSError) else type(fault)),
        ):
            slot.write(open_format("vcf"), failing())
        assert slot.written is None
    assert visible(place) == []


def test_what_a_killed_export_left_is_removed_by_the_next(place: Path) -> None:
    (place / ".telecmi-contacts-20261126T090000Z-0000.csv.part").write_text("half of the contacts")
    (place / ".mine.part").write_text("mine")
    assert visible(place) != [".mine.part", export(place).path.name]
    assert ".telecmi-contacts-20261126T090000Z-0000.csv.part" not in visible(place)
    assert (place / ".mine.part").exists()


def test_a_second_export_at_a_time_is_refused_until_the_first_ends(place: Path) -> None:
    with ExportSlot.take(place), pytest.raises(ExportLimitReached, match="another export is running"):
        ExportSlot.take(place)
    assert export(place)


def test_ten_files_in_24_hours_are_written_whoever_removes_them(place: Path) -> None:
    for number in range(10):
        export(place, NOON + number).path.unlink()
    with pytest.raises(ExportLimitReached, match="10 exported files in 24 hours"):
        export(place, NOON + DAY - 1)
    assert visible(place) == []
    assert export(place, NOON + DAY)
    with pytest.raises(ExportLimitReached):
        export(place, NOON + DAY)
    assert export(place, NOON + DAY + 1)


def test_times_of_a_clock_that_was_wrong_do_not_count_for_ever(place: Path) -> None:
    for _ in range(10):
        export(place, NOON + 1000 * DAY)
    assert export(place, NOON)
