"""What the search remembers of words, to compare them once: a copy of names, which must go when the names do."""

from telecmi_mcp._search._fold import words
from telecmi_mcp._search._phonetics import key, sound
from telecmi_mcp._search._similarity import gaps, letters

REMEMBERED = (words, key, sound, gaps, letters)


def forget() -> None:
    """Forget every word; the next searches are a little slower."""
    for remembered in REMEMBERED:
        remembered.cache_clear()
