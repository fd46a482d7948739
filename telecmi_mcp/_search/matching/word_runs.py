"""Words of a contact that stand together, as one word of a query may name them: joined, read, abbreviated."""

from functools import lru_cache
from typing import NamedTuple

from telecmi_mcp._search.fields.abbreviations import company_initials, name_initials, title_initials
from telecmi_mcp._search.fields.index_entries import Field
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.text.readings import runs_read

_JOINED_SCORE, _READ_SCORE, _ABBREVIATED_SCORE, _INITIALS_SCORE = 0.98, 0.95, 0.95, 0.8
_LONGEST = 4


class Run(NamedTuple):
    """What a run of words is called, their places as bits, and whether each of them is one letter, as in P & G."""

    text: str
    places: int
    score: float
    match: Match
    is_spelt: bool = False


@lru_cache(maxsize=4096)
def stored_runs(words: tuple[str, ...], field: Field) -> tuple[Run, ...]:
    """Give what the runs of a field's words may be called by one word."""
    if len(words) < 2 and words[0].isascii():  # noqa: PLR2004 - one word is no run
        return ()
    everything = (1 << len(words)) - 1
    found = [
        Run(joined, _bits(start, end), _JOINED_SCORE, _joined_match(words[start:end]), len(joined) == end - start)
        for start in range(len(words))
        for end in range(start + 2, min(len(words), start + _LONGEST) + 1)
        for joined in ["".join(words[start:end])]
    ]
    found += [Run(said, _bits(*ends), _READ_SCORE, Match.FUZZY) for said, *ends in runs_read(words)]
    if field is Field.NAME:
        found += [Run(said, _bits(*ends), _INITIALS_SCORE, Match.PREFIX) for said, *ends in name_initials(words)]
    elif field is Field.COMPANY:
        found += [Run(said, everything, _ABBREVIATED_SCORE, Match.EXACT) for said in company_initials(words)]
    elif field is Field.TITLE:
        found += [Run(said, _bits(*ends), _ABBREVIATED_SCORE, Match.EXACT) for said, *ends in title_initials(words)]
    return tuple(dict.fromkeys(found))


def _joined_match(some: tuple[str, ...]) -> Match:
    """Tell what it is to name words as one: a name with an initial glued to it is not the name."""
    letters = [len(word) == 1 for word in some if word.isascii()]
    return Match.PREFIX if any(letters) and not all(letters) else Match.EXACT


def _bits(start: int, end: int) -> int:
    return (1 << end) - (1 << start)
