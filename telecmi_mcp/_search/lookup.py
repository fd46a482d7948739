"""Finding contacts by what is unique to them: id, telephone number, e-mail address."""

from collections.abc import Iterable
from dataclasses import replace

from telecmi_mcp._search.document import Reach, Row
from telecmi_mcp._search.query import Query
from telecmi_mcp._search.rank import Graded, Match, Ranking
from telecmi_mcp._search.store import Span, View

_WHOLE = 10
_SHORTEST_NATIONAL = 7
_MOBILE_STARTS = "6789"
_FRAGMENT_AMBIGUOUS = 5


def by_id(view: View, contact_id: str) -> list[Graded]:
    """Find the contact with this id."""
    return _graded(view.contacts([contact_id]), Match.EXACT)


def by_mail(view: View, address: str, wanted: int) -> list[Graded]:
    """Find contacts by a whole address, by what stands before the @, or by a domain."""
    local, at, domain = address.rpartition("@")
    if local and domain:
        return _graded(view.reached([Span.one(Reach.MAIL, address)], limit=wanted)[0], Match.EXACT)
    bare = address.strip("@")
    if not bare:
        return []
    before, behind = [], [Span.one(Reach.MAIL_DOMAIN, bare), Span.starting(Reach.MAIL_DOMAIN, bare)]
    if not at:
        before = [Span.starting(Reach.MAIL, bare + "@"), Span.starting(Reach.MAIL, bare)]
    found = view.reached([*before, *behind], limit=wanted)
    exact, begun = [*found[0::2]], [*found[1::2]]
    return _merged([*(_graded(rows, Match.EXACT) for rows in exact), *(_graded(rows, Match.PREFIX) for rows in begun)])


def by_handle(view: View, bare: str, wanted: int) -> list[Graded]:
    """Find contacts by a word that is all that stands before the @ of their address."""
    return _graded(view.reached([Span.starting(Reach.MAIL, bare + "@")], limit=wanted)[0], Match.EXACT)


def by_phone(view: View, asked: Query, wanted: int) -> list[Graded]:
    """Find contacts by a whole number or by the digits it starts or ends with; other words of the query must agree."""
    graded = _whole(view, asked, wanted) or _fragment(view, asked.digits, wanted)
    if not asked.words:
        return graded
    ranking = Ranking(asked.words, extras=asked.extras)
    ranking.look_closer()
    agreeing = [one for one in graded if ranking.grade(one.row).match is not Match.PARTIAL]
    return agreeing or [replace(one, match=Match.PARTIAL) for one in graded]


def _whole(view: View, asked: Query, wanted: int) -> list[Graded]:
    digits = asked.digits
    if len(digits) < _SHORTEST_NATIONAL:
        return []
    spans = [Span.one(Reach.PHONE, digits)]
    if len(digits) >= _WHOLE - 1:
        spans.append(Span.starting(Reach.PHONE_REVERSED, digits[::-1]))
    if asked.is_foreign:
        spans += [
            Span.one(Reach.PHONE, digits[code:]) for code in (1, 2, 3) if len(digits) - code >= _SHORTEST_NATIONAL + 1
        ]
    return _merged([_graded(rows, Match.EXACT) for rows in view.reached(spans, limit=wanted)])


def _fragment(view: View, digits: str, wanted: int) -> list[Graded]:
    if len(digits) >= _WHOLE:
        return []
    ends, starts = view.reached(
        [Span.starting(Reach.PHONE_REVERSED, digits[::-1]), Span.starting(Reach.PHONE, digits)], limit=wanted
    )
    begins_like_a_mobile = len(digits) >= _FRAGMENT_AMBIGUOUS and digits[0] in _MOBILE_STARTS
    order = [starts, ends] if begins_like_a_mobile else [ends, starts]
    return _merged([_graded(rows, Match.PREFIX) for rows in order])


def _graded(rows: Iterable[Row], match: Match) -> list[Graded]:
    return [Graded(row=row, match=match, score=1.0) for row in rows]


def _merged(lists: Iterable[list[Graded]]) -> list[Graded]:
    merged: dict[str, Graded] = {}
    for some in lists:
        for one in some:
            merged.setdefault(one.row.contact_id, one)
    return list(merged.values())
