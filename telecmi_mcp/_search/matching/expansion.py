"""Where a query's words are expanded: what else each of them, and what several of them together, may be called."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from telecmi_mcp._search.data.company_names import KNOWN
from telecmi_mcp._search.data.honorifics import NO_NAMES
from telecmi_mcp._search.data.kanji import KANJI
from telecmi_mcp._search.data.legal_forms import SMALL_WORDS, TRAILING
from telecmi_mcp._search.fields.abbreviations import letters_of
from telecmi_mcp._search.fields.index_entries import ABBREVIATION, INITIAL, INITIALS, Field
from telecmi_mcp._search.fields.synonyms import same, short_names
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.matching.word_runs import Run
from telecmi_mcp._search.query.parse import Word
from telecmi_mcp._search.text.readings import readings

_JOINED_SCORE, _ABBREVIATED_SCORE, _INITIALS_SCORE, _KNOWN_SCORE = 0.98, 0.95, 0.75, 0.95
_LONGEST_JOIN, _LONGEST_ABBREVIATION = 4, 8
_READINGS_CAP = 12
_FEW = 2
_ALL_SCORE = 0.7
"""Score of first letters of the whole query: they may be anybody's."""


class KnownRun(NamedTuple):
    """A company's well-known short name: words of the query and of the field, as bits."""

    asked: int
    places: int
    score: float
    match: Match


class Asked:
    """The words of a query by all that they may be called together."""

    def __init__(self, words: Sequence[Word], *, with_initials: bool = True) -> None:
        self._texts = tuple(word.text for word in words)
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, text in enumerate(self._texts):
            self._places[text].append(1 << place)
        self.shortened = {_without_n(text): 1 << place for place, text in enumerate(self._texts) if _without_n(text)}
        self.required = sum(1 << place for place, word in enumerate(words) if not word.is_optional)
        sides = _sides(words)
        self.joined = {text: places for side in sides for text, places in _joined(self._texts, side)}
        self.initials = {
            text: places
            for side in sides
            if with_initials
            for text, places in _initials(self._texts, side, self.required)
        }
        self.known = _known_shorts(self._texts)

    def places_of(self, run: Run) -> Sequence[int]:
        """Give the words, as bits, that are what a run is called, alone, joined, or by their first letters."""
        if run.text in self._places:
            return self._places[run.text]
        if run.text in self.joined:
            return (self.joined[run.text],)
        return (self.initials[run.text],) if run.is_spelt and run.text in self.initials else ()

    def runs_named(self, word: str, field: Field) -> Iterator[Run]:
        """Give the runs of the query's words that one word of a contact stands for."""
        if word in self.joined:
            yield Run(word, self.joined[word], _JOINED_SCORE, Match.EXACT)
        if word in self.initials and field is not Field.MAIL:
            if field is Field.NAME:
                yield Run(word, self.initials[word], _INITIALS_SCORE, Match.PREFIX)
            else:
                is_all = not self.required & ~self.initials[word]
                yield Run(
                    word,
                    self.initials[word],
                    *((_ALL_SCORE, Match.FUZZY) if is_all else (_ABBREVIATED_SCORE, Match.EXACT)),
                )
        if word in self.known:
            yield Run(word, self.known[word], _KNOWN_SCORE, Match.EXACT)

    def known_names(self, words: Sequence[str]) -> Iterator[KnownRun]:
        """Give the words of a field that a well-known short name in the query stands for."""
        for place, text in enumerate(self._texts):
            for names in KNOWN.get(text, ()):
                if names.issubset(words):
                    places = sum(1 << at for at, word in enumerate(words) if word in names)
                    yield KnownRun(1 << place, places, _KNOWN_SCORE, Match.EXACT)

    def alternatives(self) -> list[set[str]]:
        """Give, for each word, the entries by which an index finds it or what it is called together with others."""
        found = [_alone(text) for text in self._texts]
        for names in (self.joined, self.initials):
            for text, places in names.items():
                self._add(found, places, (text, ABBREVIATION + text))
        for text, places in self.known.items():
            self._add(found, places, (text,))
        return found

    def _add(self, found: list[set[str]], places: int, entries: Sequence[str]) -> None:
        for place in range(len(found)):
            if places >> place & 1:
                found[place].update(entries)


def _sides(words: Sequence[Word]) -> list[range]:
    """Give the places of the words before an "at", and of those behind it; an "of" may be within a name."""
    for place in range(1, len(words)):
        before = words[place - 1]
        if words[place].of_company and not before.of_company and before.text not in SMALL_WORDS:
            return [range(place), range(place, len(words))]
    return [range(len(words))]


def _alone(text: str) -> set[str]:
    found = {text, ABBREVIATION + text, ABBREVIATION + _without_n(text), *same(text), *short_names(text)}
    found.update(each for said in readings(text) for each in (said, *same(said)))
    found.update(max(names, key=len) for names in KNOWN.get(text, ()))
    if len(text) in INITIALS:
        found.add(INITIAL + text)
    return found


def _joined(texts: Sequence[str], side: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Give what words that stand together are when they are written as one, or read so.

    Args:
        texts: all words.
        side: the places of those before an "at", or of those behind it.
    """
    for start in side:
        for end in range(start + 1, min(side[-1] + 1, start + _LONGEST_JOIN) + 1):
            some, places = texts[start:end], (1 << end) - (1 << start)
            if len(some) > 1:
                yield "".join(some), places
            if not any(text.isascii() for text in some):
                yield from ((said, places) for said in _read(some))


def _read(some: Sequence[str]) -> Iterator[str]:
    yield from KANJI.get("".join(some), ())
    choices = [readings(text)[:2] or (text,) for text in some]
    if len(some) > 1:
        for _, said in zip(range(_READINGS_CAP), product(*choices), strict=False):
            yield "".join(said)


def _initials(texts: Sequence[str], side: Sequence[int], required: int) -> Iterator[tuple[str, int]]:
    """Give the first letters of words that stand together; two of them never stand for the whole query."""
    for start in side:
        for end in range(start + 2, min(side[-1] + 1, start + _LONGEST_ABBREVIATION) + 1):
            some, places = texts[start:end], (1 << end) - (1 << start)
            is_bounded = required >> start & 1 and (required >> end - 1 & 1 or some[-1] in TRAILING)
            if not is_bounded or any(len(text) == 1 for text in some):
                continue
            small = [text for text in some if text not in SMALL_WORDS]
            for letters in {letters_of(some), letters_of(small)}:
                if letters in NO_NAMES:
                    continue
                if len(letters) > _FEW or (len(letters) == _FEW and required & ~places):
                    yield letters, places


def _without_n(text: str) -> str:
    """Give what "dnz" is without the n that stands for "and"."""
    return text[:1] + text[2:] if len(text) == len("dnz") and text[1] == "n" else ""


def _known_shorts(texts: Sequence[str]) -> dict[str, int]:
    """Give the well-known short names of companies whose words are all in the query."""
    found: dict[str, int] = {}
    for text in texts:
        for short, names in _shorts_by_word().get(text, ()):
            if names.issubset(texts):
                found[short] = sum(1 << place for place, each in enumerate(texts) if each in names)
    return found


@lru_cache(maxsize=1)
def _shorts_by_word() -> dict[str, list[tuple[str, frozenset[str]]]]:
    by_word: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for short, several in KNOWN.items():
        for names in several:
            for name in names:
                by_word[name].append((short, names))
    return dict(by_word)
