"""Tests that a release compares the versions, pins its actions and publishes only tested files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

from paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = {path.name: path.read_text(encoding="utf8") for path in (ROOT / ".github" / "workflows").iterdir()}
PLACES = {
    "telecmi_mcp/__init__.py": ('__version__ = "{}"', 1),
    "server.json": ('"version": "{}"', 2),
    "bundle/manifest.json": ('"version": "{}"', 1),
    "plugins/telecmi/.claude-plugin/plugin.json": ('"version": "{}"', 1),
    "plugins/telecmi/.cursor-plugin/plugin.json": ('"version": "{}"', 1),
    "Dockerfile": ('image.version="{}"', 1),
    "CHANGELOG.md": ("## [{}] - 2026-01-02", 1),
}

DISTRIBUTION = "telecmi_mcp/_config/distribution.py"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The places that tell the version, all of them ready for the release of 7.8.9."""
    for place, (form, times) in PLACES.items():
        (tmp_path / place).parent.mkdir(exist_ok=True, parents=True)
        text = (ROOT / place).read_text(encoding="utf8").replace("## [Unreleased]\n", "## [0.1.0] - 2026-01-02\n", 1)
        told = form.format("0.1.0")
        assert text.count(told) == times, place
        (tmp_path / place).write_text(text.replace(told, form.format("7.8.9")), encoding="utf8")
    (tmp_path / DISTRIBUTION).parent.mkdir()
    told = (ROOT / DISTRIBUTION).read_text(encoding="utf8")
    (tmp_path / DISTRIBUTION).write_text(re.sub("(?m)^RELEASED: .*", "RELEASED: Final[bool] = True", told))
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "release.py", tmp_path / ".ci")
    return tmp_path


def compare(copy: Path, tag: str) -> subprocess.CompletedProcess[str]:
    words: list[str | Path] = [sys.executable, copy / ".ci" / "release.py", tag]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_tag_that_every_place_agrees_with_passes_and_gives_the_notes(copy: Path) -> None:
    done = compare(copy, "v7.8.9")
    assert (done.returncode, done.stderr) == (0, "")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    assert done.stdout.strip() == changelog.split("\n## [")[1].split("]", 1)[1].strip()


@pytest.mark.parametrize("place", PLACES)
def test_one_place_that_tells_another_version_stops_the_release(copy: Path, place: str) -> None:
    text = (copy / place).read_text(encoding="utf8")
    (copy / place).write_text("7.8.8".join(text.rsplit("7.8.9", 1)), encoding="utf8")
    done = compare(copy, "v7.8.9")
    assert done.returncode == 1
    assert place in done.stderr
    assert "7.8.8" in done.stderr


def test_a_package_that_says_that_nothing_is_released_is_not_released(copy: Path) -> None:
    told = (copy / DISTRIBUTION).read_text(encoding="utf8")
    (copy / DISTRIBUTION).write_text(told.replace("= True", "= False"), encoding="utf8")
    done = compare(copy, "v7.8.9")
    assert (done.returncode, done.stderr.split()[0]) == (1, DISTRIBUTION)


@pytest.mark.parametrize("tag", ["7.8.9", "v7.8.10", "v7.8.9rc1", ""])
def test_another_tag_stops_the_release(copy: Path, tag: str) -> None:
    assert compare(copy, tag).returncode == 1


def test_every_action_is_pinned_by_its_commit_and_everywhere_the_same() -> None:
    pins: dict[str, set[tuple[str, str]]] = {}
    for text in WORKFLOWS.values():
        for line in re.findall(r"uses: (.*)", text):
            action, commit, version = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line).groups()  # type: ignore[union-attr]  # None fails here
            pins.setdefault(action, set()).add((commit, version))
    assert len(pins) >= 6
    assert [action for action, seen in pins.items() if len(seen) > 1] == []


def job(name: str) -> str:
    """One job of the release."""
    return WORKFLOWS["release.yml"].split(f"\n  {name}:\n")[1].split("\n\n  ")[0]


def test_each_file_of_a_release_is_attested_and_published_with_its_sboms() -> None:
    attested = set(re.findall(r"^            (dist/\S+)$", job("attest"), re.MULTILINE))
    published = set(re.findall(r"(?<= )dist/\*\S+", job("github")))
    uploaded = set(re.findall(r"dist/\*\S+", job("build")))
    assert attested == published == uploaded == {"dist/*.cdx.json", "dist/*.mcpb", "dist/*.tar.gz", "dist/*.whl"}
    assert "attestations: write" in job("attest")
    assert "attestations: true" in job("pypi")
    assert "make sbom bundle" in job("build")


def test_the_release_and_ci_install_by_hashes_on_every_system_and_python() -> None:
    ci = WORKFLOWS["ci.yml"].split("\n  hashes:\n")[1]
    for text in (job("test"), ci):
        installs = re.findall(r"pip install .*", text)
        assert len(installs) == 2
        assert "--require-hashes" in installs[0]
        assert "--no-deps" in installs[1]
        assert {"ubuntu-latest", "macos-latest", "windows-latest"} <= set(re.findall(r"\w+-latest", text))
        assert '["3.11", "3.12", "3.13", "3.14"]' in text


def test_the_newest_versions_are_tried_every_week() -> None:
    assert re.search(r"^  schedule:\n    - cron: .* 1\"", WORKFLOWS["newest.yml"], re.MULTILINE)
    assert "- run: make test-newest\n" in WORKFLOWS["newest.yml"]


def test_dependabot_watches_every_folder_with_versions_and_waits_a_week() -> None:
    watched = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf8"))["updates"]
    folders = {each["package-ecosystem"]: set(each.get("directories", [each.get("directory")])) for each in watched}
    held = [
        *(ROOT / ".ci").glob("*/package.json"),
        *ROOT.glob("tests/**/package.json"),
        *ROOT.glob("benchmarks/**/package.json"),
    ]
    assert folders["npm"] == {f"/{path.parent.relative_to(ROOT).as_posix()}" for path in held}
    hashed = [*(ROOT / ".ci").rglob("*.txt"), *ROOT.glob("tests/*/*.txt"), *ROOT.glob("requirements/*.txt")]
    assert folders["pip"] == {"/"} | {f"/{path.parent.relative_to(ROOT).as_posix()}" for path in hashed}
    assert folders["github-actions"] == folders["docker"] == folders["docker-compose"] == {"/"}
    assert all(each["cooldown"]["default-days"] >= 7 for each in watched)


def test_only_publishing_jobs_get_an_identity_and_only_after_the_tests() -> None:
    jobs = dict(
        re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", WORKFLOWS["release.yml"].split("\njobs:\n")[1], re.MULTILINE)
    )
    assert {name for name, job in jobs.items() if "id-token: write" in job} == {"attest", "pypi", "registry"}
    assert {name for name, job in jobs.items() if "contents: write" in job} == {"github"}
    assert {name: re.findall("needs: (.*)", job) for name, job in jobs.items()} == {
        "build": [],
        "test": ["build"],
        "attest": ["test"],
        "pypi": ["attest"],
        "github": ["pypi"],
        "registry": ["pypi"],
    }
