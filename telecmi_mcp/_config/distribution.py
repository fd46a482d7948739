"""Says from where this package is installed: from PyPI, or before the first release from its repository.

Every advice to install, the one-click links of the README and the plugins follow ``RELEASED``.
"""

from __future__ import annotations

from typing import Final

RELEASED: Final[bool] = False
"""Whether PyPI has this package. The first release sets it; before, the name on PyPI may be anybody's."""

REPOSITORY = "https://github.com/telecmi-mcp/telecmi-mcp"


def requirement(extra: str, *, released: bool = RELEASED) -> str:
    """Return what ``pip install`` and ``uv tool install`` take for this package with an extra."""
    name = f"telecmi-mcp[{extra}]"
    return name if released else f"{name} @ git+{REPOSITORY}"
