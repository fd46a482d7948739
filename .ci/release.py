"""Before a release: ``python .ci/release.py v1.2.3`` compares the tag with every place that tells the version.

It prints the notes of that version from ``CHANGELOG.md``. The exit code is 1 if a place tells another version, or if
the package still says that PyPI has no release.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLUGINS = tuple(f"plugins/telecmi/{folder}/plugin.json" for folder in (".claude-plugin", ".cursor-plugin"))


def versions(root: Path) -> dict[str, str]:
    """Return the version that each place tells; "" where it tells none."""
    server = json.loads(_read(root / "server.json"))
    return {
        "telecmi_mcp/__init__.py": _found(r'^__version__ = "(.*)"$', _read(root / "telecmi_mcp" / "__init__.py")),
        "server.json": server["version"],
        **{f"server.json, {each['registryType']}": each["version"] for each in server["packages"]},
        "bundle/manifest.json": json.loads(_read(root / "bundle" / "manifest.json"))["version"],
        **{place: json.loads(_read(root / place))["version"] for place in PLUGINS},
        "Dockerfile": _found(r'image\.version="(.*)"', _read(root / "Dockerfile")),
        "CHANGELOG.md": _found(r"^## \[(\d.*)\] - \d{4}-\d\d-\d\d$", _read(root / "CHANGELOG.md")),
    }


def notes(changelog: str) -> str:
    """Return what the newest version's section of a changelog says."""
    section = re.search(r"^## \[\d[^\n]*\n(.*?)(?=^## |^\[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    return section[1].strip() if section else ""


def main(tag: str) -> int:
    """Compare, and print the notes."""
    others = {place: version for place, version in versions(ROOT).items() if f"v{version}" != tag}
    for place, version in others.items():
        print(f"{place} tells {version or 'no version'}, and the tag is {tag}", file=sys.stderr)
    released = _found(r"^RELEASED: .* = (True)$", _read(ROOT / "telecmi_mcp" / "_config" / "distribution.py"))
    if not released:
        print("telecmi_mcp/_config/distribution.py tells that PyPI has no release", file=sys.stderr)
    said = notes(_read(ROOT / "CHANGELOG.md"))
    print(said)
    return 1 if others or not released or not said else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf8")


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
