"""Splits compound words of a query into words of the vocabulary."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from telecmi_mcp._search.query.sentences import Word

_SHORTEST_PART, _PARTS_CAP = 2, 4
_COMPOUND_LENGTHS = range(4, 25)


def compound_parts(words: Sequence[Word]) -> set[str]:
    """Return the substrings of the words that may be parts of a compound."""
    return {
        word.text[start:end]
        for word in words
        if _may_be_compound(word)
        for start in range(len(word.text))
        for end in range(start + _SHORTEST_PART, len(word.text) + 1)
        if end - start < len(word.text)
    }


def split_compounds(words: Sequence[Word], frequencies: Mapping[str, int]) -> tuple[Word, ...]:
    """Return the words of a query with each compound replaced by its parts.

    Args:
        words: the words of a query.
        frequencies: how many index entries each word of the vocabulary has.
    """
    found: list[Word] = []
    for word in words:
        parts = _best_split(word.text, frequencies) if _may_be_compound(word) else ()
        found += [replace(word, text=part) for part in parts] or [word]
    return tuple(found)


def _may_be_compound(word: Word) -> bool:
    return len(word.text) in _COMPOUND_LENGTHS and not word.is_optional


def _best_split(text: str, frequencies: Mapping[str, int]) -> tuple[str, ...]:
    """Return the split of a text into the fewest words of the vocabulary, the most frequent ones among as few."""
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(_SHORTEST_PART, len(text) + 1):
        for start in range(end - _SHORTEST_PART + 1):
            part = text[start:end]
            if start in best and part in frequencies and len(best[start]) < _PARTS_CAP:
                parts = (*best[start], part)
                if end not in best or _cost(parts, frequencies) < _cost(best[end], frequencies):
                    best[end] = parts
    return best.get(len(text), ())


def _cost(parts: tuple[str, ...], frequencies: Mapping[str, int]) -> tuple[int, int]:
    return len(parts), -min(frequencies[part] for part in parts)
