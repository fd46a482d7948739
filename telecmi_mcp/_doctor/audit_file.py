"""Checks the file of the audit of a local server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._audit.file import why_unusable
from telecmi_mcp._config.variables import AUDIT_FILE
from telecmi_mcp._doctor.result import MAX_SHOWN_CHARS, CheckResult, Verdict
from telecmi_mcp._sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp._config.settings import Settings


def check_audit_file(settings: Settings) -> Iterator[CheckResult]:
    """Yield whether lines can be added to the file; nothing if the setting is not set."""
    path = settings.audit_file
    if path is None:
        return
    fact = why_unusable(path)
    if fact:
        yield CheckResult("Audit file", Verdict.BAD, fact, f"Correct {AUDIT_FILE.variable}: serve does not start.")
    else:
        yield CheckResult(
            "Audit file", Verdict.GOOD, f"each call adds a line to {clean(str(path), limit=MAX_SHOWN_CHARS)}"
        )
