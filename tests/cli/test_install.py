"""Tests what ``telecmi-mcp install`` prints, writes and never writes."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from e2e.lines import environment
from hosts import EDITED, all_bytes
from telecmi_mcp import _cli
from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._auth.resolve import open_saved_sign_ins
from telecmi_mcp._install import NAMES
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.paths import Machine, find_file

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary/singing+in=the.mine-7Qx2"


class Home:
    """A user's home on this machine, with every client started once and no command of theirs on the PATH."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.state = folder / "state"
        self._environ = {"HOME": str(folder), "USERPROFILE": str(folder), "PATH": ""}
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.setattr("telecmi_mcp._private_files.state_folder", lambda: self.state)
        for name in NAMES:
            self.file(name).parent.mkdir(parents=True, exist_ok=True)

    def file(self, name: str) -> Path:
        return find_file(CLIENTS[name], Machine(sys.platform, self._environ, self.folder))

    def install(self, *words: str, **variables: str) -> tuple[int, str, str]:
        """Run the command as its own process would; the code, the output and the errors."""
        with self._monkeypatch.context() as patched:
            patched.setattr("os.environ", {**self._environ, **variables})
            code = _cli.main(["install", *words])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def entry(self, name: str) -> Any:
        return json.loads(self.file(name).read_text())[CLIENTS[name].key]["telecmi"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Home:
    return Home(tmp_path / "home", monkeypatch, capsys)


def test_install_prints_what_it_wrote_and_what_is_left_to_do(home: Home) -> None:
    code, out, err = home.install("claude-desktop")
    file = home.file("claude-desktop")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Installed in Claude Desktop: {file}.",
        "Quit Claude Desktop, also in the menu bar or tray, and start it again.",
        "Now sign in: telecmi-mcp login",
    ]
    assert home.install("claude-desktop")[:2] == (
        0,
        f"Claude Desktop already has this server; nothing was changed: {file}.\nNow sign in: telecmi-mcp login\n",
    )
    code, out, _ = home.install("claude-desktop", "--uninstall")
    assert (code, out.splitlines()[0]) == (0, f"Removed from Claude Desktop: {file}.")
    assert not file.exists()
    code, out, _ = home.install("claude-desktop", "--uninstall")
    assert (code, "does not have this server" in out) == (0, True)


def test_the_entry_starts_this_program_by_its_absolute_path(home: Home) -> None:
    home.install("vscode")
    entry = home.entry("vscode")
    started = subprocess.run(
        [entry["command"], "--version"], capture_output=True, text=True, check=True, timeout=60, env=environment()
    )
    assert started.stdout.startswith("telecmi-mcp ")
    assert entry["args"] == ["serve"]
    assert "env" not in entry


def test_settings_that_are_not_secret_are_written(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.folder)
    home.install(
        "cursor",
        "--user-id",
        "7_8",
        TELECMI_INDEX=" disk ",
        TELECMI_USER_ID="1_2",
        TELECMI_TIMEOUT="${TIMEOUT}",
        TELECMI_PASSWORD_FILE="secret.txt",
    )
    assert home.entry("cursor")["env"] == {
        "TELECMI_USER_ID": "7_8",
        "TELECMI_PASSWORD_FILE": str(home.folder / "secret.txt"),
        "TELECMI_INDEX": "disk",
    }


def test_an_invalid_setting_is_not_written(home: Home) -> None:
    code, _, err = home.install("cursor", "--index", "cloud")
    assert (code, "TELECMI_INDEX" in err, home.file("cursor").exists()) == (2, True, False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variable", ["TELECMI_TOKEN", "TELECMI_PASSWORD"])
def test_a_secret_in_the_environment_is_neither_written_nor_printed(name: str, variable: str, home: Home) -> None:
    secret = {variable: CANARY, "TELECMI_USER_ID": "7_8"}
    said = [home.install(name, **secret), home.install(name, "--print", **secret)]
    if name in EDITED:
        assert f"{variable} is set here and was not copied, because the file is plain text." in said[0][1]
        assert b"7_8" in all_bytes(home.folder)
    said.append(home.install(name, "--uninstall", **secret))
    home.file(name).write_text("// mine")
    said.append(home.install(name, **secret))
    assert CANARY not in repr(said)
    assert CANARY[-8:].encode() not in all_bytes(home.folder)


async def sign_in(state: Path, user_id: str) -> None:
    credentials = Credentials(Account("https://rest.telecmi.com", user_id), SecretStr(CANARY), store="file")
    await open_saved_sign_ins(state, time_limit=5).keep(credentials)


async def test_the_signed_in_user_is_printed_and_not_written(home: Home) -> None:
    import anyio  # the command has a loop of its own, so it runs in a thread

    await sign_in(home.state, "103_1111112")
    _, out, _ = await anyio.to_thread.run_sync(home.install, "cursor")
    assert out.splitlines()[-1] == "Signed in at https://rest.telecmi.com: 103_1111112."
    assert "env" not in home.entry("cursor")
    _, out, _ = await anyio.to_thread.run_sync(home.install, "zed", "--user-id", "7_8")
    assert out.splitlines()[-1] == "Now sign in: telecmi-mcp login --user-id 7_8"
    assert CANARY.encode() not in home.file("cursor").read_bytes() + home.file("zed").read_bytes()


def test_the_sandbox_needs_no_account(home: Home) -> None:
    _, out, _ = home.install("gemini", "--sandbox", TELECMI_USER_ID="7_8", TELECMI_INDEX="off")
    assert home.entry("gemini")["args"] == ["serve", "--sandbox"]
    assert home.entry("gemini")["env"] == {"TELECMI_INDEX": "off"}
    assert "sign in" not in out


@pytest.mark.parametrize("name", EDITED)
def test_print_shows_what_install_writes_and_writes_nothing(name: str, home: Home) -> None:
    code, out, _ = home.install(name, "--print", "--user-id", "7_8")
    assert (code, home.file(name).exists(), home.state.exists()) == (0, False, False)
    first, _, shown = out.partition("\n\n")
    assert first == f"Add this to {home.file(name)}"
    home.install(name, "--user-id", "7_8")
    assert home.file(name).read_text().strip() == shown.strip()


def test_for_claude_code_the_command_is_shown(home: Home) -> None:
    code, out, _ = home.install("claude-code", "--print")
    (line,) = [line for line in out.splitlines() if line.startswith("claude ")]
    assert code == 0
    if sys.platform != "win32":
        *words, entry = shlex.split(line)
        assert words == ["claude", "mcp", "add-json", "--scope", "user", "telecmi"]
        assert json.loads(entry)["type"] == "stdio"
    assert home.install("claude-code")[1] == out


def test_an_unchanged_file_is_named_with_the_reason(home: Home) -> None:
    home.file("zed").write_text("// mine\n{}")
    code, out, err = home.install("zed")
    assert (code, err) == (1, "telecmi-mcp: Change the file by hand: it has comments, which an edit would lose.\n")
    assert out == home.install("zed", "--print")[1]
    home.file("cursor").write_text('{"mcpServers": {"telecmi": {"command": "theirs"}}}')
    code, out, err = home.install("cursor", "--uninstall")
    assert (code, "--force" in err) == (1, True)
    assert str(home.file("cursor")) in out


def test_the_list_is_a_table_or_json(home: Home) -> None:
    home.install("cursor")
    home.file("zed").write_text("{")
    home.file("gemini").write_text('{"mcpServers": {"telecmi": {"command": "/nowhere/telecmi-mcp"}}}')
    code, out, _ = home.install("--list", TELECMI_INDEX="cloud")
    rows = {name: cells for name, *cells in (re.split(" {2,}", line) for line in out.splitlines())}
    assert code == 0
    assert tuple(rows) == ("CLIENT", *NAMES)
    assert rows["cursor"] == ["yes", "yes", str(home.file("cursor"))]
    assert rows["claude-code"] == ["no", "no", str(home.file("claude-code"))]
    assert rows["zed"] == ["yes", "unknown", f"{home.file('zed')} (it is not valid JSON)"]
    assert rows["gemini"][2].endswith("(its command does not exist: /nowhere/telecmi-mcp)")
    listed = json.loads(home.install("--list", "--json")[1])["clients"]
    assert [each["host"] for each in listed] == list(NAMES)
    assert [each["host"] for each in listed if each["configured"]] == ["cursor", "gemini"]
    assert len(home.install("zed", "--list")[1].splitlines()) == 2
    assert home.install("zed", "--json")[0] == 2


def test_without_a_client_the_clients_are_listed(home: Home) -> None:
    code, _, err = home.install()
    assert (code, all(name in err for name in NAMES)) == (2, True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the state folder is set by XDG_STATE_HOME")
def test_concurrent_runs_keep_each_others_changes(tmp_path: Path) -> None:
    machine = Machine("linux", {}, tmp_path)
    files = {name: find_file(CLIENTS[name], machine) for name in EDITED}
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
    variables = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": ""}

    def at_once(*words: str) -> list[str]:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "telecmi_mcp", "install", name, *words],
                env=environment(**variables),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for name in [*EDITED, "cursor", "cursor"]
        ]
        return sorted(process.communicate(timeout=60)[0].split(maxsplit=1)[0] for process in processes)

    assert at_once() == ["Cursor", "Cursor", *["Installed"] * len(EDITED)]
    kept = json.loads((tmp_path / "state" / "telecmi-mcp" / "hosts.json").read_text())
    assert set(kept) == {str(file) for file in files.values()}
    assert at_once("--uninstall") == ["Cursor", "Cursor", *["Removed"] * len(EDITED)]
    assert not any(file.exists() for file in files.values())
