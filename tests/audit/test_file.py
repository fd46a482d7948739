"""The audit file of a local server: private, whole lines, and never in the way of a call."""

from __future__ import annotations

import json
import subprocess
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from e2e.lines import PATIENCE, environment
from telecmi_mcp._audit.file import KEY_FILE, FileWriter, open_audit_file, user_name, why_unusable
from telecmi_mcp._audit.log import Entry
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENTRY = Entry("amal", "tools/call", "get_contact", "ok", 0.01, 1, ["d3b07384-d113-4ec5-a5ae-be81d6e3c239"])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def write(path: Path, state: Path, entry: Entry = ENTRY) -> None:
    with open_audit_file(path, state=state) as audit:
        audit.write(entry)


def test_the_file_is_private_and_processes_of_a_user_name_a_contact_alike(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    write(path, tmp_path)
    write(path, tmp_path)
    first, second = lines(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert first["seen"] == second["seen"]
    assert first["replica"] != second["replica"]
    assert "d3b07384" not in path.read_text(encoding="ascii")


def test_another_key_names_the_contact_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    write(path, tmp_path)
    (tmp_path / KEY_FILE).unlink()
    write(path, tmp_path)
    first, second = lines(path)
    assert first["seen"] != second["seen"]
    assert first["hash_key"] != second["hash_key"]


def test_a_key_that_others_can_read_is_not_used_and_the_log_says_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "audit.log", tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    write(tmp_path / "audit.log", tmp_path)
    first, second = lines(tmp_path / "audit.log")
    assert "seen" in first
    assert "seen" not in second
    (message,) = caplog.messages
    assert message.startswith("the audit does not tell who saw which contact. Run chmod 600 ")


def make_link(path: Path) -> None:
    (path.parent / "other").touch(0o600)
    path.symlink_to(path.parent / "other")


def make_second_name(path: Path) -> None:
    (path.parent / "other").touch(0o600)
    path.hardlink_to(path.parent / "other")


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (make_link, "it is a symbolic link"),
        (make_second_name, "it has a second name, a hard link"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.touch(0o644), "other users have rights to it: run chmod 600 on it"),
        (lambda path: path.parent.rmdir(), "its folder does not exist"),
    ],
    ids=["symbolic link", "hard link", "folder", "readable", "no folder"],
)
def test_a_file_that_is_not_private_is_refused_and_stays_as_it_is(
    make: Callable[[Path], object], fact: str, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "audit.log"
    path.parent.mkdir()
    make(path)
    with pytest.raises(ConfigurationError, match=r"^Correct TELECMI_AUDIT_FILE: ") as caught:
        FileWriter(path)
    assert caught.value.fact == fact == why_unusable(path)
    other = path.parent / "other"
    assert not other.exists() or other.read_bytes() == b""


def test_several_writers_add_whole_lines_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    writers = [FileWriter(path) for _ in range(4)]

    def add(writer: FileWriter, number: int) -> None:
        for count in range(200):
            writer.write_piece(json.dumps({"writer": number, "count": count, "text": "x" * 3000}).encode() + b"\n")

    threads = [Thread(target=add, args=(writer, number)) for number, writer in enumerate(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for writer in writers:
        writer.close()
    found = lines(path)
    for number in range(4):
        assert [line["count"] for line in found if line["writer"] == number] == list(range(200))


def test_a_file_that_was_moved_away_is_created_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    writer = FileWriter(path)
    writer.write_piece(b"1\n")
    path.rename(tmp_path / "audit.log.1")
    writer.write_piece(b"2\n")
    writer.close()
    assert (tmp_path / "audit.log.1").read_bytes() == b"1\n"
    assert path.read_bytes() == b"2\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_in_place_of_a_moved_file_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    writer = FileWriter(path)
    path.unlink()
    make_link(path)
    with pytest.raises(OSError, match="symbolic"):
        writer.write_piece(b"1\n")
    writer.close()
    assert (tmp_path / "other").read_bytes() == b""


def test_a_folder_that_vanished_is_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "folder" / "audit.log"
    path.parent.mkdir()
    with open_audit_file(path, state=tmp_path) as audit:
        path.parent.rename(tmp_path / "away")
        for _ in range(3):
            audit.write(ENTRY)
    assert caplog.messages == ["audit lines cannot be written: FileNotFoundError"]


def test_a_folder_that_is_back_is_written_to_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "audit.log"
    path.parent.mkdir()
    writer = FileWriter(path)
    path.parent.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        writer.write_piece(b"1\n")
    (tmp_path / "away").rename(path.parent)
    writer.write_piece(b"2\n")
    writer.close()
    assert path.read_bytes() == b"2\n"


def test_a_full_disk_tears_no_later_line_and_is_reported_once(tmp_path: Path) -> None:
    program = f"""
import resource, sys
from pathlib import Path
from telecmi_mcp._audit.file import FileWriter
writer = FileWriter(Path({str(tmp_path / "audit.log")!r}))
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (150, limits[1]))  # as a full disk: a part of a line is written, then nothing
failed = 0
for number in range(4):
    try:
        writer.write_piece(b"%d%0{98}d\\n" % (number, 0))
    except OSError:
        failed += 1
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
writer.write_piece(b"last\\n")
print(failed)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=True, env=environment()
    )
    assert done.stdout == "3\n"
    first, torn, last = (tmp_path / "audit.log").read_text(encoding="ascii").splitlines()
    assert (first, last) == (f"0{0:098}", "last")
    assert torn.startswith("10")


def test_the_user_has_a_name_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "amal")
    assert user_name() == "amal"
