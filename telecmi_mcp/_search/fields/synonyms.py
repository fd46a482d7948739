"""Words that stand for one another: written forms of one name or title, and short names."""

from functools import lru_cache

from telecmi_mcp._search.data.name_forms import PET_NAMES, SAME_NAMES
from telecmi_mcp._search.data.titles import SAME_TITLES

_NOTHING: frozenset[str] = frozenset()


def same(word: str) -> frozenset[str]:
    """Give the words that are another way to write this one: Md for Mohammed, Mgr for Manager."""
    return SAME_NAMES.get(word, _NOTHING) | SAME_TITLES.get(word, _NOTHING)


def short_names(word: str) -> frozenset[str]:
    """Give the short names of a given name, or the names that it is short for."""
    return PET_NAMES.get(word, _NOTHING) | _english().get(word, _NOTHING)


@lru_cache(maxsize=1)
def _english() -> dict[str, frozenset[str]]:
    from nicknames import NickNamer

    namer = NickNamer()
    found: dict[str, frozenset[str]] = {}
    for table in (namer.nickname_lookup, namer.canonical_lookup):
        for name, others in table.items():
            found[name] = found.get(name, _NOTHING) | frozenset(others)
    return found
