"""How far the mirror is, kept in the store with every page, so that the next process can go on from there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telecmi_mcp._models import ContactPage

_NAME = "ledger"
_RESUMABLE = 86_400.0  # seconds; an older pass is begun again, since what it saw may have changed


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far the passes through TeleCMI's list came. All times are Unix times, 0 for never.

    Attributes:
        generation: The number of the pass that is under way, or of the last one.
        begun: When it began.
        ended: When it came to its end; 0 while it is under way.
        cursor: The cursor of the page that it reads next; "" for the first.
        read: How many entries it met.
        left_out: How many of them are not contacts.
        is_broken: Whether it was cut short by cursors that lead in a circle.
        count: How many contacts TeleCMI said there are.
        is_whole: Whether the last pass that ended read as many.
        as_of: When the last pass began that did.
        checked: When TeleCMI was last found to have no more and no fewer.
        repeats: How many entries of the last sync that ended repeated an id.
        is_dirty: Whether something was removed or changed that must be scrubbed off a file.
    """

    generation: int = 0
    begun: float = 0
    ended: float = 0
    cursor: str = ""
    read: int = 0
    left_out: int = 0
    is_broken: bool = False
    count: int | None = None
    is_whole: bool = False
    as_of: float = 0
    checked: float = 0
    repeats: int = 0
    is_dirty: bool = False

    @classmethod
    def from_state(cls, state: Mapping[str, str]) -> SyncState:
        """Read what a store remembers; an empty ledger where that is nothing, or not ours."""
        try:
            return cls(**json.loads(state[_NAME]))
        except (KeyError, TypeError, ValueError):
            return cls()

    @property
    def state(self) -> dict[str, str]:
        """What a store is to remember."""
        return {_NAME: json.dumps(asdict(self))}

    def is_due(self, now: float, *, max_age: float) -> bool:
        """Whether there is a pass to begin, to finish or to make again."""
        return not self.ended or not 0 <= now - max(self.ended, self.checked) < max_age

    def opened(self, now: float) -> SyncState:
        """The pass that was interrupted, or the next one."""
        if self.cursor and not self.ended and 0 <= now - self.begun < _RESUMABLE:
            return self
        return self.restarted(now)

    def restarted(self, now: float) -> SyncState:
        """The next pass, from the beginning."""
        return replace(
            self, generation=self.generation + 1, begun=now, ended=0, cursor="", read=0, left_out=0, is_broken=False
        )

    def after(self, page: ContactPage) -> SyncState:
        """The pass with one more page."""
        return replace(
            self,
            cursor=page.page_state or "",
            read=self.read + len(page.contacts) + page.malformed,
            left_out=self.left_out + page.malformed,
            is_broken=self.is_broken or bool(page.broken_off),
            count=self.count if page.count is None else page.count,
        )

    def closed(self, now: float, *, seen: int) -> SyncState:
        """Return the state at the end of a sync that has seen this many contacts.

        A sync is complete if it met as many entries as TeleCMI counts. Entries may repeat an id: because TeleCMI's list
        does, or because the list moved while it was read, and then another contact was missed. So repeated entries
        count only where the sync before met as many of them. Without a count of TeleCMI's, the end of its cursors is
        the end of its contacts.
        """
        repeats = max(0, self.read - self.left_out - seen)
        lasting = repeats if repeats == self.repeats else 0
        is_whole = not self.is_broken and self.count in {None, seen + self.left_out + lasting}
        ended = replace(self, ended=now, is_whole=is_whole, repeats=repeats)
        return replace(ended, as_of=self.begun, checked=now) if is_whole else ended

    @property
    def is_to_be_confirmed(self) -> bool:
        """Whether the last sync met as many entries as TeleCMI counts, and only repeated ids make it incomplete."""
        return (
            bool(self.ended and self.repeats) and not self.is_whole and not self.is_broken and self.read == self.count
        )
