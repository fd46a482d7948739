"""What check says of early answers: nothing while they are on, and why they are off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._config.variables import values_of
from telecmi_mcp._doctor import Verdict, check_early_answers
from telecmi_mcp._stdio import early_answers

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_while_they_are_on_there_is_no_line() -> None:
    assert [*check_early_answers(values_of({}))] == []


def test_the_setting_is_a_reason_and_no_fault() -> None:
    (result,) = check_early_answers(values_of({"TELECMI_EARLY_ANSWERS": "off"}))
    assert (result.verdict, result.advice) == (Verdict.GOOD, "")
    assert result.says == "off, so clients wait longer for the list of tools: TELECMI_EARLY_ANSWERS is off"


def test_so_is_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_answers, "BLOCKING", True)
    (result,) = check_early_answers(values_of({}))
    assert result.verdict is Verdict.GOOD
    assert result.says.endswith("Windows cannot wait for pipes")


def test_a_file_that_is_missing_is_a_fault_with_advice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(early_answers, "_ADVERTISED", tmp_path / "advertised.json")
    (result,) = check_early_answers(values_of({}))
    assert result.verdict is Verdict.DOUBTFUL
    assert result.says.endswith("the installation has no readable advertised.json")
    assert result.advice == "Install telecmi-mcp again."
