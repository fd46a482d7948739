"""What a search found, and the honest words for how fresh and complete that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telecmi_mcp._index.count_check import CountCheck

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
        unchecked: How many hits TeleCMI did not confirm just now.
        by_id: Whether an id was asked for, which TeleCMI itself answers.
        is_kept: Whether what was read is kept for the next search.
        count_check: How TeleCMI's count compares with the index, where nobody matches; ``None`` where it was not asked.
        place: What must be told of where the index is; "" if nothing.
    """

    hits: tuple[Hit, ...]
    has_more: bool
    as_of: float
    indexed: int
    count: int | None
    complete: bool
    unchecked: int = 0
    by_id: bool = False
    is_kept: bool = True
    count_check: CountCheck | None = None
    place: str = ""

    @property
    def notice(self) -> str:
        """What a reader must be told, in our own sentences; "" if nothing."""
        said = [self._kind, self._limits]
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
            return (
                f"Nobody matches all of the words; the closest contacts follow. {self._limits}".strip()
                if is_partial
                else ""
            )
        if self.by_id:
            return "No contact has this id."
        if not self.complete:
            later = "try again in a moment" if self.is_kept else "there was no time to read them all"
            return f"Nobody matches among the {self.indexed} contacts read so far. More contacts exist: {later}."
        return f"Nobody matches among all {self.indexed} contacts, as of {utc_time(self.as_of)}."

    @property
    def _limits(self) -> str:
        """What is known to be, or may be, missing from a complete index; "" if TeleCMI's count confirms it."""
        match self.count_check:
            case CountCheck.DIFFERENT:
                return "TeleCMI's count has changed since: the contacts are being read again. Try again in a moment."
            case CountCheck.UNFINISHED:
                return "The contacts are being read again: try again in a moment."
            case CountCheck.MISSING:
                return "TeleCMI gives no count, so newer contacts may be missing."
            case CountCheck.UNREACHABLE:
                return "TeleCMI could not be asked for its count, so newer contacts may be missing."
            case _:
                return ""


def utc_time(seconds: float) -> str:
    """Write a Unix time in ISO 8601, in UTC, to the second."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
