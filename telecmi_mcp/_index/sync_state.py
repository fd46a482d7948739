"""Holds the progress of the sync; the store saves it with every page, so that the next process can resume."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._models import ContactPage

_NAME = "sync_state"
_RESUMABLE_S = 86_400.0  # an older sync starts again, because the contacts that it saw may have changed


@dataclass(frozen=True, slots=True)
class SyncState:
    """The progress of reading TeleCMI's list. All times are Unix times, 0 for never.

    Attributes:
        generation: The number of the sync that runs, or of the last one.
        started_at: When it started.
        ended_at: When it reached the end of the list; 0 while it runs.
        cursor: The cursor of the page that it reads next; "" for the first page.
        read: Number of entries read.
        left_out: Number of entries that are not contacts.
        is_broken: True if cursors in a circle ended the list early.
        count: Number of contacts by TeleCMI's count.
        is_whole: True if the last complete sync read as many contacts as TeleCMI counts.
        as_of: When the last such sync started.
        checked_at: When TeleCMI's count last agreed.
        repeats: Number of entries of the last sync that repeated an id.
        is_dirty: True if bytes of removed or changed contacts may still be in the file.
        created_at: When the first sync of this index started; a contact keeps its number as long as the index exists.
    """

    generation: int = 0
    started_at: float = 0
    ended_at: float = 0
    cursor: str = ""
    read: int = 0
    left_out: int = 0
    is_broken: bool = False
    count: int | None = None
    is_whole: bool = False
    as_of: float = 0
    checked_at: float = 0
    repeats: int = 0
    is_dirty: bool = False
    created_at: float = 0

    @classmethod
    def from_state(cls, state: Mapping[str, str]) -> SyncState:
        """Read the state that a store saved; return an initial state if there is none or it cannot be read."""
        try:
            return cls(**json.loads(state[_NAME]))
        except (KeyError, TypeError, ValueError):
            return cls()

    @property
    def state(self) -> dict[str, str]:
        """The state as a store saves it."""
        return {_NAME: json.dumps(asdict(self))}

    def is_due(self, now: float, *, max_age: float) -> bool:
        """Return True if a sync has to start, to resume or to run again."""
        return not self.ended_at or not 0 <= now - max(self.ended_at, self.checked_at) < max_age

    def opened(self, now: float) -> SyncState:
        """Return the state of the interrupted sync, or of a new one."""
        if self.cursor and not self.ended_at and 0 <= now - self.started_at < _RESUMABLE_S:
            return self
        return self.restarted(now)

    def restarted(self, now: float) -> SyncState:
        """Return the state of a new sync."""
        return replace(
            self,
            generation=self.generation + 1,
            started_at=now,
            ended_at=0,
            cursor="",
            read=0,
            left_out=0,
            is_broken=False,
            created_at=self.created_at or now,
        )

    def after(self, page: ContactPage) -> SyncState:
        """Return the state after one more page."""
        return replace(
            self,
            cursor=page.page_state or "",
            read=self.read + len(page.contacts) + page.malformed,
            left_out=self.left_out + page.malformed,
            is_broken=self.is_broken or bool(page.broken_off),
            count=self.count if page.count is None else page.count,
        )

    def closed(self, now: float, *, seen: int) -> SyncState:
        """Return the state at the end of a sync that saw this many contacts.

        A sync is whole if it met as many entries as TeleCMI counts. Entries may repeat an id because TeleCMI's list
        does, or because the list moved while it was read, which means that another contact was missed. So repeated
        entries count only if the sync before met as many. Without a count, the sync is whole when the cursors end. If
        they led back to an earlier page, it is whole only if each counted contact was seen.
        """
        repeats = max(0, self.read - self.left_out - seen)
        lasting = repeats if repeats == self.repeats and not self.is_broken else 0
        without_count = () if self.is_broken else (None,)
        is_whole = self.count in {*without_count, seen + self.left_out + lasting}
        ended = replace(self, ended_at=now, is_whole=is_whole, repeats=repeats)
        return replace(ended, as_of=self.started_at, checked_at=now) if is_whole else ended

    @property
    def is_to_be_confirmed(self) -> bool:
        """True if the last sync met as many entries as TeleCMI counts, and only repeated ids make it incomplete."""
        is_incomplete = bool(self.ended_at) and not (self.is_whole or self.is_broken)
        return is_incomplete and self.repeats > 0 and self.read == self.count
