"""Keeps the first cause of what fails: a check that fails only because of another gives no advice of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from telecmi_mcp import errors
from telecmi_mcp._doctor.result import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CAUSES: Final[Mapping[type[errors.TelecmiError], tuple[str, ...]]] = {
    errors.NetworkError: ("Proxy", "Certificates", "Clock", "Connection"),
    errors.NotSignedIn: ("Secrets",),
}
"""For the errors of the check "TeleCMI", the checks whose failure explains them, the first cause first."""


def keep_first_cause(findings: Sequence[CheckResult], error: errors.TelecmiError | None) -> tuple[CheckResult, ...]:
    """Return the results, with what another failed check explains as ``UNKNOWN`` and without advice.

    Args:
        findings: The results of all checks.
        error: Why contacts cannot be read; ``None`` if they can.
    """
    failed = {finding.about for finding in findings if finding.verdict is Verdict.BAD}
    causes = next((causes for kind, causes in _CAUSES.items() if isinstance(error, kind)), ())
    found = [about for about in causes if about in failed]
    explained = {*found[1:], "TeleCMI"} & failed if found else set()
    return tuple(_explain(each, found[0]) if each.about in explained else each for each in findings)


def _explain(finding: CheckResult, cause: str) -> CheckResult:
    return replace(finding, verdict=Verdict.UNKNOWN, says=f"{finding.says}; first see {cause}", advice="")
