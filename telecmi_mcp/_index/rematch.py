"""Decides whether contacts that changed after they were indexed still match a search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telecmi_mcp._index.request import FilterFields
from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._search.fields.facets import company_value, title_value
from telecmi_mcp._search.fields.placeholders import missing_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telecmi_mcp._index.request import SearchRequest
    from telecmi_mcp._models import Contact
    from telecmi_mcp._search import Hit


def still_matching(request: SearchRequest, changed: Sequence[tuple[Hit, Contact]]) -> dict[str, Hit]:
    """Return the hits that match with their new values, by the ids of their contacts.

    A contact whose company or title changed does not pass a filter by it: the names that the filter stands for are
    known to the whole index only.

    Args:
        request: The search.
        changed: Hits as they are indexed, each with the contact as TeleCMI has it.
    """
    passing = [(hit, contact) for hit, contact in changed if _passes(request.filters, hit.contact, contact)]
    if not request.query:
        return {contact.contact_id: replace(hit, contact=contact) for hit, contact in passing}
    with Index() as index:
        index.upsert([contact for _, contact in passing], generation=1, state={})
        alone = replace(request, filters=FilterFields(), after=None, limit=max(1, len(passing)))
        found = {hit.contact.contact_id: hit for hit in alone.run(index).hits}
    old = {hit.contact.contact_id: hit for hit, _ in passing}
    return {
        contact_id: hit
        for contact_id, hit in found.items()
        if hit.match != "partial" or old[contact_id].match == "partial"
    }


def _passes(filters: FilterFields, old: Contact, new: Contact) -> bool:
    return (
        (not filters.company or company_value(old.company) == company_value(new.company))
        and (not filters.job_title or title_value(old.job_title) == title_value(new.job_title))
        and (not filters.missing or missing_fields(new).issuperset(filters.missing))
    )
