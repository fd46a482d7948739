"""How well a contact answers: the words of the query laid beside the words of its fields."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, pairwise
from typing import NamedTuple

from telecmi_mcp._models import MatchName
from telecmi_mcp._search.document import Field, Row, abbreviations, field_words
from telecmi_mcp._search.query import Word
from telecmi_mcp._search.romanise import is_indic
from telecmi_mcp._search.similarity import BEST_INEXACT, SOUND_WORTH, similarity

_WORTH = {Field.NAME: 1.0, Field.COMPANY: 0.97, Field.TITLE: 0.96}
_WORTH_AT = {Field.NAME: 0.95, Field.COMPANY: 1.0, Field.TITLE: 0.95}
_ONLY_PREFIX_WORTH, _LAST_PREFIX_WORTH = 0.94, 0.85
_PREFIX_WORTH, _PREFIX_GAIN, _INITIAL_WORTH, _ABBREVIATION_WORTH = 0.8, 0.1, 0.8, 0.9
_COVERAGE_GAIN = {Field.NAME: 0.04, Field.COMPANY: 0.02}
_BESIDE, _BESIDE_GAIN, _EXTRA_GAIN = (1, -1), 0.03, 0.1
_ROMANISED_WORTH = 0.98
_LETTER_WEIGHT = 0.4
_OTHER_SCRIPT = 0.015
_SHORT, _LEAST, _LEAST_SHORT = 4, 0.66, 0.6


class Match(IntEnum):
    """The kinds of answers, best first."""

    EXACT = 0
    PREFIX = 1
    FUZZY = 2
    PARTIAL = 3


MATCH_NAMES: Mapping[Match, MatchName] = {
    Match.EXACT: "exact",
    Match.PREFIX: "prefix",
    Match.FUZZY: "fuzzy",
    Match.PARTIAL: "partial",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Graded:
    """A contact with the worth of its answer."""

    row: Row
    match: Match
    score: float


class _Pair(NamedTuple):
    worth: float
    match: Match
    asked: int
    field: Field
    place: int


class Ranking:
    """Grades contacts for one query and remembers how its words compare with others."""

    def __init__(self, words: Sequence[Word], *, extras: Sequence[Word]) -> None:
        self._words = words
        self._extras = {word.text for word in extras}
        self._indic = any(word.romanised for word in words)
        self._by_text = {word.text: word for word in words}
        self._weights = [_LETTER_WEIGHT if len(word.text) == 1 else 1.0 for word in words]
        self._closely = False
        self._compared: set[tuple[str, str]] = set()
        self._laid: dict[tuple[Field, tuple[str, ...]], list[_Pair]] = {}
        self._alike: dict[tuple[str, str], tuple[float, Match]] = {}

    def look_closer(self) -> None:
        """From now on compare every word with every other, however different they look."""
        self._closely = True
        self._laid.clear()

    def grade(self, row: Row) -> Graded:
        """Give the best way to lay the query beside this contact."""
        fields = field_words(row)
        pairs = self._assigned(fields)
        worth = sum(pair.worth * self._weights[pair.asked] for pair in pairs) / sum(self._weights)
        complete = len(pairs) == len(self._words)
        match = max((pair.match for pair in pairs), default=Match.PARTIAL) if complete else Match.PARTIAL
        score = worth + self._gains(fields, pairs)
        if is_indic((row.first_name or "") + (row.last_name or "")) != self._indic:
            score -= _OTHER_SCRIPT
        return Graded(row=row, match=match, score=score)

    def alike(self, asked: str, word: str) -> tuple[float, Match]:
        """Compare a word that was asked for with one that is there: a worth from 0 to 1, and the kind."""
        known = self._alike.get((asked, word))
        if known is None:
            known = self._alike[asked, word] = self._begins(asked, word)
        return known

    def compare(self, asked: str, word: str, *, least: float = 0.0) -> float:
        """Compare two words however different they look, and remember it for the grading."""
        worth = self.alike(asked, word)[0]
        if not worth and (asked, word) not in self._compared:
            self._compared.add((asked, word))
            worth = _compare(self._by_text[asked], word, least)
            self._alike[asked, word] = worth, Match.FUZZY
        return worth

    def _begins(self, asked: str, word: str) -> tuple[float, Match]:
        if asked == word:
            return 1.0, Match.EXACT
        if not word.startswith(asked):
            return 0.0, Match.FUZZY
        if len(asked) == 1:
            return _INITIAL_WORTH, Match.PREFIX
        least = _LAST_PREFIX_WORTH if asked == self._words[-1].text else _PREFIX_WORTH
        if len(self._words) == 1:
            least = _ONLY_PREFIX_WORTH
        return least + min(_PREFIX_GAIN, BEST_INEXACT - least) * len(asked) / len(word), Match.PREFIX

    def _assigned(self, fields: tuple[tuple[str, ...], ...]) -> list[_Pair]:
        pairs = [pair for field in Field for pair in self._pairs(field, fields[field])]
        pairs.sort(key=_by_worth)
        taken: list[_Pair] = []
        asked: set[int] = set()
        slots: set[tuple[Field, int]] = set()
        for pair in pairs:
            if pair.asked not in asked and (pair.field, pair.place) not in slots:
                taken.append(pair)
                asked.add(pair.asked)
                slots.add((pair.field, pair.place))
        return taken

    def _pairs(self, field: Field, words: tuple[str, ...]) -> list[_Pair]:
        known = self._laid.get((field, words))
        if known is None:
            known = self._laid[field, words] = list(self._laid_out(field, words))
        return known

    def _laid_out(self, field: Field, words: tuple[str, ...]) -> Iterator[_Pair]:
        shorts = frozenset(abbreviations(words)) if field else frozenset()
        for index, word in enumerate(self._words):
            scale = (_WORTH_AT if word.of_company else _WORTH)[field]
            for place, there in enumerate(words):
                worth, match = self.alike(word.text, there)
                if not worth and self._closely:
                    worth = self.compare(word.text, there)
                if worth:
                    yield _Pair(worth * scale, match, index, field, place)
            if word.text in shorts:
                yield _Pair(_ABBREVIATION_WORTH * scale, Match.PREFIX, index, field, -1)

    def _gains(self, fields: tuple[tuple[str, ...], ...], pairs: list[_Pair]) -> float:
        """Prefer a whole name or company to a part of it, and words that stand side by side as they were asked for."""
        gain = 0.0
        for field, worth in _COVERAGE_GAIN.items():
            if pairs and all(pair.field is field for pair in pairs) and len(pairs) == len(self._words):
                gain += worth * min(1, len(pairs) / len(fields[field]))
        in_order = sorted(pairs, key=lambda pair: pair.asked)
        neighbours = sum(one.field is two.field and two.place - one.place in _BESIDE for one, two in pairwise(in_order))
        if neighbours:
            gain += _BESIDE_GAIN * neighbours / (len(self._words) - 1)
        if self._extras:
            gain += _EXTRA_GAIN * len(self._extras.intersection(chain.from_iterable(fields)))
        return gain


def _compare(asked: Word, word: str, least: float) -> float:
    if len(asked.text) == 1 or len(word) == 1:
        return 0.0
    least = max(least, _LEAST_SHORT if max(len(asked.text), len(word)) <= _SHORT else _LEAST)
    sound_worth = _ROMANISED_WORTH if asked.romanised else SOUND_WORTH
    worth = similarity(asked.text, word, least=least, sound_worth=sound_worth)
    return worth if worth >= least else 0.0


def _by_worth(pair: _Pair) -> tuple[float, int]:
    return -pair.worth, pair.place
