"""Tests that install adds this server once, and that uninstall removes exactly what install added."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hosts import EDITED, JSON, RENEWED, SERVER, make_machine, make_target
from telecmi_mcp._install import config_file
from telecmi_mcp._install.apply import ConfigTarget, find_entry, install, uninstall
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.detect import ClientStatus, detect_clients
from telecmi_mcp._install.entry import command_of, digest, is_equivalent
from telecmi_mcp._install.record import InstallRecords
from telecmi_mcp.errors import ClientConfigError

PLAIN = {"command": SERVER.command, "args": ["serve"], "env": {"TELECMI_USER_ID": "103_1111112"}}
SHAPES: dict[str, Any] = {
    "claude-desktop": {"mcpServers": {"telecmi": PLAIN}},
    "cursor": {"mcpServers": {"telecmi": PLAIN}},
    "vscode": {"servers": {"telecmi": {"type": "stdio", **PLAIN}}},
    "codex": {"mcp_servers": {"telecmi": PLAIN}},
    "gemini": {"mcpServers": {"telecmi": PLAIN}},
    "antigravity": {"mcpServers": {"telecmi": PLAIN}},
    "devin-desktop": {"mcpServers": {"telecmi": PLAIN}},
    "copilot-cli": {"mcpServers": {"telecmi": {"type": "local", **PLAIN, "tools": ["*"]}}},
    "cline": {"mcpServers": {"telecmi": PLAIN}},
    "kiro": {"mcpServers": {"telecmi": PLAIN}},
    "opencode": {
        "mcp": {
            "telecmi": {
                "type": "local",
                "command": [SERVER.command, "serve"],
                "environment": {"TELECMI_USER_ID": "103_1111112"},
                "enabled": True,
            }
        }
    },
    "lm-studio": {"mcpServers": {"telecmi": PLAIN}},
    "zed": {"context_servers": {"telecmi": PLAIN}},
}
OTHERS = {
    "json": '{\n  "z": 1,\n  "KEY": {"other": {"command": "x"}}\n}\n',
    "toml": '# c\n[KEY.other]\ncommand = "x"\n',
}


def parsed(path: Path) -> Any:
    return tomllib.loads(path.read_text()) if path.suffix == ".toml" else json.loads(path.read_text())


def test_every_edited_client_has_a_sample_file() -> None:
    assert set(SHAPES) == set(EDITED)


@pytest.mark.parametrize("name", EDITED)
def test_a_missing_file_is_created_and_removed_again(name: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path)
    change = install(target, SERVER)
    assert (change.changed, change.backup) == (True, None)
    assert parsed(target.file) == SHAPES[name]
    uninstall(target, None)
    assert list(target.file.parent.iterdir()) == []


@pytest.mark.parametrize("name", EDITED)
def test_install_and_uninstall_keep_every_byte_of_other_servers(name: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path)
    before = OTHERS[target.client.form].replace("KEY", target.client.key).encode()
    target.file.write_bytes(before)
    change = install(target, SERVER)
    assert change.backup is not None
    assert change.backup.read_bytes() == before
    assert set(parsed(target.file)[target.client.key]) == {"other", "telecmi"}
    uninstall(target, None)
    assert target.file.read_bytes() == before


@pytest.mark.parametrize("name", EDITED)
def test_a_second_install_writes_nothing(name: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path)
    install(target, SERVER)
    before = target.file.stat()
    assert not install(target, SERVER).changed
    after = target.file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in target.file.parent.iterdir()] == [target.file.name]


@pytest.mark.parametrize("text", ["{}", '{"mcpServers": {}}', '{"a": 1}'])
def test_uninstall_restores_a_file_without_servers(text: str, tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    target.file.write_text(text)
    install(target, SERVER)
    uninstall(target, None)
    assert target.file.read_text() == text


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    target.file.touch()
    install(target, SERVER)
    assert parsed(target.file) == SHAPES["cursor"]
    uninstall(target, None)
    assert parsed(target.file) == {}


def test_uninstall_keeps_servers_that_were_added_later(tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    install(target, SERVER)
    servers = parsed(target.file)
    servers["mcpServers"]["other"] = {"command": "x"}
    target.file.write_text(json.dumps(servers))
    uninstall(target, None)
    assert parsed(target.file) == {"mcpServers": {"other": {"command": "x"}}}


@pytest.mark.parametrize("name", EDITED)
def test_install_replaces_its_own_entry_after_a_change(name: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path)
    install(target, SERVER)
    install(target, RENEWED)
    assert command_of(target.client, parsed(target.file)[target.client.key]["telecmi"]) == RENEWED.command
    uninstall(target, None)
    assert not target.file.exists()  # it was made by the first of the two


@pytest.mark.parametrize("name", EDITED)
def test_a_changed_entry_is_kept_without_force(name: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path)
    install(target, SERVER)
    target.file.write_text(target.file.read_text().replace("103_1111112", "103_1111113"))
    theirs = target.file.read_bytes()
    with pytest.raises(ClientConfigError, match="--force to replace"):
        install(target, SERVER)
    with pytest.raises(ClientConfigError, match="--force to remove"):
        uninstall(target, SERVER)
    assert target.file.read_bytes() == theirs
    forced = make_target(name, tmp_path, force=True)
    install(forced, SERVER)
    assert parsed(target.file) == SHAPES[name]
    target.file.write_bytes(theirs)
    uninstall(forced, None)
    assert not target.file.exists()


def test_an_equal_entry_written_by_hand_counts_as_installed(tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    target.file.write_text(json.dumps({"mcpServers": {"telecmi": {"type": "stdio", **PLAIN}}}))
    assert not install(target, SERVER).changed
    uninstall(target, SERVER)
    assert parsed(target.file) == {"mcpServers": {}}


def test_uninstall_without_an_entry_changes_nothing(tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    assert not uninstall(target, SERVER).changed
    assert not target.file.exists()


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.parametrize("text", ["{", "= 1 =", "\x00"])
def test_a_broken_file_is_not_changed(name: str, text: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path, force=True)
    target.file.write_text(text)
    for operation in (install, uninstall):
        with pytest.raises(ClientConfigError):
            operation(target, SERVER)
    assert target.file.read_text() == text
    assert [path.name for path in target.file.parent.iterdir()] == [target.file.name]


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.parametrize("value", ["[]", "1", '"x"'])
def test_servers_of_a_wrong_type_are_not_changed(name: str, value: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path, force=True)
    text = f"{target.client.key} = {value}" if target.client.form == "toml" else f'{{"{target.client.key}": {value}}}'
    target.file.write_text(text)
    with pytest.raises(ClientConfigError, match="cannot hold servers"):
        install(target, SERVER)
    assert target.file.read_text() == text


@pytest.mark.parametrize("name", JSON)
def test_a_file_with_comments_is_changed_and_restored(name: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path)
    text = f'// mine\n{{\n  "{target.client.key}": {{\n    "other": {{}}, // theirs\n  }},\n}}\n'
    target.file.write_text(text)
    change = install(target, SERVER)
    entry = SHAPES[name][target.client.key]["telecmi"]
    assert find_entry(target.form, target.client, target.file.read_text()) == entry
    assert "// mine" in target.file.read_text()
    assert change.backup is not None
    assert change.backup.read_text() == text
    assert not install(target, SERVER).changed
    uninstall(target, None)
    assert target.file.read_text() == text


def test_uninstall_leaves_the_object_that_install_made_if_it_has_comments(tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    target.file.write_text('{"a": 1}')
    install(target, SERVER)
    target.file.write_text(target.file.read_text().replace('"mcpServers": {', '"mcpServers": { /* mine */', 1))
    uninstall(target, None)
    assert target.file.read_text() == '{"a": 1, "mcpServers": { /* mine */}}'


def test_an_older_file_that_install_wrote_is_reached_after_the_client_has_a_new_one(tmp_path: Path) -> None:
    (tmp_path / ".codeium/windsurf").mkdir(parents=True)
    target = ConfigTarget(CLIENTS["devin-desktop"], make_machine(tmp_path), InstallRecords(tmp_path / "state"))
    old = tmp_path / ".codeium/windsurf/mcp_config.json"
    assert install(target, SERVER).file == old
    assert [each.file for each in target.with_old_files()] == [old]
    (tmp_path / ".config/devin").mkdir(parents=True)
    install(target, SERVER)
    now, before = target.with_old_files()
    assert (now.file, before.file) == (tmp_path / ".config/devin/mcp_config.json", old)
    assert uninstall(before, None).changed
    assert uninstall(now, None).changed
    assert not old.exists()


def test_what_clients_add_to_an_entry_does_not_change_it() -> None:
    entry = {"command": "x", "args": ["serve"]}
    assert is_equivalent(entry, {**entry, "disabled": False, "autoApprove": [], "enabled": True})
    assert not is_equivalent(entry, {**entry, "autoApprove": ["search_contacts"]})


def test_the_folder_of_a_missing_client_is_created_by_force_only(tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    target.file.parent.rmdir()
    with pytest.raises(ClientConfigError, match="not found on this computer"):
        install(target, SERVER)
    assert not target.file.parent.exists()
    forced = make_target("cursor", tmp_path, force=True)
    install(forced, SERVER)
    assert parsed(target.file) == SHAPES["cursor"]


def test_a_concurrent_write_of_the_client_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = make_target("cursor", tmp_path)
    target.file.write_text('{"a": 1}')
    read, theirs = config_file.read, iter(['{"a": 2}'])

    def interrupted(file: Path) -> config_file.FileContents:
        found = read(file)
        for text in theirs:
            file.write_text(text)
        return found

    monkeypatch.setattr(config_file, "read", interrupted)
    install(target, SERVER)
    assert parsed(target.file) == {"a": 2, **SHAPES["cursor"]}


@pytest.mark.parametrize("name", ["codex", "cursor"])
def test_a_file_that_install_created_stays_while_it_has_contents(name: str, tmp_path: Path) -> None:
    target = make_target(name, tmp_path)
    install(target, SERVER)
    text = target.file.read_text()
    target.file.write_text(f"# mine\n{text}" if name == "codex" else text.replace("{", '{"a": 1,', 1))
    uninstall(target, None)
    assert target.file.read_text().split() == (["#", "mine"] if name == "codex" else ['{"a":', "1", "}"])


def test_without_a_state_folder_install_works_and_says_that_nothing_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in its place")
    target = make_target("cursor", tmp_path)
    change = install(target, SERVER)
    assert (change.changed, change.recorded) == (True, False)
    assert parsed(target.file) == SHAPES["cursor"]
    assert uninstall(target, SERVER).changed


def test_a_record_reveals_nothing_of_the_entry(tmp_path: Path) -> None:
    install(make_target("cursor", tmp_path), SERVER)
    kept = tmp_path / "state" / "hosts.json"
    assert "103_1111112" not in kept.read_text()
    assert SERVER.command not in kept.read_text()


def test_a_broken_record_counts_as_none(tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    install(target, SERVER)
    (tmp_path / "state" / "hosts.json").write_text('{"x": [')
    with pytest.raises(ClientConfigError):
        uninstall(target, RENEWED)
    assert uninstall(target, SERVER).changed
    assert parsed(target.file) == {"mcpServers": {}}  # nobody knows any more who made it


def test_entries_that_start_the_same_server_are_equivalent() -> None:
    entry = {"command": "x", "args": ["serve"]}
    assert is_equivalent(entry, {"type": "stdio", "args": ["serve"], "env": {}, "command": "x"})
    assert digest(entry) == digest({**entry, "env": {}})
    for other in [{**entry, "disabled": True}, {**entry, "type": "http"}, {"command": "x"}, [entry], None]:
        assert not is_equivalent(entry, other)
        assert digest(entry) != digest(other)


# Claude Code, by its own command

CLAUDE = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
file = pathlib.Path(os.environ["CLAUDE_CONFIG_DIR"]) / ".claude.json"
known = json.loads(file.read_text()) if file.exists() else {{}}
servers = known.setdefault("mcpServers", {{}})
if words[1] == "add-json":
    if words[4] in servers:
        sys.exit("MCP server already exists in user config")
    servers[words[4]] = {{"type": "stdio", "env": {{}}, **json.loads(words[5])}}
else:
    del servers[words[4]]
if (here / "broken").exists():
    sys.exit("\\x1b[31mno room\\n left")
file.write_text(json.dumps(known))
"""


class Claude:
    """A made-up ``claude`` on the PATH that does what the real one documents, and records its arguments."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "bin"
        self.folder.mkdir()
        self.program = self.folder / "claude"
        self.program.write_text(CLAUDE.format(python=f"{sys.executable} -IS"))
        self.program.chmod(0o755)
        machine = make_machine(home, PATH=str(self.folder), CLAUDE_CONFIG_DIR=str(home / "claude"))
        self.target = make_target("claude-code", home, machine=machine)
        self.forced = make_target("claude-code", home, machine=machine, force=True)

    @property
    def calls(self) -> list[list[str]]:
        calls = self.folder / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


@pytest.fixture
def claude(tmp_path: Path) -> Claude:
    if sys.platform == "win32":
        pytest.skip("a script is no program there")
    return Claude(tmp_path)


ENTRY = {"type": "stdio", **PLAIN}
ADD = ["mcp", "add-json", "--scope", "user", "telecmi"]
REMOVE = ["mcp", "remove", "--scope", "user", "telecmi"]


def test_claude_code_adds_once_and_removes(claude: Claude) -> None:
    assert install(claude.target, SERVER).changed
    (words,) = claude.calls
    assert (words[:5], json.loads(words[5])) == (ADD, ENTRY)
    assert not install(claude.target, SERVER).changed
    assert len(claude.calls) == 1
    assert uninstall(claude.target, None).changed
    assert claude.calls[1:] == [REMOVE]
    assert not uninstall(claude.target, None).changed
    assert len(claude.calls) == 2


def test_claude_code_removes_our_entry_before_it_adds_a_new_one(claude: Claude) -> None:
    install(claude.target, SERVER)
    change = install(claude.target, RENEWED)
    assert [words[1] for words in claude.calls] == ["add-json", "remove", "add-json"]
    assert change.backup is not None
    assert parsed(change.backup)["mcpServers"]["telecmi"]["command"] == SERVER.command


def test_a_foreign_entry_in_claude_code_is_kept_without_force(claude: Claude) -> None:
    claude.target.file.write_text('{"mcpServers": {"telecmi": {"command": "theirs"}}}')
    for operation in (install, uninstall):
        with pytest.raises(ClientConfigError, match="--force"):
            operation(claude.target, SERVER)
    assert claude.calls == []
    install(claude.forced, SERVER)
    assert find_entry(claude.target.form, claude.target.client, claude.target.file.read_text()) == {"env": {}, **ENTRY}


def test_the_output_of_a_failed_claude_is_sanitized(claude: Claude) -> None:
    (claude.folder / "broken").touch()
    with pytest.raises(ClientConfigError, match="exit code 1") as failed:
        install(claude.target, SERVER)
    assert failed.value.detail == "no room\n left"


def test_without_claude_nothing_is_written(claude: Claude) -> None:
    claude.program.unlink()
    with pytest.raises(ClientConfigError, match="not on the PATH"):
        install(claude.target, SERVER)
    assert not claude.target.file.exists()


def test_a_batch_file_is_not_run_because_cmd_would_break_the_entry(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = claude.folder / "claude.CMD"
    monkeypatch.setattr("shutil.which", lambda *_, **__: str(batch))  # as Windows finds it
    with pytest.raises(ClientConfigError, match="batch file"):
        install(claude.target, SERVER)


def test_a_claude_that_hangs_is_stopped(claude: Claude, monkeypatch: pytest.MonkeyPatch) -> None:
    claude.program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr("telecmi_mcp._install.client_cli._TIMEOUT_S", 0.05)
    with pytest.raises(ClientConfigError, match="did not finish in time"):
        install(claude.target, SERVER)


def test_detection_reports_configured_clients_and_missing_commands(tmp_path: Path) -> None:
    def standing(name: str) -> ClientStatus:
        return {each.host: each for each in detect_clients(make_machine(tmp_path))}[name]

    assert (standing("cursor").found, standing("cursor").configured) == (False, False)
    target = make_target("cursor", tmp_path)
    assert (standing("cursor").found, standing("cursor").configured) == (True, False)
    install(target, SERVER)
    assert standing("cursor") == ClientStatus(
        "cursor", "Cursor", found=True, file=str(target.file), configured=True, command=SERVER.command, exists=False
    )
    target.file.write_text(json.dumps({"mcpServers": {"telecmi": {"command": str(Path(sys.executable))}}}))
    assert standing("cursor").exists
    target.file.write_text(json.dumps({"mcpServers": {"telecmi": {"url": "https://x"}}}))
    assert (standing("cursor").configured, standing("cursor").exists) == (True, None)
    target.file.write_text("{")
    assert (standing("cursor").configured, standing("cursor").problem) == (
        None,
        "it is not valid JSON at line 1, column 2",
    )


def test_detection_reads_a_command_that_is_a_list_and_variables_of_another_name(tmp_path: Path) -> None:
    target = make_target("opencode", tmp_path)
    entry = {"type": "local", "command": [sys.executable, "serve"], "environment": {"TELECMI_TOKEN": "x"}}
    target.file.write_text(json.dumps({"mcp": {"telecmi": entry}}))
    (found,) = [each for each in detect_clients(make_machine(tmp_path)) if each.host == "opencode"]
    assert (found.command, found.exists, found.exposed) == (sys.executable, True, ("TELECMI_TOKEN",))
    target.file.write_text(json.dumps({"mcp": {"telecmi": {"command": []}}}))
    (found,) = [each for each in detect_clients(make_machine(tmp_path)) if each.host == "opencode"]
    assert (found.configured, found.command) == (True, "")


def test_a_client_whose_file_is_not_read_is_found_and_no_problem(tmp_path: Path) -> None:
    (tmp_path / ".config/goose").mkdir(parents=True)
    (found,) = [each for each in detect_clients(make_machine(tmp_path)) if each.found]
    assert (found.host, found.configured, found.problem) == ("goose", None, "")


@pytest.mark.parametrize("command", ["telecmi-mcp", "/nowhere\0", "x" * 5000, "/" + "y" * 5000])
def test_an_invalid_command_counts_as_missing(command: str, tmp_path: Path) -> None:
    target = make_target("cursor", tmp_path)
    target.file.write_text(json.dumps({"mcpServers": {"telecmi": {"command": command}}}))
    (standing,) = [each for each in detect_clients(make_machine(tmp_path, PATH=str(tmp_path))) if each.host == "cursor"]
    assert standing.exists is False
