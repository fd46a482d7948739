"""``telecmi-mcp team setup`` and ``check`` where they need neither a terminal nor a database."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.lines import environment
from paths import ROOT
from telecmi_mcp._cli import main
from telecmi_mcp._config.distribution import requirement
from telecmi_mcp._team.setup.service_user import choose_service_user
from telecmi_mcp._team.setup.settings_file import read_settings
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

PUBLIC = "https://mcp.example.com/mcp"
DATABASE = "postgresql://team:pg-secret-5e7c@127.0.0.1:1/telecmi"
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
OWNER = ["--service-user", "daemon"] if IS_ROOT else []
ANYONE = ["setup", "--callers", "anyone", *OWNER]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a team server runs on POSIX systems")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a team command in an empty folder, without a terminal."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **variables: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patches:
            environ = environment(**variables)
            for name in os.environ.keys() - environ.keys():
                patches.delenv(name)
            for name, value in environ.items():
                patches.setenv(name, value)
            patches.setattr("sys.stdin", io.StringIO())
            code = main(["team", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Pass --callers or set TELECMI_CALLERS: there is no terminal to ask for it."),
        (["--callers", "keys"], "Pass --public-url or set TELECMI_PUBLIC_URL: there is no terminal to ask for it."),
        (
            ["--callers", "Keys", "--public-url", PUBLIC],
            "Pass --database-url-file or set TELECMI_DATABASE_URL: there is no terminal to ask for it.",
        ),
        (
            ["--callers", "oauth", "--allowed-host", "mcp.example.com"],
            "Pass --oauth-issuer or set TELECMI_OAUTH_ISSUER: there is no terminal to ask for it.",
        ),
        (["--callers", "friends"], "Correct TELECMI_CALLERS (--callers): use one of anyone, keys, oauth."),
        (["--database-url-file", "none"], "Correct --database-url-file: the file that it names cannot be read."),
        (["--callers", "anyone", "--timeout", "x"], "Correct TELECMI_TIMEOUT (--timeout): use a number of seconds"),
    ],
)
def test_what_is_missing_or_wrong_without_a_terminal_is_one_line(
    run: Run, tmp_path: Path, words: list[str], sentence: str
) -> None:
    code, out, err = run("setup", *OWNER, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"telecmi-mcp: {sentence}")
    assert len(err.splitlines()) == 1
    assert not [*tmp_path.iterdir()]


def test_a_database_that_does_not_answer_stops_the_setup_in_one_line(run: Run, tmp_path: Path) -> None:
    words = ["setup", *OWNER, "--callers", "keys", "--public-url", PUBLIC]
    code, out, err = run(*words, TELECMI_DATABASE_URL=DATABASE)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "it cannot be reached" in err
    assert "pg-secret" not in err
    assert not [*tmp_path.iterdir()]


def test_a_setup_for_this_machine_writes_private_files_and_a_second_run_changes_nothing(
    run: Run, tmp_path: Path
) -> None:
    code, out, err = run(
        *ANYONE, "--http", "8001", TELECMI_TOKEN="token-secret-19", TELECMI_BASE_URL="https://t.example"
    )
    assert (code, err) == (0, "")
    folder = tmp_path / "telecmi-team"
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir())}
    unit = {"telecmi-mcp.service": "0o644"} if sys.platform == "linux" else {}
    private = dict.fromkeys(("settings.env", "telecmi_token", "audit_keys"), "0o600")
    assert modes == {"telecmi-team": "0o700", **private, **unit}
    assert read_settings(folder / "settings.env") == {
        "TELECMI_HTTP": "8001",
        "TELECMI_CALLERS": "anyone",
        "TELECMI_BASE_URL": "https://t.example",
        "TELECMI_TOKEN_FILE": str(folder / "telecmi_token"),
        "TELECMI_AUDIT_KEYS_FILE": str(folder / "audit_keys"),
    }
    assert (folder / "telecmi_token").read_text(encoding="utf8") == "token-secret-19\n"
    assert f"telecmi-mcp team --settings {folder}/settings.env check" in out
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again, shown, complained = run(*ANYONE, "--http", "8001")
    assert (again, complained) == (0, "")
    assert "TELECMI_HTTP=8001" in shown
    different, _, complained = run(*ANYONE, "--http", "8002", "--public-url", PUBLIC)
    assert (different, complained) == (1, "Different from the flags: TELECMI_HTTP, TELECMI_PUBLIC_URL.\n")
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert run(*ANYONE, "--http", "8002", "--force")[0] == 0
    assert read_settings(folder / "settings.env")["TELECMI_HTTP"] == "8002"
    assert "secret" not in out + shown


def test_settings_that_do_not_fit_together_write_nothing(run: Run, tmp_path: Path) -> None:
    code, _, err = run(*ANYONE, "--public-url", PUBLIC)
    assert (code, "Set TELECMI_CALLERS" in err) == (2, True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
@pytest.mark.parametrize("words", [ANYONE, ["check"]])
def test_a_command_without_the_extra_says_what_to_install(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError", encoding="utf8")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-m", "telecmi_mcp", "team", *words]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(PYTHONPATH=path), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"pip install '{requirement('team')}'" in done.stderr


def test_root_does_not_run_the_server_and_nobody_gives_files_away() -> None:
    with pytest.raises(ConfigurationError, match="this machine has no such user"):
        choose_service_user("no-such-user")
    with pytest.raises(ConfigurationError, match="root should not run"):
        choose_service_user("root")
    if IS_ROOT:
        with pytest.raises(ConfigurationError, match="Pass --service-user NAME"):
            choose_service_user("")
    else:
        with pytest.raises(ConfigurationError, match="only root can give files to another user"):
            choose_service_user("daemon")
        assert choose_service_user("").uid == os.geteuid()


def test_a_check_reports_settings_that_do_not_fit_together(run: Run) -> None:
    code, out, _ = run("check", "--json", TELECMI_CALLERS="keys")
    report = json.loads(out)
    assert (code, report["ok"], report["next"]) == (1, False, "Set TELECMI_DATABASE_URL.")
    assert [finding["about"] for finding in report["findings"]] == ["Settings"]
    code, out, _ = run("check", TELECMI_CALLERS="keys")
    assert (code, out.splitlines()[-1]) == (1, "1 thing to do.")


def test_a_team_command_takes_its_settings_from_the_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "settings.env"
    path.touch(0o600)
    path.write_text('TELECMI_CALLERS="strangers"\n', encoding="utf8")
    code, out, _ = run("--settings", str(path), "check", "--json", TELECMI_CALLERS="keys")
    assert code == 1
    assert json.loads(out)["next"] == "Correct TELECMI_CALLERS (--callers)."
    code, _, err = run("--settings", "none.env", "check")
    assert (code, "the settings file cannot be read" in err) == (2, True)
