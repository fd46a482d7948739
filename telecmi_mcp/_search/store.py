"""Interface of a store of contacts, as the search needs it: an index of words, ordered keys, facets, and contacts.

The interface is set-oriented, so that a query costs a handful of round trips wherever the store lives. A store holds
one account; how accounts are kept apart (a file, a column) is its own affair.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from telecmi_mcp._models import Contact
from telecmi_mcp._search.fields.facets import Facet
from telecmi_mcp._search.fields.index_entries import Field, IndexKey, Row

MAX_MATCHES = 5000
"""Maximum number of contacts that one query matches; a broader query is answered with the first ones."""
_FIELD_BITS = 2


class Term(NamedTuple):
    """A word of the vocabulary: bits of the fields that ever held it, and the number of contacts that have it."""

    term_id: int
    text: str
    fields: int
    uses: int

    def postings(self, fields: Iterable[Field]) -> Iterator[int]:
        """Return the postings of this word in those of the fields that hold it."""
        return (posting(self.term_id, field) for field in fields if self.fields >> field & 1)


class Span(NamedTuple):
    """A part of an ordered range: one value, or all values with a prefix."""

    reach: IndexKey
    value: str
    is_prefix: bool

    @classmethod
    def one(cls, reach: IndexKey, value: str) -> "Span":
        """Return the span of one value."""
        return cls(reach, value, is_prefix=False)

    @classmethod
    def starting(cls, reach: IndexKey, value: str) -> "Span":
        """Return the span of all values with a prefix."""
        return cls(reach, value, is_prefix=True)


class Written(NamedTuple):
    """Result of an upsert: the numbers of contacts that were new or changed, and unchanged."""

    changed: int
    unchanged: int


class Group(NamedTuple):
    """A value and the number of contacts that have it."""

    value: str
    size: int


class ValueQuery(NamedTuple):
    """What a value of a facet must contain; without any attribute every value does.

    Attributes:
        words: Collections of words; the value has one word of each.
        joined: Texts of which the value without its spaces contains one.
        initials: Letters with which words of the value start, in this order; other words may be between.
    """

    words: Sequence[Collection[str]] = ()
    joined: Collection[str] = ()
    initials: str = ""


class Groups(NamedTuple):
    """The largest groups, largest first, and what they leave out.

    `more` is the number of other groups that are large enough, `in_no_group` the number of contacts without a value.
    """

    largest: list[Group]
    more: int
    in_no_group: int


Condition = tuple[Facet, Collection[str]]
"""A facet and values of it. A contact meets it if it has one of the values. Values of MISSING are names of fields."""
Clause = frozenset[int]
"""Postings of which a contact must have one."""
BooleanQuery = tuple[Clause, ...]
"""Clauses that a contact must meet all."""


def posting(term_id: int, field: Field) -> int:
    """Return the number of a word in a field."""
    return term_id << _FIELD_BITS | field


def commonest(found: Iterable[tuple[str, str, int]]) -> dict[str, str]:
    """Return the commonest spelling of each value, and of equally common ones the alphabetically first.

    Args:
        found: Values, each with a spelling and the number of contacts that have it.
    """
    best: dict[str, tuple[int, str]] = {}
    for value, spelling, count in found:
        best[value] = min(best.get(value, (0, "")), (-count, spelling))
    return {value: spelling for value, (_, spelling) in best.items()}


class View(Protocol):
    """A consistent snapshot of a store. The search reads nothing else."""

    def terms(self, texts: Collection[str], /) -> list[Term]:
        """Return the terms that equal one of these texts."""

    def starting(self, prefixes: Sequence[str], /, *, limit: int) -> list[list[Term]]:
        """Return, for each prefix, the `limit` most used terms that start with it."""

    def near(self, sketches: Sequence[Collection[int]], /) -> list[list[Term]]:
        """Return, for each collection of sketches, the terms that share one with it."""

    def candidates(self, demands: Sequence[BooleanQuery], /, *, limit: int) -> list[Row]:
        """Return the contacts that meet a demand, at most `limit`, in the order of the demands, without repetition."""

    def reached(self, spans: Sequence[Span], /, *, limit: int) -> list[list[Row]]:
        """Return the contacts in each of these spans, at most `limit` for each."""

    def contacts(self, contact_ids: Collection[str], /) -> list[Row]:
        """Return the contacts with these ids that the store has."""

    def numbers(self, contact_ids: Collection[str], /) -> dict[str, int]:
        """Return the numbers in the index of the contacts with these ids, as `select` returns them."""

    def values(self, facet: Facet, queries: Sequence[ValueQuery], /) -> list[str]:
        """Return the distinct values of a facet, except MISSING, that meet one of the queries."""

    def select(self, conditions: Sequence[Condition], /, *, after: int, limit: int) -> list[tuple[int, Row]]:
        """Return the first contacts after a number that meet all conditions, each with its number in the index.

        Numbers are positive and ascend, so 0 is before the first. A contact keeps its number while the index exists.
        """

    def count(self, conditions: Sequence[Condition], /) -> int:
        """Return the number of contacts that meet all conditions."""

    def groups(self, facet: Facet, conditions: Sequence[Condition], /, *, min_count: int, limit: int) -> Groups:
        """Group the contacts that meet all conditions by their values of a facet.

        Args:
            facet: Any facet but MISSING. Values of PHONE that may be the same number are one group.
            conditions: As for `select`.
            min_count: Minimum number of contacts of a group.
            limit: Maximum number of groups; equal ones are ordered by their values.
        """

    def spellings(self, facet: Facet, values: Collection[str], /) -> dict[str, str]:
        """Return the commonest stored spelling of each value, and of equally common ones the alphabetically first."""


class ContactStore(Protocol):
    """Stores contacts and the index that finds them."""

    def reading(self) -> AbstractContextManager[View]:
        """Yield a snapshot of the store for as long as the context lasts."""

    def upsert(self, contacts: Sequence[Contact], /, *, generation: int, state: Mapping[str, str]) -> Written:
        """Write a page, mark its contacts as seen in `generation`, and save `state`, in one transaction."""

    def delete(self, contact_ids: Collection[str], /) -> int:
        """Remove contacts by id and return how many there were."""

    def sweep(self, generation: int, /, *, state: Mapping[str, str] | None = None) -> int:
        """Remove the contacts that were not seen in `generation`, save `state`, and return how many there were."""

    def remember(self, state: Mapping[str, str], /) -> None:
        """Save state without a page."""

    def state(self) -> dict[str, str]:
        """Return the saved state."""

    def count(self, generation: int | None = None, /) -> int:
        """Return the number of contacts, or of those that were seen in `generation`."""

    def compact(self) -> bool:
        """Remove the last bytes of deleted contacts; return False if that was not possible now."""
