"""Tests that ``telecmi-mcp setup`` runs the commands that a new user needs, and stops at the first that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.lines import PATIENCE, environment
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from pathlib import Path


def setup(home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the home of a user who has started Cursor once."""
    (home / ".cursor").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "telecmi_mcp", "setup", *words],
        env=environment(HOME=str(home), USERPROFILE=str(home), **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def has_entry(home: Path) -> bool:
    file = home / ".cursor" / "mcp.json"
    return file.exists() and "telecmi" in json.loads(file.read_text(encoding="utf8"))["mcpServers"]


def headings(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.splitlines() if line[:1].isdigit() and line[1:2] == "."]


def test_the_sandbox_needs_no_sign_in(tmp_path: Path) -> None:
    done = setup(tmp_path, "cursor", "--sandbox")
    assert (done.returncode, done.stderr) == (0, "")
    assert headings(done.stdout) == ["1. Add the server to clients", "2. Check", "3. A first question"]
    assert done.stdout.endswith("What is Priya's number at Acme?\n")
    assert has_entry(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "code", "last"),
    [(SANDBOX_TOKEN, 0, "3. A first question"), ("wrong", 1, "2. Check")],
)
def test_a_user_who_is_signed_in_is_not_asked_again(
    tmp_path: Path, sandbox: str, token: str, code: int, last: str
) -> None:
    done = setup(tmp_path, "cursor", TELECMI_BASE_URL=sandbox, TELECMI_TOKEN=token)
    assert (done.returncode, headings(done.stdout)[-1]) == (code, last), done.stderr
    assert ("setup ends here" in done.stderr) is bool(code)
    assert headings(done.stdout)[0] == "1. Add the server to clients"


def test_a_sign_in_that_fails_ends_the_setup_before_anything_is_changed(tmp_path: Path, sandbox: str) -> None:
    done = setup(tmp_path, "cursor", "--user-id", "103_1111112", "--base-url", sandbox)
    assert headings(done.stdout) == ["1. Sign in to TeleCMI"]
    assert done.returncode in {2, 3}  # there is no terminal for the password, or no keyring
    assert f"login --user-id 103_1111112 --base-url {sandbox}\n" in done.stdout
    assert not has_entry(tmp_path)


@pytest.mark.slow
def test_a_client_that_is_left_to_do_by_hand_does_not_keep_the_others_from_the_check(tmp_path: Path) -> None:
    (tmp_path / ".config" / "goose").mkdir(parents=True)
    done = setup(tmp_path, "cursor", "goose", "--sandbox", XDG_CONFIG_HOME=str(tmp_path / ".config"))
    assert (done.returncode, headings(done.stdout)[-1]) == (1, "3. A first question"), done.stderr
    assert "Goose" in done.stderr
    assert has_entry(tmp_path)
