"""The built wheel in a clean environment: what users install is what was tested."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from typing import TYPE_CHECKING

import pytest

from e2e.lines import PATIENCE, call, environment, initialize
from paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of the wheel in an environment that has nothing else, in a path with a space."""
    folder = tmp_path_factory.mktemp("a b")
    venv.create(folder, with_pip=True)
    (wheel,) = built.glob("*.whl")
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--constraint", ROOT / "constraints.txt", wheel], check=True, capture_output=True)
    return folder / "bin" / "telecmi-mcp"


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"telecmi_mcp"}
    assert "telecmi_mcp/py.typed" in names
    assert not [name for name in names if "test" in name or name.endswith((".pyc", ".toml"))]


@pytest.mark.slow
def test_the_sdist_holds_no_benchmarks_no_evaluation_and_no_test_that_needs_them(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        texts = {
            member.name.partition("/")[2]: archive.extractfile(member).read()  # type: ignore[union-attr]  # files only
            for member in archive.getmembers()
            if member.isfile()
        }
    assert {"tests/conftest.py", "docs/architecture.md", "Makefile"} <= texts.keys()
    assert not [name for name in texts if name.startswith(("benchmarks/", "docs/flames/", "evals/"))]
    tests = [name for name in texts if name.startswith("tests/")]
    assert not [name for name in tests if re.search(rb"^from (?:benchmarks|evals)", texts[name], re.MULTILINE)]


@pytest.mark.slow
def test_the_installed_command_does_the_main_job(installed: Path, tmp_path: Path) -> None:
    messages = [*initialize(), call(1, "get_contact", contact_id=JOHN)]
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    done = subprocess.run(
        [installed, "serve", "--sandbox"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
        env=environment(),
        cwd=tmp_path,
    )
    assert json.loads(done.stdout.splitlines()[1])["result"]["structuredContent"]["first_name"] == "John"
    assert done.stderr == ""


@pytest.mark.slow
def test_the_installed_demo_runs(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed, "demo"], capture_output=True, text=True, check=True, timeout=PATIENCE, cwd=tmp_path
    )
    assert "John Doe" in done.stdout
