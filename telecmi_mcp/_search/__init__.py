"""The search: pure rules over a store that somebody else provides."""

from telecmi_mcp._search.engine import Hit, Hits, id_in, search
from telecmi_mcp._search.fields.index_entries import NORMALISER
from telecmi_mcp._search.store import ContactStore, View, Written

__all__ = ["NORMALISER", "ContactStore", "Hit", "Hits", "View", "Written", "id_in", "search"]
