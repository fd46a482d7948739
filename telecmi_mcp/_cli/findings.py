"""Writes the results of checks as lines for a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telecmi_mcp._doctor import CheckResult

# The second mark of each pair is for terminals that cannot show the first.
_MARKS = {"good": ("✓", "ok"), "unknown": ("·", "? "), "doubtful": ("!", "! "), "bad": ("✗", "NO")}
_ADVICE_INDENT = " " * 18


def finding_line(finding: CheckResult) -> str:
    """Return the line of one result: a mark, what was checked, and the finding."""
    better, plain = _MARKS[finding.verdict]
    return f"  {better if _can_print(better) else plain} {finding.about:<13} {finding.says}"


def finding_lines(finding: CheckResult) -> str:
    """Return the same line, with the advice on a second one if there is any."""
    line = finding_line(finding)
    return f"{line}\n{_ADVICE_INDENT}{finding.advice}" if finding.advice else line


def _can_print(mark: str) -> bool:
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
