"""What check says of the audit file: nothing without the setting, else whether lines can be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp import Settings
from telecmi_mcp._doctor import Verdict, check_audit_file

if TYPE_CHECKING:
    from pathlib import Path


def test_without_the_setting_there_is_no_line() -> None:
    assert [*check_audit_file(Settings())] == []


def test_a_file_is_good_before_and_after_its_first_line_and_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for _ in range(2):
        (result,) = check_audit_file(Settings(audit_file=path))
        assert (result.verdict, result.advice) == (Verdict.GOOD, "")
        path.touch(0o600)
    assert path.read_bytes() == b""
    (result,) = check_audit_file(Settings(audit_file=tmp_path / "b"))
    assert not (tmp_path / "b").exists()


def test_a_file_that_cannot_be_used_names_the_setting(tmp_path: Path) -> None:
    (result,) = check_audit_file(Settings(audit_file=tmp_path / "missing" / "audit.log"))
    assert (result.verdict, result.says) == (Verdict.BAD, "its folder does not exist")
    assert result.advice.startswith("Correct TELECMI_AUDIT_FILE")
