"""Finding contacts: by what is unique to them, or else by words."""

from dataclasses import dataclass, replace
from itertools import islice

from telecmi_mcp._models import Contact, MatchName
from telecmi_mcp._search.document import Row, field_words
from telecmi_mcp._search.lookup import by_id, by_mail, by_phone
from telecmi_mcp._search.query import Query, parse
from telecmi_mcp._search.rank import MATCH_NAMES, Graded, Match
from telecmi_mcp._search.relaxation import Widening
from telecmi_mcp._search.store import ContactStore, View


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A contact and how it was found: `exact`, `prefix`, `fuzzy`, or `partial` when a word of the query is missing."""

    contact: Contact
    match: MatchName


@dataclass(frozen=True, kw_only=True)
class Hits:
    """The best answers, best first, whether there were more, and whether more contacts could hardly change them."""

    hits: tuple[Hit, ...] = ()
    has_more: bool = False
    is_settled: bool = False


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
        graded = _answers(view, asked, limit + 1)
    hits = (Hit(contact=_contact(one.row), match=MATCH_NAMES[one.match]) for one in graded)
    return Hits(hits=tuple(islice(hits, limit)), has_more=len(graded) > limit, is_settled=_is_settled(asked, graded))


def id_in(query: str) -> str:
    """Give the contact's id that a query names, in lower case; "" if it names none."""
    return parse(query).contact_id


def _is_settled(asked: Query, graded: list[Graded]) -> bool:
    """Tell whether somebody has the number, address or id that was asked for, or alone the whole name."""
    exact = [one for one in graded if one.match is Match.EXACT]
    if asked.contact_id or asked.digits or asked.mail.strip("@") != asked.mail.rpartition("@")[2]:
        return bool(exact)
    return len(exact) == 1 and _is_whole_name(field_words(exact[0].row)[0], asked)


def _is_whole_name(name: tuple[str, ...], asked: Query) -> bool:
    return len(name) > 1 and set(name) <= {word.text for word in asked.words}


def _answers(view: View, asked: Query, wanted: int) -> list[Graded]:
    if asked.contact_id:
        return by_id(view, asked.contact_id)
    if direct := _direct(view, asked, wanted):
        return direct
    if not asked.words:
        return []
    found = Widening(view, asked, wanted=wanted).found()
    missing = asked.mail or asked.digits
    return [replace(one, match=Match.PARTIAL) for one in found] if missing else found


def _direct(view: View, asked: Query, wanted: int) -> list[Graded]:
    if asked.mail:
        return by_mail(view, asked.mail, wanted)
    if asked.digits:
        return by_phone(view, asked, wanted)
    return by_mail(view, asked.handle, wanted) if asked.is_dotted else []


def _contact(row: Row) -> Contact:
    return Contact(**row._asdict())
