"""Checks how old the indexes of the contacts are: when each was last read from TeleCMI to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp._doctor.result import CheckResult, Verdict
from telecmi_mcp._index.sync_state import SyncState
from telecmi_mcp._team.index.postgres_store import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telecmi_mcp._team.checks.database_state import StoredIndex

_MAX_LISTED = 10  # of the indexes with a problem
_MIN_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_SLACK_S = _HOUR_S  # for a sync that runs, and for one that TeleCMI's list made incomplete
_ADVICE = "Search as a caller of this account, and read the server's log for what keeps its sync from ending."


def check_copies(indexes: Iterable[StoredIndex], *, max_age: float, now: float) -> tuple[CheckResult, ...]:
    """Report the oldest index, and each one that was not renewed although it was in use.

    An index that nobody uses is not renewed. The next search renews it, so its age is no fault.

    Args:
        indexes: The indexes of all accounts.
        max_age: Age in seconds at which a search renews an index.
        now: Unix time.
    """
    ours = [(each, SyncState.from_state(each.state)) for each in indexes if each.version == VERSION]
    if not ours:
        return (CheckResult("Copies", Verdict.GOOD, "none yet: the first search of an account makes one"),)
    late = [each for each in ours if _is_late(*each, max_age=max_age)]
    listed = tuple(_late(*each, now=now) for each in late[:_MAX_LISTED])
    return (_summary([sync for _, sync in ours], now), *listed)


def describe_copies(indexes: Iterable[StoredIndex], *, now: float) -> list[dict[str, int | bool | None]]:
    """Return the number, contacts, completeness and age in seconds of each index, for programs."""
    ours = [(each, SyncState.from_state(each.state)) for each in indexes if each.version == VERSION]
    return [
        {
            "account": each.account_id,
            "contacts": each.contacts,
            "complete": sync.is_whole,
            "age_s": round(now - sync.as_of) if sync.as_of else None,
        }
        for each, sync in ours
    ]


def _is_late(index: StoredIndex, sync: SyncState, *, max_age: float) -> bool:
    """Whether the index was still in use long after its last complete sync should have been repeated."""
    known_good_at = max(sync.as_of, sync.checked_at) or sync.created_at
    return index.used_at - known_good_at > 2 * max_age + _SLACK_S


def _late(index: StoredIndex, sync: SyncState, *, now: float) -> CheckResult:
    read = f"complete as of {_ago(now - sync.as_of)}" if sync.as_of else "never read to its end"
    says = f"account {index.account_id}: {index.contacts:,} contacts, {read}"
    return CheckResult("Copies", Verdict.DOUBTFUL, says, _ADVICE)


def _summary(syncs: list[SyncState], now: float) -> CheckResult:
    number = f"{len(syncs):,} account{'' if len(syncs) == 1 else 's'}"
    ages = [now - sync.as_of for sync in syncs if sync.as_of]
    newest, oldest = (_ago(pick(ages)) for pick in (min, max)) if ages else ("", "")
    if not ages:
        return CheckResult("Copies", Verdict.GOOD, f"{number}, none read to its end yet")
    span = f"complete as of {oldest}" if len(ages) == 1 else f"complete as of {oldest} to {newest}"
    return CheckResult("Copies", Verdict.GOOD, f"{number}, {span}")


def _ago(seconds: float) -> str:
    for unit_s, name in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MIN_S, "min")):
        if seconds >= unit_s:
            return f"{int(seconds // unit_s)} {name} ago"
    return "less than a minute ago"
