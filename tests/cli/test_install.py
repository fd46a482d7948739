"""Tests what ``telecmi-mcp install`` prints, writes and never writes."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from pydantic import SecretStr

from e2e.lines import environment
from hosts import EDITED, all_bytes
from telecmi_mcp import _cli
from telecmi_mcp._auth.credentials import Account, Credentials
from telecmi_mcp._auth.resolve import open_saved_sign_ins
from telecmi_mcp._install import NAMES
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.paths import Machine, find_file

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
    home.file(name).write_text("// mine {")
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
    home.file("zed").write_text('// mine\n{\n  "a": 1\n  "b": 2\n}')
    code, out, err = home.install("zed")
    assert (code, err) == (1, "telecmi-mcp: Correct the file: it is not valid JSON at line 4, column 3.\n")
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
    assert rows["zed"] == ["yes", "unknown", f"{home.file('zed')} (it is not valid JSON at line 1, column 2)"]
    assert rows["gemini"][2].endswith("(its command does not exist: /nowhere/telecmi-mcp)")
    listed = json.loads(home.install("--list", "--json")[1])["clients"]
    assert [each["host"] for each in listed] == list(NAMES)
    assert [each["host"] for each in listed if each["configured"]] == ["cursor", "gemini"]
    assert len(home.install("zed", "--list")[1].splitlines()) == 2
    assert home.install("zed", "--json")[0] == 2


def test_a_broken_file_stays_and_the_block_that_is_shown_mends_it(home: Home) -> None:
    broken = '{\n  "mcpServers": {\n    "other": {}\n  }\n}\n{"mcpServers": {}}'
    home.file("cursor").write_text(broken)
    code, out, err = home.install("cursor")
    assert (code, "not valid JSON at line 6, column 1" in err) == (1, True)
    assert home.file("cursor").read_text() == broken
    where, _, block = out.partition("\n\n")
    assert where.splitlines() == [
        f"Correct {home.file('cursor')}: it is not valid JSON at line 6, column 1. Then run this command again.",
        "Or replace all of its text by this, which has no other server and no other setting:",
    ]
    home.file("cursor").write_text(block)
    assert home.install("cursor")[1].startswith("Cursor already has this server")


@pytest.mark.parametrize(
    "text", ['{"a": 1}', "{ // mine\n}", '// mine\n{\n  "mcpServers": {\n    "other": {}, // theirs\n  },\n}\n']
)
def test_a_block_that_is_pasted_where_print_says_is_the_entry(text: str, home: Home) -> None:
    home.file("cursor").write_text(text)
    _, out, _ = home.install("cursor", "--print")
    where, _, block = out.partition("\n\n")
    found = re.fullmatch(r"Paste this into .* at line (\d+), column (\d+), after the brace:", where)
    assert found is not None
    lines = text.splitlines(keepends=True)
    at = sum(map(len, lines[: int(found[1]) - 1])) + int(found[2]) - 1
    home.file("cursor").write_text(text[:at] + block.rstrip("\n") + text[at:])
    assert home.install("cursor")[1].startswith("Cursor already has this server")


def test_a_table_that_is_pasted_at_the_end_is_the_entry(home: Home) -> None:
    home.file("codex").write_text('[mcp_servers.other]\ncommand = "x"')
    _, out, _ = home.install("codex", "--print")
    where, _, block = out.partition("\n\n")
    assert where == f"Paste this into {home.file('codex')} at its end, on a line of its own:"
    home.file("codex").write_text(home.file("codex").read_text() + "\n" + block)
    assert home.install("codex")[1].startswith("Codex already has this server")


def test_an_entry_of_somebody_else_is_shown_with_what_replaces_it(home: Home) -> None:
    home.file("cursor").write_text('{"mcpServers": {"telecmi": {"command": "theirs"}}}')
    code, out, err = home.install("cursor")
    assert (code, "--force" in err) == (1, True)
    where, _, block = out.partition("\n\n")
    assert where == f'In {home.file("cursor")}, replace "telecmi" and its value by this:'
    home.file("cursor").write_text(f'{{"mcpServers": {{{block}}}}}')
    assert home.install("cursor")[1].startswith("Cursor already has this server")


def test_servers_of_a_wrong_type_are_shown_with_what_replaces_them(home: Home) -> None:
    home.file("zed").write_text('{"a": 1, "context_servers": []}')
    code, out, err = home.install("zed")
    assert (code, "cannot hold servers" in err) == (1, True)
    where, _, block = out.partition("\n\n")
    assert where == f'In {home.file("zed")}, replace "context_servers" and its value by this:'
    home.file("zed").write_text(f'{{"a": 1, {block}}}')
    assert home.install("zed")[1].startswith("Zed already has this server")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GOOSE_MODE: auto",
        "extensions:\n    # mine\n    memory:\n        enabled: true\nGOOSE_MODE: auto\n",
        "a: 1\nextensions:\n  memory: {enabled: true}\n",
    ],
)
def test_the_block_of_goose_adds_its_entry_to_the_file(text: str, home: Home) -> None:
    home.file("goose").write_text(text)
    code, out, err = home.install("goose", "--user-id", "7_8")
    assert (code, err) == (1, "telecmi-mcp: Paste the entry into the file: install does not edit YAML.\n")
    assert home.file("goose").read_text() == text
    where, _, block = out.partition("\n\n")
    lines = text.splitlines(keepends=True)
    below = int(found[1]) if (found := re.search(r"below line (\d+):$", where)) else len(lines)
    pasted = "".join([*lines[:below], "" if "".join(lines[:below]).endswith("\n") else "\n", block, *lines[below:]])
    value = yaml.safe_load(pasted)
    entry = value["extensions"].pop("telecmi")
    assert value == {"extensions": {}} | (yaml.safe_load(text) or {})
    assert (entry["type"], entry["args"], entry["envs"]) == ("stdio", ["serve"], {"TELECMI_USER_ID": "7_8"})
    assert Path(entry["cmd"]).is_absolute()


def test_several_clients_get_the_server_in_one_run(home: Home) -> None:
    code, out, err = home.install("cursor", "windsurf", "cursor")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"Installed in Cursor: {home.file('cursor')}.",
        "Restart Cursor, and see that the server is switched on in its MCP settings.",
        f"Installed in Devin Desktop: {home.file('devin-desktop')}.",
        "Press the refresh button of its MCP settings, or start it again.",
        "Now sign in: telecmi-mcp login",
    ]
    code, out, _ = home.install("cursor", "windsurf", "zed", "--uninstall")
    assert (code, [line.split(":")[0] for line in out.splitlines()]) == (
        0,
        [
            "Removed from Cursor",
            "Removed from Devin Desktop",
            "Zed does not have this server; nothing was changed",
            "To remove the sign-in too",
        ],
    )


def test_a_client_that_fails_does_not_keep_the_others_from_the_server(home: Home) -> None:
    home.file("cursor").write_text("{")
    code, out, err = home.install("cursor", "vscode")
    assert (code, err) == (1, "telecmi-mcp: Cursor: Correct the file: it is not valid JSON at line 1, column 2.\n")
    assert home.entry("vscode")["args"] == ["serve"]
    assert out.splitlines()[-1] == "Now sign in: telecmi-mcp login"
    code, out, err = home.install("cursor", "vscode", "--uninstall")
    assert (code, err.count("\n"), "Removed from VS Code" in out) == (1, 1, True)
    home.file("zed").write_text("{")
    code, out, _ = home.install("cursor", "zed")
    assert (code, "sign in" in out) == (1, False)


def test_all_means_the_clients_on_this_computer_and_for_uninstall_those_with_the_server(home: Home) -> None:
    for name in NAMES:
        if name not in {"cursor", "claude-code"}:
            shutil.rmtree(home.file(name).parent, ignore_errors=True)
    assert home.install("--all")[0] == 0
    assert home.entry("cursor")["args"] == ["serve"]
    code, out, _ = home.install("--all", "--uninstall")
    assert (code, out.splitlines()[0]) == (0, f"Removed from Cursor: {home.file('cursor')}.")
    assert home.install("--all", "--uninstall")[0::2] == (
        2,
        "telecmi-mcp: Name a client: no known client has this server.\n",
    )
    assert home.install("--all", "cursor")[0] == 2
    shutil.rmtree(home.file("cursor").parent)
    assert "no known client was found" in home.install("--all")[2]


def test_without_a_client_and_without_a_terminal_the_clients_here_are_named(home: Home) -> None:
    code, out, err = home.install()
    assert (code, out) == (2, "")
    found = ", ".join(name for name in NAMES if name != "claude-code")
    assert err == f"telecmi-mcp: Name clients, or use --all: there is no terminal to ask; found {found}.\n"
    assert len(err.strip()) <= 200 + len("telecmi-mcp: ")
    assert not home.state.exists()


class Terminal(io.StringIO):
    """A made-up terminal on which a user typed a line."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [("2 3\n", {"cursor", "vscode"}), (" 3,2 2 \n", {"cursor", "vscode"}), ("2\n", {"cursor"}), ("ALL\n", None)],
)
def test_without_a_client_a_user_at_a_terminal_chooses_by_numbers(
    typed: str, chosen: set[str] | None, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    code, out, _ = home.install()
    shown = out[: out.index("Which?")].splitlines()
    assert shown[:3] == ["  1  Claude Desktop", "  2  Cursor", "  3  VS Code"]
    assert len(shown) == len(NAMES) - 1  # the command of Claude Code is not on the PATH
    assert code == (0 if chosen else 1)  # Goose's file is YAML
    assert {name for name in EDITED if home.file(name).exists()} == (chosen or set(EDITED))
    monkeypatch.setattr("sys.stdin", Terminal("1\n"))
    _, out, _ = home.install("--uninstall")
    assert out.splitlines()[0] == f"  1  {'Cursor' if chosen else 'Claude Desktop'} (has this server)"


@pytest.mark.parametrize("typed", ["", "\n", "0\n", "99\n", "1 x\n", "all 1\n", "-1\n"])
def test_an_answer_that_names_no_client_changes_nothing(
    typed: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    code, _, err = home.install()
    assert (code, err) == (
        2,
        "telecmi-mcp: Enter numbers of the list, such as 1 3, or all: nothing was changed.\n",
    )
    assert not any(home.file(name).exists() for name in EDITED)


def test_an_unknown_client_is_refused_with_the_names(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        home.install("cursor", "emacs")
    assert ended.value.code == 2
    assert f"CLIENT is one of {', '.join(NAMES)}" in capsys.readouterr().err
    assert not home.file("cursor").exists()


def test_uninstall_also_removes_the_entry_of_an_older_version_of_the_client(home: Home) -> None:
    new = home.file("devin-desktop").parent
    shutil.rmtree(new)
    old = home.folder / ".codeium" / "windsurf" / "mcp_config.json"
    old.parent.mkdir(parents=True)
    assert home.install("windsurf")[1].splitlines()[0] == f"Installed in Devin Desktop: {old}."
    new.mkdir(parents=True)
    home.install("devin-desktop")
    code, out, _ = home.install("devin-desktop", "--uninstall")
    assert (code, out.count("Removed from Devin Desktop")) == (0, 2)
    assert not old.exists()


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
