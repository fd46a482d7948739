"""Holds the result of a search, and writes the notice that says how fresh and complete it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telecmi_mcp._index.count_check import CountCheck

if TYPE_CHECKING:
    from telecmi_mcp._search import Hit

_ASK_FOR_A_CONTACT = "This query asks for no contact: pass a name, number, e-mail address, company or job title."
_NO_QUESTION = {
    "greeting": _ASK_FOR_A_CONTACT,
    "field_word": _ASK_FOR_A_CONTACT,
    "aggregate": (
        "search_contacts finds single contacts. It cannot count, filter or sort them, and TeleCMI gives no dates; "
        "list_contacts returns all contacts page by page."
    ),
}


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search, and how fresh and complete it is.

    Attributes:
        hits: The contacts, best first, each with how it matches.
        has_more: True if more contacts match.
        as_of: The Unix time at which the reading of the searched contacts started.
        indexed: Number of contacts searched.
        count: Number of contacts by TeleCMI's count, if TeleCMI gave one.
        complete: True if every contact was searched.
        unchecked: Number of hits that TeleCMI did not confirm during this search.
        by_id: True if the query was an id, which TeleCMI itself answers.
        is_kept: True if the contacts that were read are kept for the next search.
        count_check: How TeleCMI's count compares with the index, if no contact matches; else ``None``.
        missing: The words of the query that the first contact lacks, if it is a partial match.
        no_question: The kind of a query that asks for no contact (``NoQuestion``); "" if it may ask for one.
        place: A notice about where the index is kept; "" if there is nothing to say.
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
    missing: tuple[str, ...] = ()
    no_question: str = ""
    place: str = ""

    @property
    def notice(self) -> str:
        """The notice for the reader of the answer; "" if there is nothing to say."""
        said = [self._kind, self._limits]
        if self.hits and not self.complete and not self.by_id:
            said.append(f"Not all contacts could be searched{' yet' * self.is_kept}: there may be better matches.")
        if self.unchecked:
            said.append(f"TeleCMI did not confirm {self.unchecked} of these just now: they are from the index.")
        said.append(self.place)
        return " ".join(filter(None, said))

    @property
    def _kind(self) -> str:
        if self.no_question:
            return _NO_QUESTION[self.no_question]
        if self.hits:
            return self._partial if self.hits[0].match == "partial" else ""
        if self.by_id:
            return "No contact has this id."
        if not self.complete:
            later = "try again in a moment" if self.is_kept else "there was no time to read them all"
            return f"No contact matches among the {self.indexed} read so far. More contacts exist: {later}."
        return f"No contact matches among all {self.indexed}, as of {utc_time(self.as_of)}."

    @property
    def _partial(self) -> str:
        missing = f" The first lacks: {', '.join(self.missing)}." if self.missing else ""
        return f"No contact matches all of the words; the closest contacts follow.{missing}"

    @property
    def _limits(self) -> str:
        """What is missing, or may be missing, from a complete index; "" if TeleCMI's count confirms it."""
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
