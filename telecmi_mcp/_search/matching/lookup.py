"""Looks contacts up by what is unique to them: an id, a phone number, an e-mail address."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from telecmi_mcp._search.data.country_codes import LONGEST_CODE, NATIONAL_LENGTHS
from telecmi_mcp._search.fields.email_addresses import addresses, without_tag
from telecmi_mcp._search.fields.index_entries import IndexKey, Row
from telecmi_mcp._search.fields.phones import (
    LONGEST_NUMBER,
    Number,
    clean_phones,
    digits_of,
    is_international,
    is_same,
    parse_number,
    split_numbers,
)
from telecmi_mcp._search.matching.rank import Ranking, Scored
from telecmi_mcp._search.matching.typing_errors import is_within_one_edit
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.query.parse import Query, Word
from telecmi_mcp._search.store import MAX_MATCHES, Span, View

_FRAGMENT, _WHOLE = 4, 10
_MOBILE_STARTS = "6789"
_FRAGMENT_AMBIGUOUS = 5
_LOOKED_THROUGH = 400
"""Maximum number of contacts that are compared one by one."""
_HALF = 3
_LATER = 0.01


def by_id(view: View, contact_id: str) -> list[Scored]:
    """Find the contact with this id, with or without its hyphens."""
    return _graded(view.contacts([contact_id, contact_id.replace("-", "")]), Match.EXACT)


def by_mail(view: View, address: str) -> list[Scored]:
    """Find contacts by a whole address, by the part before the @, or by a domain."""
    local, at, domain = address.rpartition("@")
    if local and domain:
        return _by_address(view, address)
    bare = address.strip("@")
    if not bare:
        return []
    before, behind = [], [Span.one(IndexKey.MAIL_DOMAIN, bare), Span.starting(IndexKey.MAIL_DOMAIN, bare)]
    if local or not at:
        before = [Span.starting(IndexKey.MAIL, bare + "@"), Span.starting(IndexKey.MAIL, bare)]
    found = view.reached([*before, *behind], limit=MAX_MATCHES)
    exact, begun = [*found[0::2]], [*found[1::2]]
    return _merged([*(_graded(rows, Match.EXACT) for rows in exact), *(_graded(rows, Match.PREFIX) for rows in begun)])


def _by_address(view: View, address: str) -> list[Scored]:
    local = address.rpartition("@")[0]
    spans = [Span.one(IndexKey.MAIL, address), Span.one(IndexKey.MAIL, without_tag(address))]
    spans.append(Span.starting(IndexKey.MAIL, address))
    exact, tagged, begun = view.reached(spans, limit=MAX_MATCHES)
    if found := _merged([_graded(exact, Match.EXACT), _graded(tagged, Match.FUZZY), _graded(begun, Match.PREFIX)]):
        return found
    half = max(_HALF, len(local) // 2)
    near = view.reached(
        [
            Span.starting(IndexKey.MAIL, local + "@"),
            Span.starting(IndexKey.MAIL, local[:half]),
            Span.starting(IndexKey.MAIL_REVERSED, local[half:][::-1]),
            Span.starting(IndexKey.MAIL_REVERSED, local[half + 1 :][::-1]),
        ],
        limit=_LOOKED_THROUGH,
    )
    slips = [
        row for rows in near for row in rows if any(is_within_one_edit(address, each) for each in _addresses_of(row))
    ]
    return _merged([_graded(slips, Match.FUZZY)])


def _addresses_of(row: Row) -> tuple[str, ...]:
    return addresses(row.email_id or "")


def by_handle(view: View, bare: str) -> list[Scored]:
    """Find contacts by a word that is the whole local part of their address."""
    found = view.reached(
        [Span.starting(IndexKey.MAIL, bare + "@"), Span.starting(IndexKey.MAIL, bare + "+")], limit=MAX_MATCHES
    )
    return _merged([_graded(rows, Match.EXACT) for rows in found])


def by_number(view: View, written: str) -> list[Scored]:
    """Find contacts by a whole number, or by the digits that it starts or ends with."""
    return _whole(view, written) or _fragment(view, written)


def by_tail(view: View, asked: Query) -> list[Scored]:
    """Find contacts by the last digits of their number and by other words of the query."""
    words = tuple(word for word in asked.words if word.text != asked.tail)
    if all(word.is_optional for word in words):
        return []
    (rows,) = view.reached([Span.starting(IndexKey.PHONE_REVERSED, asked.tail[::-1])], limit=_LOOKED_THROUGH)
    agreeing = _graded_closely(words, rows)
    return [replace(one, match=Match.PREFIX) for one in agreeing if one.match is not Match.PARTIAL]


def _graded_closely(words: Sequence[Word], rows: Iterable[Row]) -> list[Scored]:
    ranking = Ranking(words)
    ranking.compare_all()
    return sorted((ranking.score(row) for row in rows), key=lambda one: one.order)


def keep_agreeing(asked: Query, found: list[Scored]) -> list[Scored]:
    """Keep the contacts that have the other words of the query; if none has, all of them are partial matches."""
    if not asked.words or not found:
        return found
    by_id = {one.row.contact_id: one for one in found}
    close = _graded_closely(asked.words, [one.row for one in found])
    agreeing = [replace(by_id[one.row.contact_id], score=one.score) for one in close if one.match is not Match.PARTIAL]
    return agreeing or [replace(one, match=Match.PARTIAL) for one in close]


def _whole(view: View, written: str) -> list[Scored]:
    readings = parse_number(written)
    keys = {number.national for number in readings} | {number.code + number.national for number in readings}
    found = view.reached([Span.one(IndexKey.PHONE, each) for each in sorted(keys)], limit=MAX_MATCHES)
    rows = [row for rows in found for row in rows]
    same = [row for row in rows if any(is_same(one, other) for one in readings for other in _numbers_of(row))]
    return _merged([_graded(same, Match.EXACT)])


def _numbers_of(row: Row) -> Iterator[Number]:
    for written in split_numbers(clean_phones(row.phone_no or "")):
        yield from parse_number(written)


def _fragment(view: View, written: str) -> list[Scored]:
    digits = digits_of(written)
    if len(digits) < _FRAGMENT or len(digits.lstrip("0")) > LONGEST_NUMBER:
        return []
    if is_international(written):
        return _beginning(view, digits.lstrip("0"))
    bare = digits.lstrip("0")
    if len(bare) >= _WHOLE:
        return []
    ends, starts = view.reached(
        [Span.starting(IndexKey.PHONE_REVERSED, (bare or digits)[::-1]), Span.starting(IndexKey.PHONE, bare or digits)],
        limit=MAX_MATCHES,
    )
    begins_like_a_mobile = len(bare) >= _FRAGMENT_AMBIGUOUS and bare[0] in _MOBILE_STARTS
    order = [starts, ends] if begins_like_a_mobile else [ends, starts]
    return _merged([_graded(rows, Match.PREFIX) for rows in order])


def _beginning(view: View, digits: str) -> list[Scored]:
    """Find contacts whose number starts with digits that were typed with a country code."""
    found = []
    for length in range(1, LONGEST_CODE + 1):
        code, rest = digits[:length], digits[length:].lstrip("0")
        if code in NATIONAL_LENGTHS and len(rest) >= _HALF and len(rest) < max(NATIONAL_LENGTHS[code]):
            (rows,) = view.reached([Span.starting(IndexKey.PHONE, rest)], limit=MAX_MATCHES)
            found.append([row for row in rows if any(number.code in ("", code) for number in _numbers_of(row))])
    return _merged([_graded(rows, Match.PREFIX) for rows in found])


def _graded(rows: Iterable[Row], match: Match) -> list[Scored]:
    return [Scored(row=row, match=match, score=1.0) for row in rows]


def _merged(lists: Iterable[list[Scored]]) -> list[Scored]:
    """Merge matches without repetition. A match in a later list scores less."""
    merged: dict[str, Scored] = {}
    for place, found in enumerate(lists):
        for one in found:
            merged.setdefault(one.row.contact_id, replace(one, score=one.score - place * _LATER))
    return list(merged.values())
