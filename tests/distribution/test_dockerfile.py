"""The Dockerfile: what it says, and its build step run on this machine, since no Docker is needed for that."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import telecmi_mcp
from e2e.installs import run, speak, surroundings
from paths import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
PLACE = "/opt/telecmi-mcp"


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of one name, in one line each."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [" ".join(line.split()[1:]) for line in lines.splitlines() if line.split()[:1] == [name]]


def test_the_labels_say_what_pyproject_and_the_registry_say() -> None:
    labels = dict(re.findall(r'([\w.]+)="([^"]*)"', instructions("LABEL")[0]))
    server = json.loads((ROOT / "server.json").read_text(encoding="utf8"))
    image = "org.opencontainers.image."
    assert labels == {
        "io.modelcontextprotocol.server.name": server["name"],
        f"{image}title": server["title"],
        f"{image}description": PROJECT["description"],
        f"{image}version": telecmi_mcp.__version__,
        f"{image}licenses": PROJECT["license"],
        f"{image}source": server["repository"]["url"],
        f"{image}documentation": PROJECT["urls"]["Documentation"],
    }


def test_all_stages_have_the_same_python_and_no_image_runs_as_root() -> None:
    stages = [image.split(" AS ") for image in instructions("FROM")]
    own = {name for _, *names in stages for name in names}
    assert len({image for image, *_ in stages} - own) == 1
    assert [image for image, *names in stages if not names or names == ["team"]] == ["base", "base"]
    base = DOCKERFILE.split(" AS base\n", 1)[1].split("\nFROM ", 1)[0]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", base, re.MULTILINE)
    assert len(instructions("USER")) == 1


def test_it_serves_on_stdio_and_for_a_team_on_a_port() -> None:
    assert [json.loads(words) for words in instructions("ENTRYPOINT")] == [[*PROJECT["scripts"]]]
    for_a_team, on_stdio = map(json.loads, instructions("CMD"))
    assert on_stdio == ["serve"]
    assert for_a_team == ["serve", "--http", f"0.0.0.0:{instructions('EXPOSE')[0]}"]
    assert DOCKERFILE.index("FROM base AS team") < DOCKERFILE.index("FROM base\n")  # the last one is the default


def copy_context(folder: Path) -> None:
    """What .dockerignore leaves of the tree, which names what stays."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    assert [rule for rule in rules if rule[:1] not in {"#", "!"}] == ["*", "**/__pycache__"]
    for path in ROOT.rglob("*"):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and "__pycache__" not in name and any(fnmatch(name, pattern) for pattern in kept):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / name)


def test_the_image_installs_by_hash_or_what_it_built() -> None:
    installs = [part for step in instructions("RUN") for part in step.split("&&") if " install " in part]
    assert len(installs) == 4
    for install in installs:
        assert re.search(r"--require-hashes --requirement requirements/\w+\.txt", install) or (
            "--no-deps --no-index" in install and install.endswith("/wheels/*.whl")
        )
    (built,) = [part for step in instructions("RUN") for part in step.split("&&") if " wheel " in part]
    assert "--no-deps --no-build-isolation" in built


@pytest.mark.slow
def test_its_build_step_installs_the_exact_versions_without_pip_and_with_byte_code(tmp_path: Path) -> None:
    source, image = tmp_path / "source", tmp_path / "image"
    copy_context(source)
    env = surroundings(tmp_path / "home", Path(sys.executable).parent)
    *steps, for_a_team, _ = instructions("RUN")
    for step in steps:
        run(["/bin/sh", "-euc", step.replace(PLACE, str(image))], env, source)
    assert not list(image.glob("lib/python*/site-packages/psycopg*"))
    run(["/bin/sh", "-euc", for_a_team.replace(PLACE, str(image))], env, source)
    assert list(image.glob("lib/python*/site-packages/psycopg_pool"))

    (packages,) = image.glob("lib/python*/site-packages")
    installed = {folder.name.removesuffix(".dist-info").replace("-", "==") for folder in packages.glob("*.dist-info")}
    exact = {re.sub(r"[-.]", "_", line.split("==")[0]).lower() + "==" + line.split("==")[1] for line in constraints()}
    assert {name.lower() for name in installed} - {f"telecmi_mcp=={telecmi_mcp.__version__}"} <= exact
    sources = {path.stem for path in (packages / "telecmi_mcp").rglob("*.py")}
    assert {path.name.split(".")[0] for path in (packages / "telecmi_mcp").rglob("*.pyc")} == sources
    assert not (packages / "pip").exists()

    env["PATH"] = f"{image / 'bin'}{os.pathsep}{env['PATH']}"
    assert "as they should be" in speak(["telecmi-mcp", "serve", "--sandbox"], env, tmp_path)


def constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text().split()
