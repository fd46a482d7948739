"""What the bundle for Claude Desktop says is what the project is."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import telecmi_mcp
from paths import ROOT
from telecmi_mcp import Settings
from telecmi_mcp._config import variables

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

MANIFEST = json.loads((ROOT / "bundle" / "manifest.json").read_text(encoding="utf8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text().split()

KEYS = {
    *("manifest_version", "name", "display_name", "version", "description", "long_description", "author", "repository"),
    *("homepage", "documentation", "support", "icon", "server", "tools", "keywords", "license", "compatibility"),
    *("tools_generated", "user_config"),
}


def program(name: str) -> ModuleType:
    """One of the programs beside the manifest."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "bundle" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def asked_for(setting: str) -> dict[str, Any]:
    """What the host asks the user for one environment variable."""
    (name,) = re.fullmatch(r"\$\{user_config\.(\w+)\}", MANIFEST["server"]["mcp_config"]["env"][setting]).groups()  # type: ignore[union-attr]  # None fails here
    asked: dict[str, Any] = MANIFEST["user_config"][name]
    return asked


def test_the_manifest_says_what_pyproject_says() -> None:
    assert MANIFEST.keys() == KEYS
    assert MANIFEST["manifest_version"] == "0.4"
    assert MANIFEST["version"] == telecmi_mcp.__version__
    for key in ("name", "description", "keywords", "license"):
        assert MANIFEST[key] == PROJECT[key]
    assert MANIFEST["homepage"] == MANIFEST["repository"]["url"] == PROJECT["urls"]["Homepage"]
    assert MANIFEST["documentation"] == PROJECT["urls"]["Documentation"]
    assert MANIFEST["support"] == PROJECT["urls"]["Issues"]
    assert MANIFEST["compatibility"]["runtimes"]["python"] == PROJECT["requires-python"]


def test_the_manifest_starts_the_command_with_uv_in_its_own_folder() -> None:
    server = MANIFEST["server"]
    assert server["type"] == "uv"
    assert server["mcp_config"]["command"] == "uv"
    assert server["mcp_config"]["args"] == ["run", "--directory", "${__dirname}", *PROJECT["scripts"]]


def test_each_setting_of_the_manifest_is_one_of_ours_and_none_is_required() -> None:
    settings = {each.variable: each for each in variables.ALL}
    assert len(MANIFEST["server"]["mcp_config"]["env"]) == len(MANIFEST["user_config"])
    for variable in MANIFEST["server"]["mcp_config"]["env"]:
        asked = asked_for(variable)
        assert asked["description"]
        assert asked["required"] is False
        assert asked["default"] == settings[variable].default
        assert asked.get("sensitive", False) == settings[variable].secret


@pytest.mark.parametrize("fill_in", [lambda _: "", lambda value: value], ids=["empty", "literal"])
def test_unfilled_settings_count_as_unset(fill_in: Any) -> None:
    env = {name: fill_in(value) for name, value in MANIFEST["server"]["mcp_config"]["env"].items()}
    assert Settings.from_env(env) == Settings()


def test_the_bundles_project_has_the_exact_versions_and_no_address() -> None:
    text = program("stage").project("telecmi_mcp-1-py3-none-any.whl")
    project = tomllib.loads(text)
    assert project["tool"]["uv"]["constraint-dependencies"] == CONSTRAINTS
    assert project["tool"]["uv"]["sources"] == {"telecmi-mcp": {"path": "telecmi_mcp-1-py3-none-any.whl"}}
    assert project["project"]["version"] == telecmi_mcp.__version__
    assert project["project"]["requires-python"] == PROJECT["requires-python"]
    assert "://" not in text


def test_a_folder_is_laid_out_anew(tmp_path: Path) -> None:
    wheel = tmp_path / "telecmi_mcp-1-py3-none-any.whl"
    wheel.write_bytes(b"")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "uv.lock").write_text("left over")
    program("stage").stage(wheel, tmp_path / "bundle")
    laid_out = {path.name for path in (tmp_path / "bundle").iterdir()}
    assert laid_out == {
        *("LICENSE", "README.md", "icon.png", "manifest.json", "pyproject.toml", "server.py", wheel.name)
    }
    assert {MANIFEST["icon"], MANIFEST["server"]["entry_point"]} <= laid_out


@pytest.mark.slow
def test_the_icon_is_what_its_program_draws() -> None:
    def drawn(png: bytes) -> bytes:
        return zlib.decompress(png.split(b"IDAT")[1].split(b"IEND")[0][:-8])

    icon = program("icon")
    assert drawn(icon.ICON.read_bytes()) == icon.pixels()
