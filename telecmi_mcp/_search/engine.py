"""Finding contacts: by what is unique to them, or else by words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

from telecmi_mcp._models import Contact, MatchName
from telecmi_mcp._search.fields.index_entries import Field, Row, field_words
from telecmi_mcp._search.matching.lookup import by_id, by_mail, by_mails, by_numbers, by_tail
from telecmi_mcp._search.matching.rank import MATCH_NAMES, Scored
from telecmi_mcp._search.matching.relaxation import QueryRelaxation
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.query.parse import Query, parse, parts
from telecmi_mcp._search.query.sentences import NoQuestion
from telecmi_mcp._search.store import ContactStore, View

_TWO = 2
_FIELD_NAMES = {Field.NAME: "name", Field.COMPANY: "company", Field.TITLE: "job_title", Field.MAIL: "email_id"}


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A contact and how it was found.

    Attributes:
        contact: The contact.
        match: `exact`, `prefix`, `fuzzy`, or `partial` when a word of the query is missing.
        fields: In which fields the words of the query were found, where it was asked by words.
    """

    contact: Contact
    match: MatchName
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The best answers, best first.

    Attributes:
        hits: The answers.
        has_more: Whether there were more.
        is_settled: Whether more contacts could hardly change them.
        missing: The words of the query that the first hit lacks, when it is partial.
        no_question: Why the query asks for nobody; ``None`` where it may ask for somebody.
        parts: How many people or numbers the query asked for; all of them are answered.
    """

    hits: tuple[Hit, ...] = ()
    has_more: bool = False
    is_settled: bool = False
    missing: tuple[str, ...] = ()
    no_question: NoQuestion | None = None
    parts: int = 1


def search(store: ContactStore, query: str, *, limit: int) -> Hits:
    """Find the contacts that a query means; never raises because of what the query holds.

    Either every hit has all that was asked for, or every hit is `partial`.

    Args:
        store: where to look.
        query: a name, a phone number, an e-mail address, a company, a title, or a sentence around them.
        limit: how many hits at most, at least 1.
    """
    asked = parse(query)
    with store.reading() as view:
        graded, count = _answered(view, asked, query, limit + 1)
    hits = (_hit(one) for one in graded)
    return Hits(
        hits=tuple(islice(hits, limit)),
        has_more=len(graded) > limit,
        is_settled=_is_settled(asked, graded),
        missing=graded[0].missing if graded else (),
        no_question=None if graded and asked.no_question is not NoQuestion.AGGREGATE else asked.no_question,
        parts=count,
    )


def id_in(query: str) -> str:
    """Give the contact's id that a query names, in lower case; "" if it names none."""
    return parse(query).contact_id


def _is_answered(graded: Sequence[Scored]) -> bool:
    return bool(graded) and graded[0].match is not Match.PARTIAL


def _is_settled(asked: Query, graded: list[Scored]) -> bool:
    """Tell whether somebody has the number, address or id that was asked for, or alone the whole name."""
    exact = [one for one in graded if one.match is Match.EXACT]
    if (
        asked.contact_id
        or asked.numbers
        or any(address.strip("@") != address.rpartition("@")[2] for address in asked.mails)
    ):
        return bool(exact)
    return len(exact) == 1 and _is_whole_name(field_words(exact[0].row)[0], asked)


def _is_whole_name(name: tuple[str, ...], asked: Query) -> bool:
    return len(name) > 1 and set(name) <= {word.text for word in asked.words}


def _answered(view: View, asked: Query, query: str, wanted: int) -> tuple[list[Scored], int]:
    """Answer a query as a whole, or each half of one for two people; at last with those who have the most words."""
    widening = QueryRelaxation(view, asked, wanted=wanted)
    halves = _halves(query)
    if halves and not (asked.mails or asked.numbers or widening.exact()) and (both := _two_names(view, halves, wanted)):
        return both, _TWO
    if full := _full(view, asked, widening, wanted):
        return full, max(1, len(asked.numbers), len(asked.mails))
    if both := _both(view, halves, wanted):
        return both, _TWO
    return _partial(asked, widening), 1


def _full(view: View, asked: Query, widening: QueryRelaxation, wanted: int) -> list[Scored]:
    if asked.contact_id:
        return by_id(view, asked.contact_id)
    if direct := _direct(view, asked, wanted):
        return direct
    if not asked.sentence.required or asked.mails or asked.numbers:
        return []
    return widening.full() or (by_tail(view, asked) if asked.tail else [])


def _partial(asked: Query, widening: QueryRelaxation) -> list[Scored]:
    """Answer with those who have the most, also where nobody has a number or an address that the query holds."""
    if not asked.sentence.required:
        return []
    missing = (*asked.mails, *asked.numbers)
    found = (widening.full() if missing else []) or widening.partial()
    return [replace(one, match=Match.PARTIAL, missing=(*one.missing, *missing)) for one in found]


def _direct(view: View, asked: Query, wanted: int) -> list[Scored]:
    if asked.mails:
        return by_mails(view, asked, wanted)
    if asked.numbers:
        return by_numbers(view, asked, wanted)
    if asked.tail and asked.tail not in {word.text for word in asked.words}:
        return by_tail(view, asked)
    return by_mail(view, asked.handle, wanted) if asked.is_dotted else []


def _halves(query: str) -> list[tuple[Query, Query]]:
    """Give the ways to take a query for one for two people."""
    halves = [(parse(one), parse(other)) for one, other in parts(query)]
    return [(one, other) for one, other in halves if _names_somebody(one) and _names_somebody(other)]


def _two_names(view: View, halves: Sequence[tuple[Query, Query]], wanted: int) -> list[Scored]:
    """Answer a query for two people where each half is somebody's whole name."""
    for both in halves:
        if all(len(half.sentence.required) >= _TWO for half in both):
            found = [QueryRelaxation(view, half, wanted=wanted).exact() for half in both]
            if all(graded and graded[0].fields == {Field.NAME} for graded in found):
                return _in_turns(
                    [_full(view, half, QueryRelaxation(view, half, wanted=wanted), wanted) for half in both]
                )
    return []


def _both(view: View, halves: Sequence[tuple[Query, Query]], wanted: int) -> list[Scored]:
    """Answer a query for two people, where each half of it is answered by itself."""
    for both in halves:
        found = [_full(view, half, QueryRelaxation(view, half, wanted=wanted), wanted) for half in both]
        if all(map(_is_answered, found)):
            return _in_turns(found)
    return []


def _in_turns(found: Sequence[list[Scored]]) -> list[Scored]:
    turns = (one for both in zip_longest(*found) for one in both if one)
    return list({one.row.contact_id: one for one in turns}.values())


def _names_somebody(asked: Query) -> bool:
    return bool(asked.numbers or asked.mails or (asked.words and not asked.sentence.is_literal))


def _hit(one: Scored) -> Hit:
    fields = tuple(name for field, name in _FIELD_NAMES.items() if field in one.fields)
    return Hit(contact=_contact(one.row), match=MATCH_NAMES[one.match], fields=fields)


def _contact(row: Row) -> Contact:
    return Contact(**row._asdict())
