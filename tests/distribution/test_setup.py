"""``.ci/setup`` makes the environments of the Makefile, with uv or without, and says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")

FAILS = "#!/bin/sh\nexit 1\n"
WITHOUT_VENV = '#!/bin/sh\n[ "$1" = -c ]\n'  # answers for its version, and has no module


def programs(folder: Path, **scripts: str) -> str:
    """Write programs that are found before all others, and return the search path."""
    for name, script in scripts.items():
        (folder / name).write_text(script, encoding="utf8")
        (folder / name).chmod(0o700)
    return os.pathsep.join([str(folder), os.environ["PATH"]])


def set_up(folder: Path, contents: str, path: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", ".ci/setup", str(folder / "made"), contents]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=300
    )


def test_a_python_without_venv_names_the_package(tmp_path: Path) -> None:
    path = programs(tmp_path, uv=FAILS, **{"python3.14": WITHOUT_VENV})
    done = set_up(tmp_path, "demo", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "uv failed; trying venv and pip instead." in done.stderr
    assert "apt-get install python3-venv" in done.stderr


def test_unknown_contents_make_nothing(tmp_path: Path) -> None:
    done = set_up(tmp_path, "all", os.environ["PATH"])
    assert (done.returncode, done.stderr) == (2, "exact, demo, lowest or newest: not all\n")
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_the_environment_of_the_demo_runs_the_demo_and_has_no_development_tools(tmp_path: Path) -> None:
    done = set_up(tmp_path, "demo", programs(tmp_path, uv=FAILS))
    assert done.returncode == 0, done.stderr
    demo = subprocess.run(
        [tmp_path / "made" / "bin" / "telecmi-mcp", "demo"], capture_output=True, text=True, check=False, timeout=120
    )
    assert (demo.returncode, "918004417263" in demo.stdout) == (0, True), demo.stderr
    assert not (tmp_path / "made" / "bin" / "pytest").exists()
