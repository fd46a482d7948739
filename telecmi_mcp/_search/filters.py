"""Filters by company, job title and missing fields, and counts and groups of the contacts that they accept."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from telecmi_mcp._models import GroupBy
from telecmi_mcp._search.fields.facets import Facet, company_value, title_value
from telecmi_mcp._search.fields.index_entries import Row
from telecmi_mcp._search.fields.phones import clean_phones, split_numbers
from telecmi_mcp._search.fields.placeholders import missing_fields
from telecmi_mcp._search.matching.company_filter import CompanyFilter
from telecmi_mcp._search.matching.company_suggestions import suggest
from telecmi_mcp._search.matching.title_filter import TitleFilter
from telecmi_mcp._search.store import Condition, ContactStore, Group, Groups, View

DUPLICATES: frozenset[GroupBy] = frozenset(("phone_no", "email_id", "name"))
"""What is grouped to find contacts that are there twice; a group has two contacts at least."""
COMPANIES_CAP = 5
"""Companies that are named as what a filter stands for, or as suggestions."""


@dataclass(frozen=True, kw_only=True)
class ContactFilter:
    """What contacts must have in common; "" and () accept everybody.

    Attributes:
        company: A company's name. Its contacts are meant, or else those of the companies whose names contain its words.
        job_title: Words that a job title must contain.
        missing: Names of fields of which contacts must lack every one.
    """

    company: str = ""
    job_title: str = ""
    missing: tuple[str, ...] = ()


NO_FILTER = ContactFilter()


@dataclass(frozen=True, kw_only=True)
class ResolvedFilter:
    """A filter as one index understands it.

    Attributes:
        conditions: What contacts must meet, for the methods of a `View`.
        companies: The commonest spellings of the companies that are meant, the largest at most `COMPANIES_CAP`.
        company_count: Number of companies that are meant; ``None`` without a company filter.
        suggestions: Companies with a similar name, where no company was found.
        accepts: Tells whether a contact meets the filter by the same rules.
    """

    conditions: tuple[Condition, ...]
    companies: tuple[str, ...]
    company_count: int | None
    suggestions: tuple[str, ...]
    accepts: Callable[[Row], bool]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many contacts meet a filter, and their groups.

    Attributes:
        total: The number of contacts.
        groups: The largest groups, largest first; `value` is the commonest spelling.
        more_groups: The number of other groups that are large enough.
        in_no_group: The number of contacts that have no value to group by.
        companies: As in `ResolvedFilter`.
        company_count: As in `ResolvedFilter`.
        suggestions: As in `ResolvedFilter`.
    """

    total: int
    groups: tuple[Group, ...] = ()
    more_groups: int = 0
    in_no_group: int = 0
    companies: tuple[str, ...] = ()
    company_count: int | None = None
    suggestions: tuple[str, ...] = ()


def resolve(view: View, asked: ContactFilter) -> ResolvedFilter:
    """Find the companies and the titles of an index that a filter means."""
    company, title = CompanyFilter(asked.company), TitleFilter(asked.job_title)
    is_company, companies = company.find(view) if asked.company else (company.is_name_of, [])
    conditions: list[Condition] = [(Facet.MISSING, (name,)) for name in asked.missing]
    if asked.job_title:
        conditions.append((Facet.JOB_TITLE, title.find(view)))
    if asked.company:
        conditions.append((Facet.COMPANY, companies))

    def accepts(row: Row) -> bool:
        return (
            (not asked.company or is_company(company_value(row.company)))
            and (not asked.job_title or title.is_in(title_value(row.job_title)))
            and (not asked.missing or missing_fields(row).issuperset(asked.missing))
        )

    suggested = suggest(view, company.words, limit=COMPANIES_CAP) if company.is_telling and not companies else ()
    return ResolvedFilter(
        conditions=tuple(conditions),
        companies=_largest(view, companies),
        company_count=len(companies) if asked.company else None,
        suggestions=_spelt(view, suggested),
        accepts=accepts,
    )


def count_groups(
    store: ContactStore,
    asked: ContactFilter,
    *,
    group_by: GroupBy | None = None,
    min_count: int | None = None,
    max_groups: int = 10,
) -> Counts:
    """Count the contacts that meet a filter, and group them.

    Args:
        store: where to look.
        asked: the filter.
        group_by: what contacts of a group have in common; no groups when left out.
        min_count: how many contacts a group has at least; when left out 2 for `DUPLICATES`, else 1.
        max_groups: how many groups at most.
    """
    with store.reading() as view:
        resolved = resolve(view, asked)
        groups = _grouped(view, resolved.conditions, group_by, min_count, max_groups) if group_by else _NO_GROUPS
        return Counts(
            total=view.count(resolved.conditions),
            groups=tuple(groups.largest),
            more_groups=groups.more,
            in_no_group=groups.in_no_group,
            companies=resolved.companies,
            company_count=resolved.company_count,
            suggestions=resolved.suggestions,
        )


def select_pages(store: ContactStore, asked: ContactFilter, *, page_size: int) -> Iterator[list[Row]]:
    """Yield the contacts that meet a filter, a page at a time; between two pages the store can be read and written.

    A contact that the store holds all the time is on one page: it keeps its number, and pages follow the numbers.
    """
    after = 0
    while True:
        with store.reading() as view:
            page = view.select(resolve(view, asked).conditions, after=after, limit=page_size)
        yield [row for _, row in page]
        if len(page) < page_size:
            return
        after, _ = page[-1]


_NO_GROUPS = Groups([], 0, 0)


def _grouped(
    view: View, conditions: Sequence[Condition], group_by: GroupBy, min_count: int | None, max_groups: int
) -> Groups:
    facet = Facet(group_by)
    least = min_count or (2 if group_by in DUPLICATES else 1)
    found = view.groups(facet, conditions, min_count=least, limit=max_groups)
    spelt = view.spellings(facet, [group.value for group in found.largest])
    if facet is Facet.PHONE:
        spelt = {value: _one_number(value, text) for value, text in spelt.items()}
    return found._replace(largest=[Group(spelt[group.value], group.size) for group in found.largest])


def _one_number(value: str, text: str) -> str:
    """Return the stored spelling of a number, or its digits if it is stored in one field with others."""
    national, _, code = value.partition(" ")
    return text if len(split_numbers(clean_phones(text))) == 1 else code + national


def _largest(view: View, companies: Collection[str]) -> tuple[str, ...]:
    """Return the spellings of some companies; only if there are too many, the largest are looked for."""
    if len(companies) <= COMPANIES_CAP:
        return _spelt(view, sorted(companies))
    found = view.groups(Facet.COMPANY, [(Facet.COMPANY, companies)], min_count=1, limit=COMPANIES_CAP)
    return _spelt(view, [group.value for group in found.largest])


def _spelt(view: View, values: Sequence[str]) -> tuple[str, ...]:
    spelt = view.spellings(Facet.COMPANY, values) if values else {}
    return tuple(spelt[value] for value in values)
