"""Checks the folder of the tool ``export_contacts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import MAX_SHOWN_CHARS, CheckResult, Verdict
from telecmi_mcp._export import check_folder
from telecmi_mcp._sanitize import clean
from telecmi_mcp.errors import FileUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def check_export_folder(folder: Path | None) -> Iterator[CheckResult]:
    """Yield whether files can be written into the folder; nothing if the tool is off."""
    if folder is None:
        return
    try:
        check_folder(folder)
    except FileUnusable as unusable:
        advice = unusable.hint.removeprefix("The user must ")
        yield CheckResult("Export folder", Verdict.BAD, unusable.fact, f"{advice[0].upper()}{advice[1:]}.")
    else:
        shown = clean(str(folder), limit=MAX_SHOWN_CHARS)
        yield CheckResult("Export folder", Verdict.GOOD, f"export_contacts writes into {shown}")
