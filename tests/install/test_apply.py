"""Putting the server in and taking it out: exactly that, once, and never anything of somebody else's."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hosts import EDITED, RENEWED, SERVER, made_desk, made_machine
from telecmi_mcp._install import config_file
from telecmi_mcp._install.apply import find_entry, put_in, take_out
from telecmi_mcp._install.detect import ClientStatus, survey
from telecmi_mcp._install.entry import digest, means_the_same
from telecmi_mcp.errors import ClientConfigError

PLAIN = {"command": SERVER.command, "args": ["serve"], "env": {"TELECMI_USER_ID": "103_1111112"}}
SHAPES: dict[str, Any] = {
    "claude-desktop": {"mcpServers": {"telecmi": PLAIN}},
    "cursor": {"mcpServers": {"telecmi": PLAIN}},
    "vscode": {"servers": {"telecmi": {"type": "stdio", **PLAIN}}},
    "codex": {"mcp_servers": {"telecmi": PLAIN}},
    "gemini": {"mcpServers": {"telecmi": PLAIN}},
    "windsurf": {"mcpServers": {"telecmi": PLAIN}},
    "zed": {"context_servers": {"telecmi": PLAIN}},
}
OTHERS = {
    "json": '{\n  "z": 1,\n  "KEY": {"other": {"command": "x"}}\n}\n',
    "toml": '# c\n[KEY.other]\ncommand = "x"\n',
}


def parsed(path: Path) -> Any:
    return tomllib.loads(path.read_text()) if path.suffix == ".toml" else json.loads(path.read_text())


def test_every_host_whose_file_is_edited_has_its_shape_here() -> None:
    assert set(SHAPES) == set(EDITED)


@pytest.mark.parametrize("name", EDITED)
def test_a_missing_file_is_made_in_the_hosts_own_shape_and_goes_again(name: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path)
    change = put_in(desk, SERVER)
    assert (change.changed, change.backup) == (True, None)
    assert parsed(desk.file) == SHAPES[name]
    take_out(desk, None)
    assert list(desk.file.parent.iterdir()) == []


@pytest.mark.parametrize("name", EDITED)
def test_beside_others_it_comes_goes_and_leaves_every_byte(name: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path)
    before = OTHERS[desk.host.form].replace("KEY", desk.host.key).encode()
    desk.file.write_bytes(before)
    change = put_in(desk, SERVER)
    assert change.backup is not None
    assert change.backup.read_bytes() == before
    assert set(parsed(desk.file)[desk.host.key]) == {"other", "telecmi"}
    take_out(desk, None)
    assert desk.file.read_bytes() == before


@pytest.mark.parametrize("name", EDITED)
def test_a_second_time_nothing_is_written(name: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path)
    put_in(desk, SERVER)
    before = desk.file.stat()
    assert not put_in(desk, SERVER).changed
    after = desk.file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in desk.file.parent.iterdir()] == [desk.file.name]


@pytest.mark.parametrize("text", ["{}", '{"mcpServers": {}}', '{"a": 1}'])
def test_what_was_there_without_servers_is_there_again(text: str, tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    desk.file.write_text(text)
    put_in(desk, SERVER)
    take_out(desk, None)
    assert desk.file.read_text() == text


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    desk.file.touch()
    put_in(desk, SERVER)
    assert parsed(desk.file) == SHAPES["cursor"]
    take_out(desk, None)
    assert parsed(desk.file) == {}


def test_what_others_added_meanwhile_stays(tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    put_in(desk, SERVER)
    servers = parsed(desk.file)
    servers["mcpServers"]["other"] = {"command": "x"}
    desk.file.write_text(json.dumps(servers))
    take_out(desk, None)
    assert parsed(desk.file) == {"mcpServers": {"other": {"command": "x"}}}


@pytest.mark.parametrize("name", EDITED)
def test_an_entry_of_ours_is_renewed_when_the_path_or_a_setting_changed(name: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path)
    put_in(desk, SERVER)
    put_in(desk, RENEWED)
    assert parsed(desk.file)[desk.host.key]["telecmi"]["command"] == RENEWED.command
    take_out(desk, None)
    assert not desk.file.exists()  # it was made by the first of the two


@pytest.mark.parametrize("name", EDITED)
def test_an_entry_that_somebody_changed_is_left_without_force(name: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path)
    put_in(desk, SERVER)
    desk.file.write_text(desk.file.read_text().replace("103_1111112", "103_1111113"))
    theirs = desk.file.read_bytes()
    with pytest.raises(ClientConfigError, match="--force to replace"):
        put_in(desk, SERVER)
    with pytest.raises(ClientConfigError, match="--force to remove"):
        take_out(desk, SERVER)
    assert desk.file.read_bytes() == theirs
    forced = made_desk(name, tmp_path, force=True)
    put_in(forced, SERVER)
    assert parsed(desk.file) == SHAPES[name]
    desk.file.write_bytes(theirs)
    take_out(forced, None)
    assert not desk.file.exists()


def test_an_entry_that_a_person_wrote_as_install_would_is_as_good_as_ours(tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    desk.file.write_text(json.dumps({"mcpServers": {"telecmi": {"type": "stdio", **PLAIN}}}))
    assert not put_in(desk, SERVER).changed
    take_out(desk, SERVER)
    assert parsed(desk.file) == {"mcpServers": {}}


def test_taking_out_what_is_not_there_changes_nothing(tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    assert not take_out(desk, SERVER).changed
    assert not desk.file.exists()


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.parametrize("text", ["{", "= 1 =", "\x00"])
def test_a_broken_file_is_left_alone(name: str, text: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path, force=True)
    desk.file.write_text(text)
    for operation in (put_in, take_out):
        with pytest.raises(ClientConfigError):
            operation(desk, SERVER)
    assert desk.file.read_text() == text
    assert [path.name for path in desk.file.parent.iterdir()] == [desk.file.name]


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.parametrize("value", ["[]", "1", '"x"'])
def test_servers_of_a_wrong_type_are_left_alone(name: str, value: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path, force=True)
    text = f"{desk.host.key} = {value}" if desk.host.form == "toml" else f'{{"{desk.host.key}": {value}}}'
    desk.file.write_text(text)
    with pytest.raises(ClientConfigError, match="cannot hold servers"):
        put_in(desk, SERVER)
    assert desk.file.read_text() == text


@pytest.mark.parametrize("name", [name for name in EDITED if name != "codex"])
def test_a_file_with_comments_is_left_alone_and_what_it_has_is_seen(name: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path, force=True)
    desk.file.write_text("// mine\n{}")
    with pytest.raises(ClientConfigError, match="comments"):
        put_in(desk, SERVER)
    assert desk.file.read_text() == "// mine\n{}"
    desk.file.write_text("// mine\n" + json.dumps(SHAPES[name]))
    assert not put_in(desk, SERVER).changed
    with pytest.raises(ClientConfigError, match="comments"):
        take_out(desk, SERVER)


def test_a_host_that_is_not_here_gets_a_folder_by_force_only(tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    desk.file.parent.rmdir()
    with pytest.raises(ClientConfigError, match="not found here"):
        put_in(desk, SERVER)
    assert not desk.file.parent.exists()
    forced = made_desk("cursor", tmp_path, force=True)
    put_in(forced, SERVER)
    assert parsed(desk.file) == SHAPES["cursor"]


def test_a_write_of_the_hosts_own_in_between_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = made_desk("cursor", tmp_path)
    desk.file.write_text('{"a": 1}')
    read, theirs = config_file.read, iter(['{"a": 2}'])

    def interrupted(file: Path) -> config_file.FileContents:
        found = read(file)
        for text in theirs:
            file.write_text(text)
        return found

    monkeypatch.setattr(config_file, "read", interrupted)
    put_in(desk, SERVER)
    assert parsed(desk.file) == {"a": 2, **SHAPES["cursor"]}


@pytest.mark.parametrize("name", ["codex", "cursor"])
def test_a_file_that_install_made_stays_while_there_is_anything_in_it(name: str, tmp_path: Path) -> None:
    desk = made_desk(name, tmp_path)
    put_in(desk, SERVER)
    text = desk.file.read_text()
    desk.file.write_text(f"# mine\n{text}" if name == "codex" else text.replace("{", '{"a": 1,', 1))
    take_out(desk, None)
    assert desk.file.read_text().split() == (["#", "mine"] if name == "codex" else ['{"a":', "1", "}"])


def test_without_a_state_folder_it_is_done_and_said_to_be_not_noted(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in its place")
    desk = made_desk("cursor", tmp_path)
    change = put_in(desk, SERVER)
    assert (change.changed, change.recording) == (True, False)
    assert parsed(desk.file) == SHAPES["cursor"]
    assert take_out(desk, SERVER).changed


def test_a_receipt_tells_nothing_of_the_entry(tmp_path: Path) -> None:
    put_in(made_desk("cursor", tmp_path), SERVER)
    kept = tmp_path / "state" / "hosts.json"
    assert "103_1111112" not in kept.read_text()
    assert SERVER.command not in kept.read_text()


def test_a_broken_receipt_counts_as_none(tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    put_in(desk, SERVER)
    (tmp_path / "state" / "hosts.json").write_text('{"x": [')
    with pytest.raises(ClientConfigError):
        take_out(desk, RENEWED)
    assert take_out(desk, SERVER).changed
    assert parsed(desk.file) == {"mcpServers": {}}  # nobody knows any more who made it


def test_entries_that_start_the_same_mean_the_same() -> None:
    entry = {"command": "x", "args": ["serve"]}
    assert means_the_same(entry, {"type": "stdio", "args": ["serve"], "env": {}, "command": "x"})
    assert digest(entry) == digest({**entry, "env": {}})
    for other in [{**entry, "disabled": True}, {**entry, "type": "http"}, {"command": "x"}, [entry], None]:
        assert not means_the_same(entry, other)
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
    """A made-up ``claude`` on the PATH that does what the real one is documented to do, and notes its arguments."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "bin"
        self.folder.mkdir()
        self.program = self.folder / "claude"
        self.program.write_text(CLAUDE.format(python=f"{sys.executable} -IS"))
        self.program.chmod(0o755)
        machine = made_machine(home, PATH=str(self.folder), CLAUDE_CONFIG_DIR=str(home / "claude"))
        self.desk = made_desk("claude-code", home, machine=machine)
        self.forced = made_desk("claude-code", home, machine=machine, force=True)

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


def test_claude_code_is_asked_to_add_once_and_to_remove(claude: Claude) -> None:
    assert put_in(claude.desk, SERVER).changed
    (words,) = claude.calls
    assert (words[:5], json.loads(words[5])) == (ADD, ENTRY)
    assert not put_in(claude.desk, SERVER).changed
    assert len(claude.calls) == 1
    assert take_out(claude.desk, None).changed
    assert claude.calls[1:] == [REMOVE]
    assert not take_out(claude.desk, None).changed
    assert len(claude.calls) == 2


def test_claude_code_is_asked_to_remove_before_an_entry_of_ours_is_renewed(claude: Claude) -> None:
    put_in(claude.desk, SERVER)
    change = put_in(claude.desk, RENEWED)
    assert [words[1] for words in claude.calls] == ["add-json", "remove", "add-json"]
    assert change.backup is not None
    assert parsed(change.backup)["mcpServers"]["telecmi"]["command"] == SERVER.command


def test_an_entry_of_somebody_elses_in_claude_code_is_left_without_force(claude: Claude) -> None:
    claude.desk.file.write_text('{"mcpServers": {"telecmi": {"command": "theirs"}}}')
    for operation in (put_in, take_out):
        with pytest.raises(ClientConfigError, match="--force"):
            operation(claude.desk, SERVER)
    assert claude.calls == []
    put_in(claude.forced, SERVER)
    assert find_entry(claude.desk.form, claude.desk.host, claude.desk.file.read_text()) == {"env": {}, **ENTRY}


def test_what_claude_says_when_it_fails_is_kept_clean(claude: Claude) -> None:
    (claude.folder / "broken").touch()
    with pytest.raises(ClientConfigError, match="exit code 1") as failed:
        put_in(claude.desk, SERVER)
    assert failed.value.detail == "no room\n left"


def test_without_claude_nothing_is_written(claude: Claude) -> None:
    claude.program.unlink()
    with pytest.raises(ClientConfigError, match="not on the PATH"):
        put_in(claude.desk, SERVER)
    assert not claude.desk.file.exists()


def test_a_batch_file_is_not_run_because_it_would_garble_the_entry(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = claude.folder / "claude.CMD"
    monkeypatch.setattr("shutil.which", lambda *_, **__: str(batch))  # as Windows finds it
    with pytest.raises(ClientConfigError, match="batch file"):
        put_in(claude.desk, SERVER)


def test_a_claude_that_does_not_end_is_stopped(claude: Claude, monkeypatch: pytest.MonkeyPatch) -> None:
    claude.program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr("telecmi_mcp._install.client_cli._SECONDS", 0.05)
    with pytest.raises(ClientConfigError, match="did not end in time"):
        put_in(claude.desk, SERVER)


def test_the_survey_says_who_has_the_server_and_whether_it_is_still_there(tmp_path: Path) -> None:
    def standing(name: str) -> ClientStatus:
        return {each.host: each for each in survey(made_machine(tmp_path))}[name]

    assert (standing("cursor").found, standing("cursor").configured) == (False, False)
    desk = made_desk("cursor", tmp_path)
    assert (standing("cursor").found, standing("cursor").configured) == (True, False)
    put_in(desk, SERVER)
    assert standing("cursor") == ClientStatus(
        "cursor", "Cursor", found=True, file=str(desk.file), configured=True, command=SERVER.command, exists=False
    )
    desk.file.write_text(json.dumps({"mcpServers": {"telecmi": {"command": str(Path(sys.executable))}}}))
    assert standing("cursor").exists
    desk.file.write_text(json.dumps({"mcpServers": {"telecmi": {"url": "https://x"}}}))
    assert (standing("cursor").configured, standing("cursor").exists) == (True, None)
    desk.file.write_text("{")
    assert (standing("cursor").configured, standing("cursor").problem) == (None, "it is not valid JSON")


@pytest.mark.parametrize("command", ["telecmi-mcp", "/nowhere\0", "x" * 5000, "/" + "y" * 5000])
def test_a_command_that_cannot_be_found_is_just_not_there(command: str, tmp_path: Path) -> None:
    desk = made_desk("cursor", tmp_path)
    desk.file.write_text(json.dumps({"mcpServers": {"telecmi": {"command": command}}}))
    (standing,) = [each for each in survey(made_machine(tmp_path, PATH=str(tmp_path))) if each.host == "cursor"]
    assert standing.exists is False
