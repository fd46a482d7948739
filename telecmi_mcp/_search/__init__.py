"""The search: pure rules over a store that somebody else provides."""

from telecmi_mcp._search._document import NORMALISER
from telecmi_mcp._search._engine import Hit, Hits, id_in, search
from telecmi_mcp._search._store import Store, View, Written

__all__ = ["NORMALISER", "Hit", "Hits", "Store", "View", "Written", "id_in", "search"]
