"""What a tool or a command asks of the index; importing it does not import the search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telecmi_mcp._models import Contact, GroupBy
    from telecmi_mcp._search import ContactFilter, ContactStore, Counts, Hits, Position

MAX_LOOKUP_CONTACTS = 3
"""Maximum number of contacts for one query of a lookup."""

WriteRows: TypeAlias = Callable[[Iterable["Sequence[Contact]"]], None]
"""Writes pages of contacts, in a worker thread; is called again from the first page if an index has to be replaced."""

_PAGE = 1000  # contacts; between two pages other calls use the index


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterFields:
    """The fields that contacts must have, or must lack.

    Attributes:
        company: Name of a company; "" for any.
        job_title: Words of a job title; "" for any.
        missing: Names of fields; the contacts lack every one of them.
    """

    company: str = ""
    job_title: str = ""
    missing: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.company or self.job_title or self.missing)

    @property
    def contact_filter(self) -> ContactFilter:
        """The same for the search."""
        from telecmi_mcp._search import ContactFilter

        return ContactFilter(company=self.company, job_title=self.job_title, missing=self.missing)

    def pages(self, store: ContactStore) -> Iterator[Sequence[Contact]]:
        """Yield the contacts of a store that pass the filters, in a worker thread, until its call is cancelled."""
        from anyio import from_thread

        from telecmi_mcp._search import select_pages

        for page in select_pages(store, self.contact_filter, page_size=_PAGE):
            from_thread.check_cancelled()
            yield page


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """A search.

    Attributes:
        query: A name, a phone number, an e-mail address, a company, a title, an id, or a sentence around them; "" for
            every contact that passes the filter.
        filters: The filter.
        limit: Maximum number of hits.
        after: The position after which the page starts; ``None`` for the first page.
        created_at: ``Freshness.created_at`` of the previous page.
    """

    query: str = ""
    filters: FilterFields = field(default_factory=FilterFields)
    limit: int = 10
    after: Position | None = None
    created_at: float = 0

    @property
    def position_length(self) -> int:
        """How many numbers a position of this request has."""
        return 5 if self.query else 1

    @property
    def contact_id(self) -> str:
        """The id that TeleCMI itself can answer; "" if the request is another one."""
        from telecmi_mcp._search import id_in

        return "" if self.filters else id_in(self.query)

    def run(self, store: ContactStore) -> Hits:
        """Search a store."""
        from telecmi_mcp._search import search

        return search(store, self.query, contact_filter=self.filters.contact_filter, limit=self.limit, after=self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRequest:
    """A count of contacts, and of groups of them; see ``count_groups``."""

    filters: FilterFields = field(default_factory=FilterFields)
    group_by: GroupBy | None = None
    min_count: int | None = None
    max_groups: int = 10

    def run(self, store: ContactStore) -> Counts:
        """Count the contacts of a store."""
        from telecmi_mcp._search import count_groups

        return count_groups(
            store,
            self.filters.contact_filter,
            group_by=self.group_by,
            min_count=self.min_count,
            max_groups=self.max_groups,
        )
