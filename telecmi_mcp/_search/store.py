"""What the search needs of a store, and no more: an index of words, ordered ranges, and contacts.

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
    """A word of the vocabulary, with the fields it was ever seen in as bits, and the entries that hold it."""

    term_id: int
    text: str
    fields: int
    uses: int

    def postings(self, fields: Iterable[Field]) -> Iterator[int]:
        """Number this word in those of the fields where it occurs."""
        return (posting(self.term_id, field) for field in fields if self.fields >> field & 1)


class Span(NamedTuple):
    """A piece of an ordered range: one value, or everything that starts with it."""

    reach: IndexKey
    value: str
    is_prefix: bool

    @classmethod
    def one(cls, reach: IndexKey, value: str) -> "Span":
        """Ask for one value."""
        return cls(reach, value, is_prefix=False)

    @classmethod
    def starting(cls, reach: IndexKey, value: str) -> "Span":
        """Ask for everything that starts so."""
        return cls(reach, value, is_prefix=True)


class Written(NamedTuple):
    """What an upsert found: how many contacts were new or changed, and how many were the same as before."""

    changed: int
    unchanged: int


class Group(NamedTuple):
    """A value and the number of contacts that have it."""

    value: str
    size: int


class Groups(NamedTuple):
    """The largest groups, largest first, and what they leave out.

    `more` is the number of other groups that are large enough, `in_no_group` the number of contacts without a value.
    """

    largest: list[Group]
    more: int
    in_no_group: int


Condition = tuple[Facet, Collection[str]]
"""A facet and values of it; a contact meets it if it has one of the values. Those of MISSING are names of fields."""
Clause = frozenset[int]
"""Posting tokens of which a contact must have one."""
BooleanQuery = tuple[Clause, ...]
"""Clauses that a contact must meet together."""


def posting(term_id: int, field: Field) -> int:
    """Number a word in a field, as postings and demands do."""
    return term_id << _FIELD_BITS | field


def commonest(found: Iterable[tuple[str, str, int]]) -> dict[str, str]:
    """Give the spelling of each value that most contacts have, of several the alphabetically first.

    Args:
        found: values, each with a spelling and the number of contacts that have it.
    """
    best: dict[str, tuple[int, str]] = {}
    for value, spelling, count in found:
        best[value] = min(best.get(value, (0, "")), (-count, spelling))
    return {value: spelling for value, (_, spelling) in best.items()}


class View(Protocol):
    """One consistent moment of a store; searching reads nothing else."""

    def terms(self, texts: Collection[str], /) -> list[Term]:
        """Give the terms that are one of these texts."""

    def starting(self, prefixes: Sequence[str], /, *, limit: int) -> list[list[Term]]:
        """Give the terms that start with each of these, the most used `limit` of them."""

    def near(self, sketches: Sequence[Collection[int]], /) -> list[list[Term]]:
        """Give, for each of these collections, the terms that share a sketch with it."""

    def candidates(self, demands: Sequence[BooleanQuery], /, *, limit: int) -> list[Row]:
        """Give the contacts that meet a demand, at most `limit` in all, the first demands first, without repetition."""

    def reached(self, spans: Sequence[Span], /, *, limit: int) -> list[list[Row]]:
        """Give the contacts in each of these spans, at most `limit` for each."""

    def contacts(self, contact_ids: Collection[str], /) -> list[Row]:
        """Give the contacts of these ids that are there."""

    def values(
        self, facet: Facet, words: Sequence[Collection[str]], /, *, joined: Collection[str] = (), initials: str = ""
    ) -> list[str]:
        """Give the distinct values of a facet that contain, as whole words, one of each of these collections.

        Args:
            facet: any but MISSING.
            words: collections of words; every value meets none of them.
            joined: texts of which a value must contain one when its blanks are left out.
            initials: letters with which words of a value must begin in this order, others between them or not.
        """

    def select(self, conditions: Sequence[Condition], /, *, after: int, limit: int) -> list[tuple[int, Row]]:
        """Give the first contacts behind a number that meet all conditions, each with its number in the index.

        Numbers ascend and are positive, so that 0 begins. A contact keeps its number for as long as the index has it.
        """

    def count(self, conditions: Sequence[Condition], /) -> int:
        """Say how many contacts meet all conditions."""

    def groups(self, facet: Facet, conditions: Sequence[Condition], /, *, min_count: int, limit: int) -> Groups:
        """Group the contacts that meet all conditions by their values of a facet.

        Args:
            facet: any but MISSING; values of PHONE that may be the same number are one.
            conditions: as for `select`.
            min_count: the number of contacts that a group has at least.
            limit: how many groups at most; of equal ones the first in the order of their values.
        """

    def spellings(self, facet: Facet, values: Collection[str], /) -> dict[str, str]:
        """Give the commonest spelling in which each of these values is stored, of several the alphabetically first."""


class ContactStore(Protocol):
    """Contacts and what is needed to find them again."""

    def reading(self) -> AbstractContextManager[View]:
        """Hold one moment of the store for as long as the context lasts."""

    def upsert(self, contacts: Sequence[Contact], /, *, generation: int, state: Mapping[str, str]) -> Written:
        """Write a page, mark its contacts as seen in `generation`, and save `state`: all or nothing."""

    def delete(self, contact_ids: Collection[str], /) -> int:
        """Remove contacts by id and say how many there were."""

    def sweep(self, generation: int, /, *, state: Mapping[str, str] | None = None) -> int:
        """Remove the contacts that were not seen in `generation`, save `state`, and say how many there were."""

    def remember(self, state: Mapping[str, str], /) -> None:
        """Save state that belongs to no page."""

    def state(self) -> dict[str, str]:
        """Give the saved state."""

    def count(self, generation: int | None = None, /) -> int:
        """Say how many contacts there are, or how many were seen in `generation`."""

    def compact(self) -> bool:
        """Leave no byte of what was removed; False when that could not be done now."""
