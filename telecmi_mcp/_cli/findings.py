"""Writes the results of checks as lines for a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telecmi_mcp._cli.streams import can_print
from telecmi_mcp._cli.terminal import GREEN, RED, YELLOW, colored

if TYPE_CHECKING:
    from telecmi_mcp._doctor import CheckResult

# The second mark of each pair is for terminals that cannot show the first.
_MARKS = {"good": ("✓", "ok"), "unknown": ("·", "? "), "doubtful": ("!", "! "), "bad": ("✗", "NO")}
_COLORS = {"good": GREEN, "doubtful": YELLOW, "bad": RED}
_ADVICE_INDENT = " " * 18


def finding_line(finding: CheckResult) -> str:
    """Return the line of one result: a mark, what was checked, and the finding."""
    better, plain = _MARKS[finding.verdict]
    mark = colored(better if can_print(better) else plain, _COLORS.get(finding.verdict, ""), sys.stdout)
    return f"  {mark} {finding.about:<13} {finding.says}"


def finding_lines(finding: CheckResult) -> str:
    """Return the same line, with the advice on a second one if there is any."""
    line = finding_line(finding)
    return f"{line}\n{_ADVICE_INDENT}{finding.advice}" if finding.advice else line
