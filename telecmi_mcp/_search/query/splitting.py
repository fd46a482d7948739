"""A word that was written as one, cut into words that contacts have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from telecmi_mcp._search.query.sentences import Word

_SHORTEST, _LONGEST, _PARTS = 2, 24, 4
_SPLIT_FROM = 4


def pieces_of(words: Sequence[Word]) -> set[str]:
    """Give every piece of the words that might be a word by itself."""
    return {
        word.text[start:end]
        for word in words
        if _may_be_split(word)
        for start in range(len(word.text))
        for end in range(start + _SHORTEST, len(word.text) + 1)
        if end - start < len(word.text)
    }


def split(words: Sequence[Word], known: Mapping[str, int]) -> tuple[Word, ...]:
    """Write words that are glued from known ones apart; the same words where none is.

    Args:
        words: the words of a query.
        known: words that contacts have, with how often.
    """
    apart: list[Word] = []
    for word in words:
        parts = _parts(word.text, known) if _may_be_split(word) else ()
        apart += [replace(word, text=part) for part in parts] or [word]
    return tuple(apart)


def _may_be_split(word: Word) -> bool:
    return _SPLIT_FROM <= len(word.text) <= _LONGEST and not word.is_optional


def _parts(text: str, known: Mapping[str, int]) -> tuple[str, ...]:
    """Give the fewest known words that a text is made of, of as few the most usual ones."""
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(_SHORTEST, len(text) + 1):
        for start in range(end - _SHORTEST + 1):
            part = text[start:end]
            if start in best and part in known and len(best[start]) < _PARTS:
                found = (*best[start], part)
                if end not in best or _rank(found, known) < _rank(best[end], known):
                    best[end] = found
    return best.get(len(text), ())


def _rank(parts: tuple[str, ...], known: Mapping[str, int]) -> tuple[int, int]:
    return len(parts), -min(known[part] for part in parts)
