"""Write requirements/ and constraints.txt anew: ``python .ci/lock.py``, or with ``--upgrade`` with the newest versions.

Each file of requirements/ holds exact versions and the hashes of all their files, for Python 3.11 and later on Linux,
macOS and Windows. ``constraints.txt`` holds the versions of ``dev.txt`` without hashes, for what takes constraints.
Without ``--upgrade`` a version stays where ``pyproject.toml`` still allows it. uv, itself in ``lock.txt``, does the
resolving. No file holds the address of a package index.
"""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "requirements"
CONSTRAINTS = ROOT / "constraints.txt"
DEV = ["pyproject.toml", "--all-extras", "--group", "dev"]  # its versions bind the others
LOCKS = {
    "runtime": ["pyproject.toml"],
    "keyring": ["pyproject.toml", "--extra", "keyring"],
    "team": ["pyproject.toml", "--extra", "team"],
    "build": ["--group", "build"],
    "sbom": ["--group", "sbom"],
    "lock": ["--group", "lock"],
    "mutants": ["--group", "mutants"],
}
_CLIENTS = ROOT / "tests" / "clients"
_FOLDERS = (ROOT / ".ci" / "judging", _CLIENTS, _CLIENTS / "frameworks", ROOT / "tests" / "team" / "browser")
OTHERS = [path for folder in _FOLDERS for path in sorted(folder.glob("*.txt"))]
"""Whole lists that are moved by hand: they get the hashes of their versions."""

_UNIVERSAL = ["--universal", "--python-version", "3.11", "--fork-strategy", "fewest"]
_FORM = ["--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
_ALWAYS = (  # what pyproject.toml's environments for uv have in common: true wherever these files are used
    " and (sys_platform == 'darwin' or sys_platform == 'linux' or sys_platform == 'win32')",
    " and platform_python_implementation == 'CPython'",
    "platform_python_implementation == 'CPython' and ",
    " ; platform_python_implementation == 'CPython'",
)


def versions(lock: str) -> list[str]:
    """Return ``name==version`` of each package of a lock."""
    return re.findall(r"^[a-z0-9-]+==[^\s;\\]+", lock, re.MULTILINE)


def main(upgrade: list[str]) -> None:
    """Write all of them."""
    uv = _install_uv()
    _compile(uv, [*DEV, *_UNIVERSAL, *upgrade], FOLDER / "dev.txt")
    exact = versions((FOLDER / "dev.txt").read_text(encoding="utf8"))
    CONSTRAINTS.write_text("".join(f"{each}\n" for each in exact), encoding="utf8", newline="\n")
    for name, wanted in LOCKS.items():
        _compile(uv, [*wanted, "--constraint", str(CONSTRAINTS), *_UNIVERSAL, *upgrade], FOLDER / f"{name}.txt")
    for path in OTHERS:
        _add_hashes(uv, path)


def _install_uv() -> Path:
    folder = ROOT / "build" / "lock"
    venv.create(folder, clear=True, with_pip=True)
    commands = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pip: list[str | Path] = [commands / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--requirement", FOLDER / "lock.txt"], check=True)  # noqa: S603 - our own
    return commands / "uv"


def _compile(uv: Path, wanted: list[str], output: Path) -> None:
    command: list[str | Path] = [uv, "pip", "compile", *_FORM, *wanted, "--output-file", output]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    text = output.read_text(encoding="utf8")
    for marker in _ALWAYS:
        text = text.replace(marker, "")
    output.write_text(text, encoding="utf8", newline="\n")


def _add_hashes(uv: Path, path: Path) -> None:
    """Keep the versions and the comments of a list that is whole."""
    text = path.read_text(encoding="utf8")
    comments = re.findall(r"^#.*\n", text, re.MULTILINE)
    exact = re.findall(r"^[A-Za-z0-9._-]+==[^\s;\\]+", text, re.MULTILINE)
    bare, hashed = ROOT / "build" / "lock" / "bare.txt", ROOT / "build" / "lock" / "hashed.txt"
    bare.write_text("".join(f"{each}\n" for each in exact), encoding="utf8")
    hashed.unlink(missing_ok=True)
    _compile(uv, [str(bare), "--no-deps"], hashed)
    path.write_text("".join(comments) + hashed.read_text(encoding="utf8"), encoding="utf8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
