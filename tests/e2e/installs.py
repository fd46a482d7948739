"""What installing needs: the files that users get, known installers, and surroundings like a new machine's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_dir

from paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

SPEAK = ROOT / ".ci" / "speak.py"
PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"  # of no environment
PIP = [sys.executable, "-m", "pip"]
UVS = ("uv==0.9.7", "uv==0.13.9")  # an old one, as hosts bring it, and the newest
PIPX = "pipx==1.18.4"

_MACHINE = ("PIP_", "UV_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")  # how it reaches its package index


def build(folder: Path) -> Path:
    """Build the sdist and the wheel in a folder, and return it."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, capture_output=True)
    return folder


def surroundings(home: Path, *commands: Path, **variables: str) -> dict[str, str]:
    """Return an environment with a home of its own and next to nothing else; downloads are shared with others."""
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(_MACHINE)}
    return {
        **kept,
        "HOME": str(home),
        "PATH": os.pathsep.join([*map(str, commands), "/usr/bin", "/bin"]),
        "PIP_CACHE_DIR": user_cache_dir("pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_CACHE_DIR": user_cache_dir("uv"),
        "UV_PYTHON": str(PYTHON),
        "UV_PYTHON_DOWNLOADS": "never",
        **variables,
    }


def fetch_uv(requirement: str, folder: Path) -> Path:
    """Install one version of uv from the package index and return the folder of its commands."""
    into: list[str | Path] = ["--quiet", "--no-deps", "--target", folder]
    subprocess.run([*PIP, "install", *into, requirement], check=True, capture_output=True)
    return folder / "bin"


def run(command: Sequence[str | Path], env: dict[str, str], cwd: Path) -> str:
    """Run a command that must succeed and return what it printed."""
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def speak(command: Sequence[str | Path], env: dict[str, str], cwd: Path) -> str:
    """Do the main job through a real process, from a folder that is not the server's."""
    return run([sys.executable, SPEAK, *command], env, cwd)
