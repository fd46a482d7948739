"""Tests that the command in a client's file has a permanent path."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from telecmi_mcp._config.distribution import requirement
from telecmi_mcp._install.launch_command import find_server
from telecmi_mcp.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from telecmi_mcp._install.entry import Server


def found(argv0: object, executable: object, prefix: object = "/usr", **environ: str) -> Server:
    return find_server(str(argv0), str(executable), str(prefix), environ, ("serve",))


def script(folder: Path, name: str = "telecmi-mcp") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("")
    return folder / name


def test_the_path_of_the_running_program_is_kept(tmp_path: Path) -> None:
    called = script(tmp_path / "bin")
    script(tmp_path / "venv" / "bin")
    assert found(called, tmp_path / "venv" / "bin" / "python").command == str(called)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a right there")
def test_a_link_is_not_followed_because_its_target_moves_with_upgrades(tmp_path: Path) -> None:
    target = script(tmp_path / "tools" / "telecmi-mcp" / "bin")
    link = tmp_path / "bin" / "telecmi-mcp"
    link.parent.mkdir()
    link.symlink_to(target)
    assert found(link, target.parent / "python").command == str(link)


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = script(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)
    assert found("bin/telecmi-mcp", "/nowhere/python").command == str(called)


def test_windows_may_leave_exe_out(tmp_path: Path) -> None:
    called = script(tmp_path, "telecmi-mcp.exe")
    assert found(tmp_path / "telecmi-mcp", "/nowhere/python").command == str(called)


def test_as_a_module_it_is_the_script_beside_the_interpreter_or_else_the_module(tmp_path: Path) -> None:
    main, python = tmp_path / "telecmi_mcp" / "__main__.py", tmp_path / "bin" / "python"
    python.parent.mkdir()
    server = found(main, python)
    assert (server.command, server.args) == (str(python), ("-P", "-m", "telecmi_mcp", "serve"))
    beside = script(tmp_path / "bin")
    assert (found(main, python).command, found(main, python).args) == (str(beside), ("serve",))


@pytest.mark.parametrize(
    ("prefix", "environ"),
    [
        ("/home/u/.cache/uv/archive-v0/AbC123", {}),
        ("/home/u/.cache/uv/environments-v2/telecmi-mcp-1a2b", {}),
        ("/home/u/.cache/uv/builds-v0/.tmpXyZ", {}),
        ("/big/disk/cache/anything", {"UV_CACHE_DIR": "/big/disk/cache"}),
        ("/home/u/.local/pipx/.cache/0a1b2c", {}),
        ("/home/u/.cache/pipx/0a1b2c", {}),
    ],
)
def test_a_temporary_environment_is_refused_with_the_way_to_install(prefix: str, environ: dict[str, str]) -> None:
    with pytest.raises(
        ConfigurationError, match=re.escape(f'uv tool install --compile-bytecode "{requirement("keyring")}"')
    ):
        found("/x/telecmi-mcp", f"{prefix}/bin/python", prefix, **environ)


@pytest.mark.parametrize(
    "prefix",
    ["/home/u/.local/share/uv/tools/telecmi-mcp", "/home/u/.local/share/pipx/venvs/telecmi-mcp", "/home/u/code/.venv"],
)
def test_a_permanent_environment_is_accepted(prefix: str) -> None:
    assert found("/x/y", f"{prefix}/bin/python", prefix, UV_CACHE_DIR="/big/disk/cache").command.startswith(prefix)
