"""The search: rules without I/O, over a contact store that the caller passes."""

from telecmi_mcp._search.engine import Hit, Hits, Position, id_in, search
from telecmi_mcp._search.fields.index_entries import NORMALISER
from telecmi_mcp._search.filters import ContactFilter, Counts, count_groups, select_pages
from telecmi_mcp._search.query.sentences import NoQuestion
from telecmi_mcp._search.store import ContactStore, View, Written

__all__ = [
    "NORMALISER",
    "ContactFilter",
    "ContactStore",
    "Counts",
    "Hit",
    "Hits",
    "NoQuestion",
    "Position",
    "View",
    "Written",
    "count_groups",
    "id_in",
    "search",
    "select_pages",
]
