"""Searches a store: by an id, number or address that the query holds, or else by its words."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from typing import TypeAlias

from telecmi_mcp._models import Contact, MatchName
from telecmi_mcp._search.fields.facets import company_value
from telecmi_mcp._search.fields.index_entries import Field, field_words
from telecmi_mcp._search.filters import NO_FILTER, ContactFilter, ResolvedFilter, resolve
from telecmi_mcp._search.matching.company_filter import CompanyFilter
from telecmi_mcp._search.matching.lookup import by_id, by_mail, by_number, by_tail, keep_agreeing
from telecmi_mcp._search.matching.rank import MATCH_NAMES, Scored
from telecmi_mcp._search.matching.relaxation import QueryRelaxation
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.query.parse import Query, parse, split_in_two
from telecmi_mcp._search.query.sentences import NoQuestion
from telecmi_mcp._search.store import ContactStore, View

Position: TypeAlias = tuple[float, ...]
"""Place of a hit in the order of all hits of a query. It holds no value of a contact's field."""

_TWO = 2
_FIRST_OF_PART = 100  # added to the number of optional words, by which matches are ordered first
_MAX_PARTIAL = 5
_FIELD_NAMES = {Field.NAME: "name", Field.COMPANY: "company", Field.TITLE: "job_title", Field.MAIL: "email_id"}


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A contact and how it was found.

    Attributes:
        contact: The contact.
        match: ``exact``, ``prefix``, ``fuzzy``, or ``partial`` if a word of the query is missing.
        fields: Names of the fields in which the words of the query were found; empty if it was found otherwise.
    """

    contact: Contact
    match: MatchName
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The best matches, best first.

    Attributes:
        hits: One page of matches.
        total: Number of matches that are not partial.
        position: The position of the last hit; the next page starts after it. ``None`` if no more follow.
        is_settled: True if reading more contacts could hardly change the hits.
        missing: The words of the query that the first hit lacks, if it is partial.
        unmatched: The numbers and addresses of the query that no contact has, if the hits have others of them.
        companies: Names of the companies that a company filter stands for, the largest first.
        company_count: Number of companies that a company filter stands for; ``None`` without such a filter.
        suggestions: Names of companies that are similar to a company filter that stands for none.
        no_question: Why the query asks for no contact; ``None`` if it may ask for one.
        part_count: Number of people, phone numbers or e-mail addresses that the query asks for. The best match of each
            comes first.
    """

    hits: tuple[Hit, ...] = ()
    total: int = 0
    position: Position | None = None
    is_settled: bool = False
    missing: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    company_count: int | None = None
    suggestions: tuple[str, ...] = ()
    no_question: NoQuestion | None = None
    part_count: int = 1

    @property
    def has_more(self) -> bool:
        """True if more matches follow."""
        return self.position is not None


@dataclass(frozen=True, kw_only=True)
class _Matches:
    """All matches of a query: either none of them is partial, or all are."""

    scored: Sequence[Scored] = ()
    part_count: int = 1
    unmatched: tuple[str, ...] = ()


def search(
    store: ContactStore,
    query: str,
    *,
    limit: int,
    after: Position | None = None,
    contact_filter: ContactFilter = NO_FILTER,
) -> Hits:
    """Find the contacts that a query asks for among those that pass a filter. No query raises an error.

    Either every hit has all that the query asks for, or every hit is ``partial``. Partial hits have no further page.

    Args:
        store: The contacts.
        query: A name, a phone number, an e-mail address, a company, a title, an id, or a sentence around them; "" for
            every contact that passes the filter, in the order in which the store got them.
        limit: Maximum number of hits, at least 1.
        after: The position of the previous page's last hit.
        contact_filter: The filter.
    """
    with store.reading() as view:
        resolved = resolve(view, contact_filter)
        is_ranked = bool(query.strip()) or contact_filter == NO_FILTER
        found = _ranked(view, query, resolved, limit, after) if is_ranked else _selected(view, resolved, limit, after)
    return replace(
        found,
        companies=resolved.companies,
        company_count=resolved.company_count,
        suggestions=resolved.suggestions,
    )


def _selected(view: View, resolved: ResolvedFilter, limit: int, after: Position | None) -> Hits:
    """Return a page of the contacts that pass a filter."""
    selected = view.select(resolved.conditions, after=int(after[0]) if after else 0, limit=limit + 1)
    page = selected[:limit]
    return Hits(
        hits=tuple(Hit(contact=row, match="exact") for _, row in page),
        total=view.count(resolved.conditions),
        position=(float(page[-1][0]),) if len(selected) > limit else None,
    )


def _ranked(view: View, query: str, resolved: ResolvedFilter, limit: int, after: Position | None) -> Hits:
    """Return a page of the matches of a query."""
    asked = parse(query)
    matches = _Search(view, asked, query, resolved).matches()
    is_partial = not _is_answered(matches.scored)
    if is_partial:
        ordered, start = list(matches.scored), 0 if after is None else len(matches.scored)
    else:
        ordered, start = _page_order(view, matches.scored, limit, after)
    page = ordered[start : start + (min(limit, _MAX_PARTIAL) if is_partial else limit)]
    return Hits(
        hits=tuple(map(_hit, page)),
        total=0 if is_partial else len(ordered),
        position=None if is_partial or start + limit >= len(ordered) else _position(view, page[-1]),
        is_settled=_is_settled(asked, ordered),
        missing=ordered[0].missing if ordered else (),
        unmatched=matches.unmatched,
        no_question=None if ordered and asked.no_question is not NoQuestion.AGGREGATE else asked.no_question,
        part_count=matches.part_count,
    )


def id_in(query: str) -> str:
    """Return the contact id that a query names, in lower case; "" if it names none."""
    return parse(query).contact_id


class _Search:
    """One query against one view of a store."""

    def __init__(self, view: View, asked: Query, text: str, resolved: ResolvedFilter) -> None:
        self._view = view
        self._asked = asked
        self._text = text
        self._accepts = resolved.accepts

    def matches(self) -> _Matches:
        """Match the query as a whole, else each half of a query for two people, else as many words as possible."""
        words = self._relaxed(self._asked)
        halves = self._halves()
        may_be_two_names = halves and not (self._asked.mails or self._asked.numbers) and not words.exact()
        if may_be_two_names and (both := self._two_names(halves)):
            return both
        if (full := self._full(self._asked, words)).scored:
            return full
        return self._both(halves) or _Matches(scored=self._partial(words))

    def _relaxed(self, asked: Query) -> QueryRelaxation:
        return QueryRelaxation(self._view, asked, accepts=self._accepts)

    def _full(self, asked: Query, words: QueryRelaxation) -> _Matches:
        if asked.contact_id:
            return self._accepted(by_id(self._view, asked.contact_id))
        if asked.mails or asked.numbers:
            return self._by_unique_values(asked)
        if direct := self._direct(asked):
            return self._accepted(direct)
        if not asked.sentence.required:
            return _Matches()
        found = self._accepted(words.full() or (by_tail(self._view, asked) if asked.tail else []))
        return replace(found, scored=_at_company(asked, found.scored))

    def _by_unique_values(self, asked: Query) -> _Matches:
        """Look up each address, else each number; other words of the query must agree."""
        look_up = by_mail if asked.mails else by_number
        found = {value: look_up(self._view, value) for value in asked.mails or asked.numbers}
        found = {value: [one for one in some if self._accepts(one.row)] for value, some in found.items()}
        scored = keep_agreeing(asked, _first_of_each([some for some in found.values() if some]))
        unmatched = tuple(value for value, some in found.items() if not some) if scored else ()
        return _Matches(scored=scored, part_count=len(found), unmatched=unmatched)

    def _direct(self, asked: Query) -> list[Scored]:
        if asked.tail and asked.tail not in {word.text for word in asked.words}:
            return by_tail(self._view, asked)
        return by_mail(self._view, asked.handle) if asked.is_dotted else []

    def _accepted(self, scored: Sequence[Scored]) -> _Matches:
        return _Matches(scored=[one for one in scored if self._accepts(one.row)])

    def _partial(self, words: QueryRelaxation) -> list[Scored]:
        """Match as many words as possible, also if no contact has a number or an address of the query."""
        if not self._asked.sentence.required:
            return []
        missing = (*self._asked.mails, *self._asked.numbers)
        found = (words.full() if missing else []) or words.partial()
        return [replace(one, match=Match.PARTIAL, missing=(*one.missing, *missing)) for one in found]

    def _halves(self) -> list[tuple[Query, Query]]:
        """Return the ways to read the query as one for two people."""
        halves = [(parse(one), parse(other)) for one, other in split_in_two(self._text)]
        return [(one, other) for one, other in halves if _may_name_contact(one) and _may_name_contact(other)]

    def _two_names(self, halves: Sequence[tuple[Query, Query]]) -> _Matches | None:
        """Match two halves of which each is the whole name of a contact."""
        for both in halves:
            if all(len(half.sentence.required) >= _TWO for half in both):
                exact = [self._relaxed(half).exact() for half in both]
                if all(some and some[0].fields == {Field.NAME} for some in exact):
                    return _as_parts([self._full(half, self._relaxed(half)).scored for half in both])
        return None

    def _both(self, halves: Sequence[tuple[Query, Query]]) -> _Matches | None:
        """Match two halves of which each has a match of its own."""
        for both in halves:
            found = [self._full(half, self._relaxed(half)).scored for half in both]
            if all(map(_is_answered, found)):
                return _as_parts(found)
        return None


def _at_company(asked: Query, found: Sequence[Scored]) -> Sequence[Scored]:
    """Keep the contacts at a company whose whole name the query is, and those whose name has its words, if any are."""
    company = CompanyFilter(" ".join(word.text for word in asked.words))
    members = {one.row.contact_id for one in found if company.is_written_as(company_value(one.row.company))}
    if not members:
        return found
    return [one for one in found if one.row.contact_id in members or one.fields == {Field.NAME}]


def _as_parts(found: Sequence[Sequence[Scored]]) -> _Matches:
    return _Matches(scored=_first_of_each(found), part_count=len(found))


def _first_of_each(found: Sequence[Sequence[Scored]]) -> list[Scored]:
    """Merge the matches of several parts of a query so that the best match of each part comes first."""
    if len(found) < _TWO:
        return [one for some in found for one in some]
    ordered = [sorted(some, key=_order) for some in found]
    best = [replace(some[0], optional_count=_FIRST_OF_PART - place) for place, some in enumerate(ordered)]
    merged: dict[str, Scored] = {}
    for one in (*best, *(one for some in ordered for one in some)):
        merged.setdefault(one.row.contact_id, one)
    return list(merged.values())


def _order(one: Scored) -> tuple[float, ...]:
    return one.order


def _page_order(view: View, matches: Sequence[Scored], limit: int, after: Position | None) -> tuple[list[Scored], int]:
    """Return the matches in the order of the pages, and the index of the first one after a position.

    Equal matches are in the order of their numbers in the index, which a change of other contacts does not shift.
    """
    if len(matches) <= limit and after is None:
        return sorted(matches, key=_order), 0
    numbers = view.numbers([one.row.contact_id for one in matches])
    positions = [(*map(float, one.order), float(numbers[one.row.contact_id])) for one in matches]
    placed = sorted(zip(positions, range(len(matches)), strict=True))
    start = 0 if after is None else bisect_right(placed, after, key=itemgetter(0))
    return [matches[at] for _, at in placed], start


def _position(view: View, one: Scored) -> Position:
    (number,) = view.numbers([one.row.contact_id]).values()
    return (*map(float, one.order), float(number))


def _is_answered(scored: Sequence[Scored]) -> bool:
    return bool(scored) and scored[0].match is not Match.PARTIAL


def _is_settled(asked: Query, scored: Sequence[Scored]) -> bool:
    """Return True if a contact has the number, address or id of the query, or if only one has the whole name."""
    exact = list(islice((one for one in scored if one.match is Match.EXACT), _TWO))
    is_address = any(address.strip("@") != address.rpartition("@")[2] for address in asked.mails)
    if asked.contact_id or asked.numbers or is_address:
        return bool(exact)
    return len(exact) == 1 and _is_whole_name(field_words(exact[0].row)[0], asked)


def _is_whole_name(name: tuple[str, ...], asked: Query) -> bool:
    return len(name) > 1 and set(name) <= {word.text for word in asked.words}


def _may_name_contact(asked: Query) -> bool:
    return bool(asked.numbers or asked.mails or (asked.words and not asked.sentence.is_literal))


def _hit(one: Scored) -> Hit:
    fields = tuple(name for field, name in _FIELD_NAMES.items() if field in one.fields)
    return Hit(contact=one.row, match=MATCH_NAMES[one.match], fields=fields)
