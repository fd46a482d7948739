"""The plugin for Claude Code and Cursor has what both document, and its skill names tools that exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

import telecmi_mcp
from docs.install_links import server_entry
from docs.plugin_files import NAME, PLUGIN, plugin_files
from paths import ROOT
from telecmi_mcp._mcp.tools.registry import LOCAL_TOOLS

KEBAB = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
TEXT = {"type": "string", "minLength": 1}
OWNER = {"type": "object", "required": ["name"], "additionalProperties": False, "properties": {"name": TEXT}}
MANIFEST: dict[str, Any] = {
    "type": "object",
    "required": ["name", "version", "description"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": KEBAB},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "author": OWNER,
        "homepage": {"type": "string", "pattern": "^https://"},
        "repository": {"type": "string", "pattern": "^https://"},
        "keywords": {"type": "array", "items": TEXT},
        "description": TEXT,
        "license": TEXT,
    },
}
"""What code.claude.com/docs/en/plugins-reference and schemas/plugin.schema.json of github.com/cursor/plugins share."""
OF_CURSOR = {"displayName": TEXT, "skills": TEXT, "mcpServers": TEXT}
MARKETPLACE = {
    "type": "object",
    "required": ["name", "owner", "plugins"],
    "properties": {
        "name": {"type": "string", "pattern": KEBAB},
        "owner": OWNER,
        "plugins": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "source"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string", "pattern": KEBAB}, "source": TEXT, "description": TEXT},
            },
        },
    },
}
FOLDERS = [".claude-plugin", ".cursor-plugin"]


def load(*path: str) -> Any:
    return json.loads(ROOT.joinpath(*path).read_text(encoding="utf8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_manifest_has_the_documented_fields_and_the_packages_version(folder: str) -> None:
    manifest = load("plugins", "telecmi", folder, "plugin.json")
    extra = OF_CURSOR if folder == ".cursor-plugin" else {}
    jsonschema.validate(manifest, {**MANIFEST, "properties": {**MANIFEST["properties"], **extra}})
    assert (manifest["name"], manifest["version"]) == (NAME, telecmi_mcp.__version__)
    for path in (manifest[key] for key in ("skills", "mcpServers") if key in manifest):
        assert (PLUGIN / path).exists()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_list_of_plugins_leads_to_the_plugin(folder: str) -> None:
    market = load(folder, "marketplace.json")
    jsonschema.validate(market, MARKETPLACE)
    (entry,) = market["plugins"]
    assert (ROOT / entry["source"]).resolve() == PLUGIN
    assert entry["name"] == load("plugins", "telecmi", folder, "plugin.json")["name"]
    if folder == ".claude-plugin":
        assert entry["source"].startswith("./")  # else it would name a source of another kind


def test_the_plugin_starts_the_server_as_the_links_do() -> None:
    assert load("plugins", "telecmi", ".mcp.json") == {"mcpServers": {"telecmi": server_entry()}}


def test_every_file_of_the_plugin_is_known() -> None:
    written = {path.relative_to(PLUGIN) for path in plugin_files() if PLUGIN in path.parents}
    by_hand = {path.relative_to(PLUGIN) for path in (PLUGIN / "README.md", *PLUGIN.glob("skills/*/SKILL.md"))}
    assert {path.relative_to(PLUGIN) for path in PLUGIN.rglob("*") if path.is_file()} == written | by_hand


def test_the_skill_has_the_documented_fields_and_names_all_tools() -> None:
    (path,) = PLUGIN.glob("skills/*/SKILL.md")
    _, head, body = path.read_text(encoding="utf8").split("---\n", 2)
    fields = yaml.safe_load(head)
    assert fields.keys() == {"name", "description"}
    assert fields["name"] == path.parent.name
    assert re.fullmatch(KEBAB, fields["name"])
    assert 1 <= len(fields["description"]) <= 1024
    assert len(body.splitlines()) < 60
    known = {tool.name for tool in LOCAL_TOOLS}
    body = body.replace("mcp__plugin_telecmi_telecmi__", "")
    assert set(re.findall(r"\b(\w+_contacts?)\b", body)) == known
    named = {
        word for tool in LOCAL_TOOLS for word in (*tool.input_schema["properties"], *tool.output_schema["properties"])
    }
    words = set(re.findall(r"`(\w+)`", body)) - known - {"telecmi", "partial"}
    assert words <= named


def test_a_tools_name_in_the_plugin_stays_within_the_limit_of_claude_code() -> None:
    assert max(len(f"mcp__plugin_{NAME}_telecmi__{tool.name}") for tool in LOCAL_TOOLS) + 14 <= 64


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("claude", path=os.environ.get("TELECMI_TEST_CLAUDE", "")) is None,
    reason="TELECMI_TEST_CLAUDE names no folder with Claude Code",
)
@pytest.mark.parametrize("path", [ROOT, PLUGIN], ids=["marketplace", "plugin"])
def test_claude_code_accepts_the_manifests(path: Any, tmp_path: Any) -> None:
    program = shutil.which("claude", path=os.environ["TELECMI_TEST_CLAUDE"])
    done = subprocess.run(
        [str(program), "plugin", "validate", "--strict", path],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
