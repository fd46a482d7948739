"""Checks the local copy of the contacts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._index.files import probe_folder
from telecmi_mcp._index.location import cache_folder, find_index, inspect_index
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp.errors import IndexUnusable

if TYPE_CHECKING:
    from telecmi_mcp._config.settings import Settings
    from telecmi_mcp._index.location import IndexFileStatus

_HOUR = 3600


def look_at_index(settings: Settings, owner: str) -> CheckResult:
    """Say where the index is and how whole; on disk, that of this account."""
    if settings.index == "off":
        return CheckResult("Index", Verdict.GOOD, "off: search_contacts says so, list_contacts and get_contact work")
    if settings.index == "memory":
        return CheckResult("Index", Verdict.GOOD, "in memory, made at the first search of each start")
    try:
        path = find_index(cache_folder(), owner)
        shelved = inspect_index(path) if path else None
    except IndexUnusable as unusable:
        return _in_memory(unusable.reason)
    reason = probe_folder(cache_folder())
    return _in_memory(reason) if reason else _on_disk(shelved)


def _on_disk(shelved: IndexFileStatus | None) -> CheckResult:
    if shelved is None:
        return CheckResult(
            "Index", Verdict.GOOD, "on disk, not there yet: the first search or telecmi-mcp sync makes it"
        )
    if shelved.contacts is None:
        advice = "Run telecmi-mcp index clear: the next search makes a new one."
        return CheckResult("Index", Verdict.BAD, "on disk, unreadable", advice)
    sync_state = SyncState.from_state(shelved.state)
    whole = f"all as of {_ago(sync_state.as_of)}" if sync_state.is_whole else "not all of them yet"
    return CheckResult("Index", Verdict.GOOD, f"on disk, {shelved.contacts:,} contacts, {whole}")


def _in_memory(reason: str) -> CheckResult:
    advice = f"Correct that, or set TELECMI_INDEX to memory: {cache_folder()} cannot hold the index."
    return CheckResult("Index", Verdict.BAD, f"in memory instead of on disk, because {reason}", advice)


def _ago(seconds: float) -> str:
    hours = max(0.0, time.time() - seconds) / _HOUR
    return "less than an hour ago" if hours < 1 else f"{hours:.0f} h ago"
