"""Synonyms of words: spelling variants of names and titles, and nicknames."""

from functools import lru_cache

from telecmi_mcp._search.data.name_forms import NAME_VARIANTS, NICKNAMES
from telecmi_mcp._search.data.titles import TITLE_VARIANTS

_NONE: frozenset[str] = frozenset()


def spelling_variants(word: str) -> frozenset[str]:
    """Return the other spellings of a word, such as Md for Mohammed and Mgr for Manager."""
    return NAME_VARIANTS.get(word, _NONE) | TITLE_VARIANTS.get(word, _NONE)


def nicknames(word: str) -> frozenset[str]:
    """Return the nicknames of a given name, and the given names of which the word is a nickname."""
    return NICKNAMES.get(word, _NONE) | _english_nicknames().get(word, _NONE)


@lru_cache(maxsize=1)
def _english_nicknames() -> dict[str, frozenset[str]]:
    from nicknames import NickNamer

    namer = NickNamer()
    found: dict[str, frozenset[str]] = {}
    for table in (namer.nickname_lookup, namer.canonical_lookup):
        for name, others in table.items():
            found[name] = found.get(name, _NONE) | frozenset(others)
    return found
