"""Installs each server in an environment of its own below ``.benchmarks/``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.client import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).parent.parent
WORK = ROOT / ".benchmarks"
SOURCES = ROOT / "benchmarks" / "peers"
PINS = {name: SOURCES / f"{name}.txt" for name in ("official", "fastmcp", "profiler", "tokens")}

OURS = "telecmi-mcp"
A = "A: official SDK, MCPServer"
FASTMCP = "FastMCP by hand"
LIMITS = {"httpx2 behind a pipe": "httpx2", "sockets behind a pipe": "sockets"}

_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


def python(environment: str) -> Path:
    """Return the interpreter of an environment."""
    return WORK / environment / "bin" / "python"


def make_official() -> None:
    """Install the official SDK and httpx2."""
    _make("official", [PINS["official"]], "--requirement", str(PINS["official"]))


def make_fastmcp() -> None:
    """Install FastMCP."""
    _make("fastmcp", [PINS["fastmcp"]], "--requirement", str(PINS["fastmcp"]))


def make_tokens() -> None:
    """Install the tokenizer."""
    _make("tokens", [PINS["tokens"]], "--requirement", str(PINS["tokens"]))


def make_profiler() -> None:
    """Install py-spy."""
    _make("profiler", [PINS["profiler"]], "--requirement", str(PINS["profiler"]))


def all_peers() -> dict[str, Callable[[], Peer]]:
    """Return for each server a function that installs it and returns its command."""
    return {
        OURS: _ours,
        A: lambda: _from_pypi(A, "official", "official.py"),
        "official SDK, low-level": lambda: _from_pypi("official SDK, low-level", "official", "low_level.py"),
        FASTMCP: lambda: _from_pypi(FASTMCP, "fastmcp", "fastmcp_by_hand.py"),
        "FastMCP from OpenAPI": lambda: _from_pypi("FastMCP from OpenAPI", "fastmcp", "fastmcp_openapi.py"),
        "TypeScript SDK": _typescript,
    }


def bare_loop(*arguments: str) -> list[str]:
    """Return the command of the loop without a server, run with the official SDK's httpx2."""
    return [str(python("official")), str(SOURCES / "bare.py"), *arguments]


def limits() -> dict[str, Peer]:
    """Return the programs without MCP that show the limits; they run with the official SDK's httpx2."""
    words = (str(python("official")), str(SOURCES / "piped.py"))
    return {name: Peer(name, (*words, way), surroundings()) for name, way in LIMITS.items()}


def surroundings(**more: str) -> dict[str, str]:
    """Return an environment without settings of TeleCMI or of a proxy."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | more


def _ours() -> Peer:
    # Installed as the README says: from a wheel, with byte code and the keyring.
    sources = [ROOT / "pyproject.toml", ROOT / "constraints.txt", *sorted((ROOT / "telecmi_mcp").rglob("*.*"))]
    wanted = [path for path in sources if path.is_file() and path.suffix != ".pyc"]
    _make("telecmi", wanted, "--constraint", str(ROOT / "constraints.txt"), f"{ROOT}[keyring]")
    # With the rate limit, the run would measure only the limit.
    return Peer(OURS, (str(WORK / "telecmi" / "bin" / "telecmi-mcp"),), surroundings(TELECMI_RATE_LIMIT="0"))


def _from_pypi(name: str, environment: str, source: str) -> Peer:
    _make(environment, [PINS[environment]], "--requirement", str(PINS[environment]))
    return Peer(name, (str(python(environment)), str(SOURCES / source)), surroundings())


def _typescript() -> Peer:
    folder = WORK / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "typescript.mjs"):  # Node searches packages from the folder of the source
        shutil.copy(SOURCES / name, folder)
    if not _is_made(folder, [SOURCES / "package.json"]):
        words = ["npm", "install", "--prefix", str(folder), "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([*words, "--ignore-scripts"], check=True)
        _note_made(folder, [SOURCES / "package.json"])
    node = shutil.which("node") or "node"
    return Peer("TypeScript SDK", (node, str(folder / "typescript.mjs")), surroundings())


def _make(name: str, made_from: list[Path], *wanted: str) -> None:
    folder = WORK / name
    if _is_made(folder, made_from):
        return
    shutil.rmtree(folder, ignore_errors=True)
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        words = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python(name))]
    else:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        words = [str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*words, *wanted], check=True)
    _note_made(folder, made_from)


def _is_made(folder: Path, made_from: list[Path]) -> bool:
    note = folder / "made-from"
    return note.exists() and note.read_text(encoding="ascii") == _digest(made_from)


def _note_made(folder: Path, made_from: list[Path]) -> None:
    (folder / "made-from").write_text(_digest(made_from), encoding="ascii")


def _digest(paths: Iterable[Path]) -> str:
    return blake2b(b"".join(str(path).encode() + path.read_bytes() for path in paths), digest_size=16).hexdigest()
