"""Single words that a query may have for consecutive words of a field: joined, read or abbreviated."""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NamedTuple

from telecmi_mcp._search.fields.abbreviations import company_initials, name_initials, title_initials
from telecmi_mcp._search.fields.index_entries import Field
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.text.readings import kanji_readings

_JOINED_SCORE, _READ_SCORE, _ABBREVIATED_SCORE, _INITIALS_SCORE = 0.98, 0.95, 0.95, 0.8
_JOINED_CAP = 4
"""Maximum number of words that are joined."""


class Run(NamedTuple):
    """One word that stands for a run of words.

    Attributes:
        text: The one word.
        mask: The indexes of the words of the run, as bits.
        score: The score of a match.
        match: The kind of a match.
        is_letters: True if each word of the run is one letter, as in P & G.
    """

    text: str
    mask: int
    score: float
    match: Match
    is_letters: bool = False


def may_have_runs(words: tuple[str, ...], first_letters: AbstractSet[str]) -> bool:
    """Return whether a run of a field's words can begin with one of the letters; this is cheaper than its runs.

    A run begins with the first letter of one of its words, or with "n" for "and". A reading begins with any letter.
    """
    return any(word[0] in first_letters or word == "and" or not word.isascii() for word in words)


@lru_cache(maxsize=4096)
def stored_runs(words: tuple[str, ...], field: Field) -> tuple[Run, ...]:
    """Return the single words that may stand for runs of a field's words."""
    if len(words) < 2 and words[0].isascii():  # noqa: PLR2004 - one word is not a run
        return ()
    all_words = (1 << len(words)) - 1
    found = [
        Run(joined, _mask(start, end), _JOINED_SCORE, _joined_match(words[start:end]), len(joined) == end - start)
        for start in range(len(words))
        for end in range(start + 2, min(len(words), start + _JOINED_CAP) + 1)
        for joined in ["".join(words[start:end])]
    ]
    found += [Run(text, _mask(*ends), _READ_SCORE, Match.FUZZY) for text, *ends in kanji_readings(words)]
    if field is Field.NAME:
        found += [Run(text, _mask(*ends), _INITIALS_SCORE, Match.PREFIX) for text, *ends in name_initials(words)]
    elif field is Field.COMPANY:
        found += [Run(text, all_words, _ABBREVIATED_SCORE, Match.EXACT) for text in company_initials(words)]
    elif field is Field.TITLE:
        found += [Run(text, _mask(*ends), _ABBREVIATED_SCORE, Match.EXACT) for text, *ends in title_initials(words)]
    return tuple(dict.fromkeys(found))


def _joined_match(words: tuple[str, ...]) -> Match:
    """Return the kind of a match with the joined words: `PREFIX` for a name joined with an initial, else `EXACT`."""
    is_letter = [len(word) == 1 for word in words if word.isascii()]
    return Match.PREFIX if any(is_letter) and not all(is_letter) else Match.EXACT


def _mask(start: int, end: int) -> int:
    return (1 << end) - (1 << start)
