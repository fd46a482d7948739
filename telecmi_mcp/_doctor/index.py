"""Checks where the index is and whether it is complete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._index.files import probe_folder
from telecmi_mcp._index.location import cache_folder, find_index, inspect_index
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._mcp.toolsets import toolset_of
from telecmi_mcp.errors import IndexUnusable

if TYPE_CHECKING:
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.location import IndexFileStatus

_HOUR_S = 3600
_OFF = "off: search_contacts is unavailable; use list_contacts and get_contact, which work"


def check_index(settings: Settings, owner: str) -> CheckResult:
    """Report where the index is, and for an index on disk, how complete this account's is."""
    if settings.index == "off":
        return CheckResult("Index", Verdict.GOOD, toolset_of(settings.tools, settings.tool_prefix).names.in_text(_OFF))
    if settings.index == "memory":
        return CheckResult("Index", Verdict.GOOD, "in memory, built by the first search after each start")
    try:
        path = find_index(cache_folder(), owner)
        status = inspect_index(path) if path else None
    except IndexUnusable as unusable:
        return _in_memory(unusable.reason)
    reason = probe_folder(cache_folder())
    return _in_memory(reason) if reason else _on_disk(status)


def _on_disk(status: IndexFileStatus | None) -> CheckResult:
    if status is None:
        return CheckResult(
            "Index", Verdict.GOOD, "on disk, not built yet: the first search or telecmi-mcp sync builds it"
        )
    if status.contacts is None:
        advice = "Run telecmi-mcp index clear: the next search builds a new one."
        return CheckResult("Index", Verdict.BAD, "on disk, unreadable", advice)
    sync_state = SyncState.from_state(status.state)
    whole = f"complete as of {_ago(sync_state.as_of)}" if sync_state.is_whole else "not complete yet"
    return CheckResult("Index", Verdict.GOOD, f"on disk, {status.contacts:,} contacts, {whole}")


def _in_memory(reason: str) -> CheckResult:
    advice = f"Make {cache_folder()} usable for the index, or set TELECMI_INDEX to memory."
    return CheckResult("Index", Verdict.BAD, f"in memory instead of on disk, because {reason}", advice)


def _ago(seconds: float) -> str:
    hours = max(0.0, time.time() - seconds) / _HOUR_S
    return "less than an hour ago" if hours < 1 else f"{hours:.0f} h ago"
