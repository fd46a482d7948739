"""Tests that a client's file is replaced in one step and keeps its mode, its links and its byte order mark."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp._install import config_file
from telecmi_mcp.errors import ClientConfigError

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="a file has no mode there")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_backup_has_the_previous_contents(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"old")
    backup = config_file.replace(config_file.read(file), "new")
    assert backup == tmp_path / "a.json.before-telecmi-mcp"
    assert (file.read_bytes(), backup.read_bytes()) == (b"new", b"old")
    assert names(tmp_path) == ["a.json", "a.json.before-telecmi-mcp"]


def test_a_new_file_has_no_backup(tmp_path: Path) -> None:
    found = config_file.read(tmp_path / "a.json")
    assert (found.data, found.text) == (None, "")
    assert config_file.replace(found, "new") is None
    assert names(tmp_path) == ["a.json"]


@posix
def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    config_file.replace(config_file.read(tmp_path / "new"), "x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    old = tmp_path / "old"
    old.write_text("x")
    old.chmod(0o664)
    backup = config_file.replace(config_file.read(old), "y")
    assert backup is not None
    assert [stat.S_IMODE(path.stat().st_mode) for path in (old, backup)] == [0o664, 0o664]


def test_a_byte_order_mark_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"\xef\xbb\xbf{}")
    found = config_file.read(file)
    assert found.text == "{}"
    config_file.replace(found, "[é]")
    assert file.read_bytes() == b"\xef\xbb\xbf[\xc3\xa9]"


@posix
def test_a_symbolic_link_is_kept_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    target = tmp_path / "dotfiles" / "a.json"
    target.write_text("old")
    link = tmp_path / "a.json"
    link.symlink_to("dotfiles/a.json")
    config_file.replace(config_file.read(link), "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.json", "dotfiles"]


@posix
def test_circular_links_and_special_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes(b'{"a": "\xe9"}')
    for name in ["a", "pipe", "folder", "latin"]:
        with pytest.raises(ClientConfigError):
            config_file.read(tmp_path / name)


@posix
@pytest.mark.parametrize("locked", [".", "a.json"])
def test_a_read_only_file_is_not_changed(locked: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "a.json"
    file.write_text("old")
    (folder / locked).chmod(0o555 if locked == "." else 0o444)
    try:
        with pytest.raises(ClientConfigError, match="writable"):
            config_file.replace(config_file.read(file), "new")
        with pytest.raises(ClientConfigError, match="writable"):
            config_file.remove(config_file.read(file))
    finally:
        folder.chmod(0o755)
    assert file.read_text() == "old"
    assert names(folder) == ["a.json"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"1234")
    monkeypatch.setattr(config_file, "_MAX_BYTES", 4)
    assert config_file.read(file).data == b"1234"
    monkeypatch.setattr(config_file, "_MAX_BYTES", 3)
    with pytest.raises(ClientConfigError, match="not a configuration file"):
        config_file.read(file)


def test_a_path_through_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClientConfigError):
        config_file.replace(config_file.FileContents(tmp_path / "file" / "a.json"), "x")


@pytest.mark.parametrize("now", [None, b"theirs"])
def test_a_file_that_changed_since_it_was_read_is_not_overwritten(now: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    found = config_file.read(file)
    if now is None:
        file.unlink()
    else:
        file.write_bytes(now)
    with pytest.raises(config_file.ChangedMeanwhile):
        config_file.replace(found, "new")
    assert (file.read_bytes() if file.exists() else None) == now
    with pytest.raises(config_file.ChangedMeanwhile):
        config_file.remove(found)


def test_a_path_that_is_not_unicode_is_refused_before_any_write(tmp_path: Path) -> None:
    with pytest.raises(ClientConfigError):
        config_file.replace(config_file.read(tmp_path / "a.json"), "\udc80")
    assert names(tmp_path) == []
