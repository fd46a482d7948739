"""What a search found, and the honest words for how fresh and complete that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telecmi_mcp._search import Hit


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, and how fresh and complete that is.

    Attributes:
        hits: The contacts, best first, each with how it matches.
        has_more: Whether there are more.
        as_of: The Unix time from which on what was searched is known to be so.
        indexed: How many contacts were searched.
        count: How many TeleCMI has, as far as it said so.
        complete: Whether all of them were searched.
        is_current: Whether nothing is known to be under way that could change the answer.
        unchecked: How many hits TeleCMI did not confirm just now.
        by_id: Whether an id was asked for, which TeleCMI itself answers.
        is_kept: Whether what was read is kept for the next search.
        place: What must be told of where the index is; "" if nothing.
    """

    hits: tuple[Hit, ...]
    has_more: bool
    as_of: float
    indexed: int
    count: int | None
    complete: bool
    is_current: bool = True
    unchecked: int = 0
    by_id: bool = False
    is_kept: bool = True
    place: str = ""

    @property
    def notice(self) -> str:
        """What a reader must be told, in our own sentences; "" if nothing."""
        said = [self._kind]
        if self.hits and not self.complete and not self.by_id:
            said.append(f"Not all contacts could be searched{' yet' * self.is_kept}: there may be better matches.")
        if self.unchecked:
            said.append(f"TeleCMI did not confirm {self.unchecked} of these just now: they are from the index.")
        said.append(self.place)
        return " ".join(filter(None, said))

    @property
    def _kind(self) -> str:
        if self.hits:
            is_partial = self.hits[0].match == "partial"
            return "Nobody matches all of the words; the closest contacts follow." if is_partial else ""
        if self.by_id:
            return "Nobody has this id: this is final."
        if not self.complete:
            later = "try again in a moment" if self.is_kept else "there was no time to read them all"
            return f"Nobody matches among the contacts read so far. This is not final: {later}."
        if not self.is_current:
            return "Nobody matched when the contacts were last read; they are being read again: try again in a moment."
        return "Nobody matches. All contacts were searched: this is final."
