"""Holds what the index answers, and writes the notices that say how fresh and complete an answer is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from telecmi_mcp._index.count_check import CountCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telecmi_mcp._search import Counts, Hit, Hits

LookupStatus: TypeAlias = Literal["found", "several", "partial", "not_found", "unclear"]
"""Result of one query of a lookup."""

_ASK_FOR_A_CONTACT = "This query asks for no contact: pass a name, number, e-mail address, company or job title."
_MAX_NAMED = 3  # words, numbers or addresses of a query in one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh and complete the searched contacts are.

    Attributes:
        as_of: The Unix time at which the reading of the searched contacts started.
        indexed: Number of contacts searched.
        count: Number of contacts by TeleCMI's count, if TeleCMI gave one.
        complete: True if every contact was searched.
        has_ended: True if the list was read to its end, so that reading on would find no more.
        is_kept: True if the contacts that were read are kept for the next search.
        count_check: How TeleCMI's count compares with the index, if the answer needed that; else ``None``.
        place: A notice about where the index is kept; "" if there is nothing to say.
        created_at: The Unix time at which the first sync of this index started.
        left_out: Number of entries of TeleCMI's list that are not contacts.
    """

    as_of: float
    indexed: int
    count: int | None
    complete: bool
    has_ended: bool = False
    is_kept: bool = True
    count_check: CountCheck | None = None
    place: str = ""
    created_at: float = 0
    left_out: int = 0

    @property
    def left_out_entries(self) -> str:
        """The sentence about entries that are not contacts; "" if there are none."""
        return f"Malformed entries of TeleCMI's list that are left out: {self.left_out}." if self.left_out else ""

    @property
    def is_confirmed(self) -> bool:
        """True if every contact was searched, and TeleCMI's count does not contradict that."""
        return self.complete and self.count_check not in {CountCheck.DIFFERENT, CountCheck.UNFINISHED}

    @property
    def limits(self) -> str:
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

    @property
    def nothing(self) -> str:
        """The sentence of an answer without a contact."""
        if self.complete:
            said = f"No contact matches among all {self.indexed}, as of {utc_time(self.as_of)}."
            return f"{said} {self.left_out_entries}".strip()
        if self.has_ended:
            return f"No contact matches among {self._listed}."
        return f"No contact matches among the {self.indexed} read so far. More contacts exist: {self._later}."

    @property
    def incomplete(self) -> str:
        """The sentence of a count of contacts that are not all read; "" if they are."""
        if self.complete:
            return ""
        if self.has_ended:
            return f"These are {self._listed}."
        return f"Only {self.indexed} contacts were read so far: {self._later}."

    @property
    def _listed(self) -> str:
        counted = "its list ended early" if self.count is None else f"it counts {self.count}"
        return f"the {self.indexed} contacts that TeleCMI lists; {counted}, so contacts may be missing"

    @property
    def _later(self) -> str:
        return "try again in a moment" if self.is_kept else "there was no time to read them all"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult(Freshness):
    """The result of a search.

    Attributes:
        found: The contacts, best first, each with how it matches.
        unchecked: Number of hits that TeleCMI did not confirm during this search.
        by_id: True if the query was an id, which TeleCMI itself answers.
        is_later_page: True if this is not the first page.
    """

    found: Hits
    unchecked: int = 0
    by_id: bool = False
    is_later_page: bool = False

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The contacts of this page, best first."""
        return self.found.hits

    @property
    def asks_to_count(self) -> bool:
        """True if the query asks to count or group contacts; the tool says which tool does that."""
        return self.found.no_question is not None and self.found.no_question.value == "aggregate"

    @property
    def notice(self) -> str:
        """The notice for the reader of the answer; "" if there is nothing to say. It names no tool."""
        said = [self._kind, self._parts, more_companies(self.found), self.limits]
        if self.found.hits and not (self.complete or self.by_id):
            said.append(f"Not all contacts could be searched{' yet' * self.is_kept}: there may be better matches.")
        said.append(_unchecked(self.unchecked, self.as_of))
        said.append(self.place)
        return " ".join(filter(None, said))

    @property
    def _kind(self) -> str:
        if self.found.no_question:
            return "" if self.asks_to_count else _ASK_FOR_A_CONTACT
        if self.found.hits:
            return self._partial if self.found.hits[0].match == "partial" else ""
        if self.by_id:
            return "No contact has this id."
        if self.is_later_page:
            return "No further matches. If the contacts changed meanwhile, call again without page_state."
        return (self.complete and unknown_company(self.found)) or self.nothing

    @property
    def _partial(self) -> str:
        missing = f" The first lacks: {_named(self.found.missing)}." if self.found.missing else ""
        return f"No contact matches all of the words; the closest contacts follow.{missing}"

    @property
    def _parts(self) -> str:
        if self.found.unmatched:
            return f"No contact has: {_named(self.found.unmatched)}."
        if self.found.part_count > 1 and self.found.total:
            return f"The query asks for {self.found.part_count}: the best match of each comes first."
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult(Freshness):
    """The result of a lookup: the hits of each query, in the order of the queries.

    Attributes:
        unchecked: Number of contacts that TeleCMI did not confirm during this lookup.
        masked: Number of queries that ask for a masked value.
    """

    queries: tuple[str, ...]
    found: tuple[Hits, ...]
    unchecked: int = 0
    masked: int = 0

    def with_masked(self, queries: Sequence[str], is_masked: Callable[[str], bool]) -> LookupResult:
        """Return the result of all these queries, of which this one has those that ask for no masked value."""
        from telecmi_mcp._search import Hits, NoQuestion  # the first call imports the search, not the start

        visible = iter(self.found)
        found = tuple(Hits(no_question=NoQuestion.MASKED) if is_masked(each) else next(visible) for each in queries)
        return replace(self, queries=tuple(queries), found=found, masked=len(found) - len(self.found))

    def status(self, hits: Hits) -> LookupStatus:
        """Return the status of one query; one exact match is found, whatever else is similar.

        A query for two people or numbers is never found: it has several contacts, or a part that no contact has.
        """
        if hits.total and hits.part_count > 1:
            return "partial" if hits.unmatched else "several"
        if hits.total:
            only_first = [hit.match == "exact" for hit in hits.hits[:2]] == [True, False]
            return "found" if hits.total == 1 or only_first else "several"
        if hits.no_question or not self.is_confirmed:
            return "unclear"
        return "partial" if hits.hits else "not_found"

    @property
    def notice(self) -> str:
        """The notice for the reader of the answer; "" if there is nothing to say."""
        said = [self._denial, _masked(self.masked), self.limits, self.incomplete, self.left_out_entries]
        said += [_unchecked(self.unchecked, self.as_of), self.place]
        return " ".join(filter(None, said))

    @property
    def _denial(self) -> str:
        statuses = set(map(self.status, self.found))
        is_said = self.is_confirmed and statuses & {"not_found", "partial"}
        return f"Not found means among all {self.indexed}, as of {utc_time(self.as_of)}." if is_said else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountResult(Freshness):
    """The result of a count."""

    counts: Counts

    @property
    def notice(self) -> str:
        """The notice for the reader of the answer; "" if there is nothing to say."""
        unknown = unknown_company(self.counts) if self.complete else ""
        said = [unknown, more_companies(self.counts), self.limits, self.incomplete, self.left_out_entries, self.place]
        return " ".join(filter(None, said))


def unknown_company(found: Hits | Counts) -> str:
    """Return the sentence of a company filter that stands for no company; "" for another one."""
    if found.company_count != 0:
        return ""
    similar = f" Similar names: {', '.join(map(_quoted, found.suggestions))}." if found.suggestions else ""
    return f"No company has this name.{similar}" if similar else "No company has this name or a similar one."


def more_companies(found: Hits | Counts) -> str:
    """Return the sentence of a company filter that stands for more companies than are named; "" for another one."""
    if (found.company_count or 0) <= len(found.companies):
        return ""
    return f"The company filter stands for {found.company_count} companies; some are named."


def utc_time(seconds: float) -> str:
    """Write a Unix time in ISO 8601, in UTC, to the second."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _masked(count: int) -> str:
    if not count:
        return ""
    asked = "1 query asks" if count == 1 else f"{count} queries ask"
    return f"{asked} for a phone number or an e-mail address, which are masked here: look up names instead."


def _unchecked(count: int, as_of: float) -> str:
    if not count:
        return ""
    return f"{count} of these are as of {utc_time(as_of)}; the others were read from TeleCMI just now."


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _named(values: tuple[str, ...]) -> str:
    more = f" and {len(values) - _MAX_NAMED} more" if len(values) > _MAX_NAMED else ""
    return ", ".join(values[:_MAX_NAMED]) + more
