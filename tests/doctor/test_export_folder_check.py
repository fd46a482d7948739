"""What check says of the folder of exports: nothing without the setting, else whether it can be used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp import Settings
from telecmi_mcp._cli import main
from telecmi_mcp._doctor import Verdict, check_export_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_without_the_setting_there_is_no_line() -> None:
    assert [*check_export_folder(Settings())] == []


def test_a_private_folder_is_named_and_stays_empty(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (result,) = check_export_folder(Settings(export_folder=tmp_path))
    assert (result.verdict, result.advice) == (Verdict.GOOD, "")
    assert result.says.startswith(f"export_contacts writes into {tmp_path}"[:100])
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"tool_prefix": "crm_"}, "crm_export_contacts writes into"), ({"tools": "chatgpt"}, "not used, because")],
)
def test_the_line_follows_the_names_and_the_choice_of_the_tools(
    settings: dict[str, str], said: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    (result,) = check_export_folder(Settings(export_folder=tmp_path, **settings))  # type: ignore[arg-type] # all are texts
    assert result.says.startswith(said)


def test_a_folder_that_cannot_be_used_is_a_fault_with_advice(tmp_path: Path) -> None:
    (result,) = check_export_folder(Settings(export_folder=tmp_path / "none"))
    assert (result.verdict, result.says) == (Verdict.BAD, "it does not exist or cannot be read")
    assert result.advice == "Create the folder in TELECMI_EXPORT_FOLDER with mode 0700."


@pytest.mark.slow
def test_the_command_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TELECMI_EXPORT_FOLDER", str(tmp_path / "none"))
    monkeypatch.setenv("TELECMI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main(["check", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [each["about"] for each in findings].count("Export folder") == 1
