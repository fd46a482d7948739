"""The search: pure rules over a store that somebody else provides."""

from telecmi_mcp._search.engine import Hit, Hits, id_in, search
from telecmi_mcp._search.fields.index_entries import NORMALISER
from telecmi_mcp._search.filters import ContactFilter, Counts, GroupBy, ResolvedFilter, count_groups, resolve
from telecmi_mcp._search.store import ContactStore, Group, View, Written

__all__ = [
    "NORMALISER",
    "ContactFilter",
    "ContactStore",
    "Counts",
    "Group",
    "GroupBy",
    "Hit",
    "Hits",
    "ResolvedFilter",
    "View",
    "Written",
    "count_groups",
    "id_in",
    "resolve",
    "search",
]
