"""What the search remembers of words, to compare them once: a copy of names, which must go when the names do."""

from telecmi_mcp._search.matching.similarity import gaps, letters, profile
from telecmi_mcp._search.matching.word_runs import stored_runs
from telecmi_mcp._search.text.native import pattern, skeletons
from telecmi_mcp._search.text.normalize import words
from telecmi_mcp._search.text.phonetics import key, sound

REMEMBERED = (words, key, sound, gaps, letters, profile, pattern, skeletons, stored_runs)


def forget() -> None:
    """Forget every word; the next searches are a little slower."""
    for remembered in REMEMBERED:
        remembered.cache_clear()
