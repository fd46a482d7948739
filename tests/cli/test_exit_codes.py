"""Tests that the exit code tells an answer of "no" from a fault and from a missing sign-in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from paths import ROOT
from telecmi_mcp import errors
from telecmi_mcp._cli import exit_codes, main

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ContactNotFound(UNKNOWN), 1),
        (errors.ClientConfigError(), 1),
        (errors.ConfigurationError(), 2),
        (errors.MaskedField("phone_no"), 2),
        (errors.InvalidCursor(), 2),
        (errors.NotSignedIn(), 4),
        (errors.TokenRejected(404), 4),
        (errors.PasswordRejected(), 4),
        (errors.AccessKeyRejected("x"), 4),
        (errors.NameNotResolved(), 3),
        (errors.RateLimited(), 3),
        (errors.MalformedResponse(), 3),
        (errors.FileUnusable(None), 3),
        (errors.TeamServerBusy(), 3),
    ],
)
def test_the_code_of_an_error_is_that_of_its_nearest_class(error: errors.TelecmiError, code: int) -> None:
    assert exit_codes.exit_code_of(error) == code


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["search", "--sandbox", "Priya"], 0),
        (["search", "--sandbox", "zzkqwx"], 1),
        (["get", "--sandbox", UNKNOWN], 1),
        (["get", "--sandbox", "x"], 2),
        (["search", "--base-url", "http://127.0.0.1:9", "Priya"], 4),
    ],
)
@pytest.mark.usefixtures("cache")
def test_no_match_and_no_sign_in_differ(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("TELECMI_TOKEN", "TELECMI_USER_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("telecmi_mcp._private_files.state_folder", lambda: tmp_path / "state")
    assert main(words) == code


def test_no_connection_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECMI_TOKEN", "hunter2")
    assert main(["search", "--base-url", "http://127.0.0.1:9", "--timeout", "0.1", "Priya"]) == 3


def test_the_page_describes_every_exit_code() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf8").split("## Exit codes\n")[1].split("\n## ")[0]
    described = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert described == {0} | {value for name, value in vars(exit_codes).items() if name.isupper() and name[0] != "_"}
