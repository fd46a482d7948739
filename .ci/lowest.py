"""Print the lowest version of each dependency that ``pyproject.toml`` allows, as constraints for pip and uv.

The tools of the development group stay at their versions in ``constraints.txt``: what users install is tried here,
not with what it is tested.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def lowest(pyproject: str, constraints: str) -> list[str]:
    """Return one line a package.

    Raises:
        ValueError: A dependency has no lower bound.
    """
    project = tomllib.loads(pyproject)
    extras = project["project"]["optional-dependencies"].values()
    bounds = dict(map(_bound, [*project["project"]["dependencies"], *(each for extra in extras for each in extra)]))
    tools = {_name(each) for each in project["dependency-groups"]["dev"]} - bounds.keys()
    exact = [line for line in constraints.splitlines() if _name(line) in tools]
    return sorted([*(f"{name}=={version}" for name, version in bounds.items()), *exact])


def _bound(dependency: str) -> tuple[str, str]:
    parts = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?>=([\d.]+)(?:,<[\d.]+)?", dependency)
    if not parts:
        raise ValueError(f"no lower bound: {dependency}")
    return parts[1], parts[2]


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=]", requirement)[0]


if __name__ == "__main__":
    print("\n".join(lowest((ROOT / "pyproject.toml").read_text(), (ROOT / "constraints.txt").read_text())))
