"""Tests the paths of clients' configurations on invented machines of every platform."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from hosts import make_machine
from telecmi_mcp._install import NAMES
from telecmi_mcp._install.clients import CLIENTS
from telecmi_mcp._install.paths import find_file, find_program, is_found, old_files

if TYPE_CHECKING:
    from pathlib import Path

PLACES = {
    ("claude-desktop", "darwin"): "Library/Application Support/Claude/claude_desktop_config.json",
    ("claude-desktop", "win32"): "AppData/Roaming/Claude/claude_desktop_config.json",
    ("claude-desktop", "linux"): ".config/Claude/claude_desktop_config.json",
    ("claude-code", "darwin"): ".claude.json",
    ("claude-code", "win32"): ".claude.json",
    ("claude-code", "linux"): ".claude.json",
    ("cursor", "darwin"): ".cursor/mcp.json",
    ("cursor", "win32"): ".cursor/mcp.json",
    ("cursor", "linux"): ".cursor/mcp.json",
    ("vscode", "darwin"): "Library/Application Support/Code/User/mcp.json",
    ("vscode", "win32"): "AppData/Roaming/Code/User/mcp.json",
    ("vscode", "linux"): ".config/Code/User/mcp.json",
    ("codex", "darwin"): ".codex/config.toml",
    ("codex", "win32"): ".codex/config.toml",
    ("codex", "linux"): ".codex/config.toml",
    ("gemini", "darwin"): ".gemini/settings.json",
    ("gemini", "win32"): ".gemini/settings.json",
    ("gemini", "linux"): ".gemini/settings.json",
    ("antigravity", "darwin"): ".gemini/config/mcp_config.json",
    ("antigravity", "win32"): ".gemini/config/mcp_config.json",
    ("antigravity", "linux"): ".gemini/config/mcp_config.json",
    ("devin-desktop", "darwin"): ".config/devin/mcp_config.json",
    ("devin-desktop", "win32"): "AppData/Roaming/devin/mcp_config.json",
    ("devin-desktop", "linux"): ".config/devin/mcp_config.json",
    ("copilot-cli", "darwin"): ".copilot/mcp-config.json",
    ("copilot-cli", "win32"): ".copilot/mcp-config.json",
    ("copilot-cli", "linux"): ".copilot/mcp-config.json",
    ("cline", "darwin"): ".cline/data/settings/cline_mcp_settings.json",
    ("cline", "win32"): ".cline/data/settings/cline_mcp_settings.json",
    ("cline", "linux"): ".cline/data/settings/cline_mcp_settings.json",
    ("kiro", "darwin"): ".kiro/settings/mcp.json",
    ("kiro", "win32"): ".kiro/settings/mcp.json",
    ("kiro", "linux"): ".kiro/settings/mcp.json",
    ("opencode", "darwin"): ".config/opencode/opencode.json",
    ("opencode", "win32"): ".config/opencode/opencode.json",
    ("opencode", "linux"): ".config/opencode/opencode.json",
    ("lm-studio", "darwin"): ".lmstudio/mcp.json",
    ("lm-studio", "win32"): ".lmstudio/mcp.json",
    ("lm-studio", "linux"): ".lmstudio/mcp.json",
    ("goose", "darwin"): ".config/goose/config.yaml",
    ("goose", "win32"): "AppData/Roaming/Block/goose/config/config.yaml",
    ("goose", "linux"): ".config/goose/config.yaml",
    ("zed", "darwin"): ".config/zed/settings.json",
    ("zed", "win32"): "AppData/Roaming/Zed/settings.json",
    ("zed", "linux"): ".config/zed/settings.json",
}


def test_every_client_has_a_path_on_every_platform() -> None:
    assert tuple(CLIENTS) == NAMES
    assert set(PLACES) == {(name, platform) for name in NAMES for platform in ("darwin", "win32", "linux")}


@pytest.mark.parametrize(("name", "platform"), PLACES)
def test_without_variables_the_path_is_below_the_home_folder(name: str, platform: str, tmp_path: Path) -> None:
    assert find_file(CLIENTS[name], make_machine(tmp_path, platform)) == tmp_path / PLACES[name, platform]


@pytest.mark.parametrize(
    ("name", "platform", "variable", "place"),
    [
        ("claude-desktop", "win32", "APPDATA", "Claude/claude_desktop_config.json"),
        ("vscode", "win32", "APPDATA", "Code/User/mcp.json"),
        ("zed", "win32", "APPDATA", "Zed/settings.json"),
        ("claude-desktop", "linux", "XDG_CONFIG_HOME", "Claude/claude_desktop_config.json"),
        ("vscode", "linux", "XDG_CONFIG_HOME", "Code/User/mcp.json"),
        ("zed", "linux", "XDG_CONFIG_HOME", "zed/settings.json"),
        ("claude-code", "linux", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "darwin", "CODEX_HOME", "config.toml"),
        ("gemini", "linux", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("devin-desktop", "linux", "XDG_CONFIG_HOME", "devin/mcp_config.json"),
        ("devin-desktop", "win32", "APPDATA", "devin/mcp_config.json"),
        ("copilot-cli", "linux", "COPILOT_HOME", "mcp-config.json"),
        ("cline", "linux", "CLINE_DIR", "data/settings/cline_mcp_settings.json"),
        ("cline", "linux", "CLINE_DATA_DIR", "settings/cline_mcp_settings.json"),
        ("opencode", "linux", "XDG_CONFIG_HOME", "opencode/opencode.json"),
        ("goose", "linux", "XDG_CONFIG_HOME", "goose/config.yaml"),
        ("goose", "win32", "APPDATA", "Block/goose/config/config.yaml"),
    ],
)
def test_a_variable_moves_the_path(name: str, platform: str, variable: str, place: str, tmp_path: Path) -> None:
    moved = make_machine(tmp_path / "home", platform, **{variable: str(tmp_path / "elsewhere")})
    assert find_file(CLIENTS[name], moved) == tmp_path / "elsewhere" / place


def test_xdg_config_home_moves_nothing_on_macos(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, "darwin", XDG_CONFIG_HOME=str(tmp_path / "elsewhere"))
    assert find_file(CLIENTS["zed"], machine) == tmp_path / ".config/zed/settings.json"


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_a_relative_path_in_a_variable_counts_as_unset(value: str, tmp_path: Path) -> None:
    machine = make_machine(tmp_path, XDG_CONFIG_HOME=value, CODEX_HOME=value)
    assert find_file(CLIENTS["zed"], machine) == tmp_path / ".config/zed/settings.json"
    assert find_file(CLIENTS["codex"], machine) == tmp_path / ".codex/config.toml"


@pytest.mark.parametrize("variables", [{}, {"LOCALAPPDATA": "AppData/Local"}])
def test_the_stores_build_of_claude_desktop_has_a_file_of_its_own(variables: dict[str, str], tmp_path: Path) -> None:
    environ = {name: str(tmp_path / place) for name, place in variables.items()}
    machine = make_machine(tmp_path, "win32", **environ)
    store = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    ordinary = tmp_path / "AppData/Roaming/Claude"
    ordinary.mkdir(parents=True)
    assert find_file(CLIENTS["claude-desktop"], machine).parent == ordinary
    store.mkdir(parents=True)
    assert find_file(CLIENTS["claude-desktop"], machine) == store / "claude_desktop_config.json"


@pytest.mark.parametrize(
    ("name", "now", "before"),
    [
        ("devin-desktop", ".config/devin", ".codeium/windsurf"),
        ("antigravity", ".gemini/config", ".gemini/antigravity-cli"),
        ("antigravity", ".gemini/config", ".gemini/antigravity"),
        ("lm-studio", ".lmstudio", ".cache/lm-studio"),
    ],
)
def test_the_file_of_an_older_version_is_used_while_the_newer_folder_is_missing(
    name: str, now: str, before: str, tmp_path: Path
) -> None:
    client, machine = CLIENTS[name], make_machine(tmp_path)
    (tmp_path / before).mkdir(parents=True)
    assert find_file(client, machine).parent == tmp_path / before
    assert is_found(client, machine)
    (tmp_path / now).mkdir(parents=True)
    assert find_file(client, machine).parent == tmp_path / now
    assert old_files(client, machine) == []
    (tmp_path / before / find_file(client, machine).name).write_text("{}")
    assert [file.parent for file in old_files(client, machine)] == [tmp_path / before]


def test_of_two_files_in_a_folder_the_one_that_exists_is_used(tmp_path: Path) -> None:
    folder = tmp_path / ".config/opencode"
    folder.mkdir(parents=True)
    assert find_file(CLIENTS["opencode"], make_machine(tmp_path)) == folder / "opencode.json"
    (folder / "opencode.jsonc").write_text("{}")
    assert find_file(CLIENTS["opencode"], make_machine(tmp_path)) == folder / "opencode.jsonc"


def test_an_unknown_platform_counts_as_linux(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, "freebsd14")
    assert find_file(CLIENTS["vscode"], machine) == tmp_path / ".config/Code/User/mcp.json"


def test_a_client_is_found_by_the_folder_of_its_file(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    assert not is_found(CLIENTS["cursor"], machine)
    (tmp_path / ".cursor").mkdir()
    assert is_found(CLIENTS["cursor"], machine)


def test_claude_code_is_found_by_its_file_or_its_command_and_not_by_the_home_folder(tmp_path: Path) -> None:
    assert not is_found(CLIENTS["claude-code"], make_machine(tmp_path))
    (tmp_path / ".claude.json").write_text("{}")
    assert is_found(CLIENTS["claude-code"], make_machine(tmp_path))
    program = tmp_path / "bin" / ("claude.exe" if sys.platform == "win32" else "claude")
    program.parent.mkdir()
    program.write_text("")
    program.chmod(0o755)
    machine = make_machine(tmp_path / "another", PATH=str(program.parent))
    assert find_program(CLIENTS["claude-code"], machine) == program
    assert is_found(CLIENTS["claude-code"], machine)


def test_a_command_in_the_working_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "claude").write_text("")
    (tmp_path / "claude").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert find_program(CLIENTS["claude-code"], make_machine(tmp_path, PATH=".")) is None
