"""Lay out the bundle for Claude Desktop: ``python bundle/stage.py WHEEL FOLDER``.

The bundle is a project of its own whose one dependency is the wheel that lies in it. So the host's uv builds nothing
and installs nothing in editable mode (whose path files Python before 3.13 cannot read in folders such as "José"), and
what it starts is the file that the tests had.

uv resolves when the bundle first starts. A ``uv.lock`` would keep the address of the index that it was made with, so
the exact versions are constraints in the project, written from ``constraints.txt``.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = ("bundle/manifest.json", "bundle/icon.png", "bundle/server.py", "README.md", "LICENSE")

# The keyring is no extra here: a sign-in of `telecmi-mcp login` in a terminal has to be found. Byte code is compiled
# when uv installs, so that no start waits for it where Python may not write it.
_PROJECT = """\
[project]
name = "telecmi-mcp-bundle"
version = {version}
requires-python = ">=3.11"
dependencies = ["telecmi-mcp[keyring]"]

[tool.uv]
package = false
compile-bytecode = true
environments = ["sys_platform == 'darwin'", "sys_platform == 'linux'", "sys_platform == 'win32'"]
constraint-dependencies = {constraints}

[tool.uv.sources]
telecmi-mcp = {{ path = {wheel} }}
"""


def stage(wheel: Path, folder: Path) -> None:
    """Fill a folder with what is packed; what was in it is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in (*(ROOT / file for file in FILES), wheel):
        shutil.copy(name, folder)
    (folder / "pyproject.toml").write_text(project(wheel.name), encoding="utf8")


def project(wheel: str) -> str:
    """Return the bundle's ``pyproject.toml`` for a wheel of this name beside it."""
    version = json.loads((ROOT / "bundle" / "manifest.json").read_text(encoding="utf8"))["version"]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf8").splitlines()
    # A JSON string or list of ASCII is TOML too.
    return _PROJECT.format(
        version=json.dumps(version), constraints=json.dumps(constraints, indent=2), wheel=json.dumps(wheel)
    )


if __name__ == "__main__":
    stage(Path(sys.argv[1]), Path(sys.argv[2]))
