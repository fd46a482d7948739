"""Checks whether the stdio server answers the first messages early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._stdio.early_answers import reason_off

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SLOWER = "so clients wait longer for the list of tools"


def check_early_answers(values: Mapping[str, Any]) -> Iterator[CheckResult]:
    """Yield why early answers are off; nothing if they are on."""
    reason = reason_off(values)
    if reason:
        is_broken = values["early_answers"] == "on" and "installation" in reason
        verdict, advice = (Verdict.DOUBTFUL, "Install telecmi-mcp again.") if is_broken else (Verdict.GOOD, "")
        yield CheckResult("Early answers", verdict, f"off, {_SLOWER}: {reason}", advice)
