"""How well a contact answers: the words of the query laid beside the words of its fields."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from telecmi_mcp._models import MatchName
from telecmi_mcp._search.fields.index_entries import Field, Fields, Row, field_words
from telecmi_mcp._search.matching.expansion import Asked
from telecmi_mcp._search.matching.word_match import Likeness, Match, likeness_beyond
from telecmi_mcp._search.matching.word_runs import stored_runs
from telecmi_mcp._search.query.parse import Word
from telecmi_mcp._search.text.scripts import FOREIGN, is_syllable

_SCORE = {Field.NAME: 1.0, Field.COMPANY: 0.97, Field.TITLE: 0.96, Field.MAIL: 0.9}
_SCORE_AT = {Field.NAME: 0.88, Field.COMPANY: 1.0, Field.TITLE: 0.95, Field.MAIL: 0.85}
_LEAST = {Field.NAME: 0.0, Field.COMPANY: 0.0, Field.TITLE: 0.8, Field.MAIL: 0.85}
"""The score of a spelling below which a word of a field is another word."""
_COVERAGE_GAIN = {Field.NAME: 0.04, Field.COMPANY: 0.02}
_BESIDE, _BESIDE_GAIN, _EXTRA_GAIN = (1, -1), 0.03, 0.1
_LETTER_WEIGHT = 0.4
_WITHOUT_N_SCORE = 0.8
_OTHER_SCRIPT = 0.015
_REARRANGED = 0.1

MATCH_NAMES: Mapping[Match, MatchName] = {
    Match.EXACT: "exact",
    Match.PREFIX: "prefix",
    Match.FUZZY: "fuzzy",
    Match.PARTIAL: "partial",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A contact and how well it answers; `missing` are the words that it lacks, `fields` where it has the others.

    `more` is how many of the words it has that need not be there, `best` the score of the word that fits best.
    """

    row: Row
    match: Match
    score: float
    missing: tuple[str, ...] = ()
    more: int = 0
    best: float = 1.0
    fields: frozenset[Field] = frozenset()

    @property
    def order(self) -> tuple[int, int, bool, float]:
        """Put full answers before partial ones, exact ones first, and partial ones by how much they have."""
        if self.match is Match.PARTIAL:
            return (True, len(self.missing), Field.NAME not in self.fields, -self.score)
        return (False, -self.more, self.match is not Match.EXACT, -self.score)


class _Pair(NamedTuple):
    """Words of the query, as bits, that stand for words of a field, as bits."""

    score: float
    match: Match
    asked: int
    field: Field
    places: int
    is_initial: bool = False


class Ranking:
    """Grades contacts for one query and remembers how its words compare with others."""

    def __init__(self, words: Sequence[Word], *, with_initials: bool = True) -> None:
        self._words = words
        self._asked = Asked(words, with_initials=with_initials)
        self._required = self._asked.required
        self._is_foreign = any(word.romanised or word.text[:1] >= FOREIGN for word in words)
        self._weights = [_weight_of(word) for word in words]
        self._whole = sum(self._weights)
        self._closely = False
        self._is_at = all(word.of_company for word in words if not word.is_optional)
        self._syllables = "".join(word.text for word in words if is_syllable(word.text))
        self._laid: dict[tuple[Field, tuple[str, ...]], list[_Pair]] = {}
        self.likeness = Likeness(words)

    def look_closer(self) -> None:
        """From now on compare every word with every other, however different they look."""
        self._closely = True
        self.refresh()

    def refresh(self) -> None:
        """Lay words beside each other anew, because more of them have been compared."""
        self._laid.clear()

    def grade(self, row: Row) -> Scored:
        """Give the best way to lay the query beside this contact."""
        fields = field_words(row)
        pairs = self._assigned(fields)
        covered = 0
        total = 0.0
        for pair in pairs:
            covered |= pair.asked
            total += pair.score * self._weight(pair.asked) + _EXTRA_GAIN * bool(pair.asked & ~self._required)
        lacking = self._required & ~covered
        missing = tuple(word.text for place, word in enumerate(self._words) if lacking >> place & 1)
        matches = [pair.match for pair in pairs if pair.asked & self._required]
        match = Match.PARTIAL if missing else max(matches, default=Match.PARTIAL)
        score = total / self._whole + self._gains(fields, [pair for pair in pairs if pair.asked & self._required])
        if (((row.first_name or "") + (row.last_name or ""))[:1] >= FOREIGN) != self._is_foreign:
            score -= _OTHER_SCRIPT
        where = frozenset(pair.field for pair in pairs)
        more = sum(pair.match is Match.EXACT and not pair.asked & self._required for pair in pairs)
        if not missing and self._syllables and _is_rearranged(self._syllables, fields[Field.NAME]):
            match, score = max(match, Match.FUZZY), score - _REARRANGED
        best = max((pair.score for pair in pairs), default=0.0)
        return Scored(row=row, match=match, score=score, missing=missing, more=more, best=best, fields=where)

    def nearness(self, one: Scored) -> float:
        """Say how close a partial answer is: what it has, and how like a name the words are that it lacks."""
        name = field_words(one.row)[Field.NAME]
        like = (max((likeness_beyond(text, word) for word in name), default=0.0) for text in one.missing)
        return one.score + sum(like) / self._whole

    def _weight(self, asked: int) -> float:
        return sum(weight for place, weight in enumerate(self._weights) if asked >> place & 1)

    def _assigned(self, fields: Fields) -> list[_Pair]:
        pairs = [pair for field in Field if fields[field] for pair in self._pairs(field, fields[field])]
        pairs.sort(key=_by_score)
        taken: list[_Pair] = []
        asked = 0
        places = [0, 0, 0, 0]
        for pair in pairs:
            if not pair.asked & asked and not pair.places & places[pair.field]:
                taken.append(pair)
                asked |= pair.asked
                places[pair.field] |= pair.places
        if any(pair.is_initial for pair in taken):
            return self._with_name(taken)
        return taken

    def _with_name(self, pairs: list[_Pair]) -> list[_Pair]:
        """Leave initials of a contact out where no word of the name was asked for: they are anybody's."""
        names = (pair for pair in pairs if pair.field is Field.NAME and not pair.is_initial)
        has_name = any(pair.asked & self._required for pair in names)
        return pairs if has_name else [pair for pair in pairs if not pair.is_initial]

    def _pairs(self, field: Field, words: tuple[str, ...]) -> list[_Pair]:
        known = self._laid.get((field, words))
        if known is None:
            known = self._laid[field, words] = [*self._word_by_word(field, words), *self._by_runs(field, words)]
        return known

    def _word_by_word(self, field: Field, words: tuple[str, ...]) -> Iterator[_Pair]:
        for index, word in enumerate(self._words):
            scale = (_SCORE_AT if word.of_company else _SCORE)[field]
            for place, there in enumerate(words):
                score, match = self.likeness.alike(word.text, there)
                if not score and self._closely:
                    score = self.likeness.compare(word.text, there)
                if match is Match.FUZZY and score < _LEAST[field]:
                    score = 0.0
                if word.of_company and field is Field.NAME and match is not Match.EXACT:
                    continue
                if field is Field.MAIL and match is Match.EXACT:
                    match = Match.PREFIX
                if score:
                    yield _Pair(score * scale, match, 1 << index, field, 1 << place)
                elif field is Field.NAME and (initial := self.likeness.initial(word.text, there)):
                    yield _Pair(initial, Match.PREFIX, 1 << index, field, 1 << place, is_initial=True)

    def _by_runs(self, field: Field, words: tuple[str, ...]) -> Iterator[_Pair]:
        """Lay several words of one side beside one of the other: joined, split, abbreviated."""
        scale = (_SCORE_AT if self._is_at else _SCORE)[field]
        for place, there in enumerate(words):
            for run in self._asked.runs_named(there, field):
                is_initial = field is Field.NAME and run.match is Match.PREFIX
                match = Match.PREFIX if field is Field.MAIL else run.match
                yield _Pair(run.score * scale, match, run.places, field, 1 << place, is_initial)
        for run in stored_runs(words, field):
            for asked in self._asked.places_of(run):
                yield _Pair(run.score * scale, run.match, asked, field, run.places)
            if run.text in self._asked.shortened:
                yield _Pair(_WITHOUT_N_SCORE * scale, Match.FUZZY, self._asked.shortened[run.text], field, run.places)
        for known in self._asked.known_names(words):
            yield _Pair(known.score * scale, known.match, known.asked, field, known.places)

    def _gains(self, fields: Fields, pairs: list[_Pair]) -> float:
        """Prefer a whole name or company to a part of it, and words that stand side by side as they were asked for."""
        gain = 0.0
        covered = sum(pair.asked for pair in pairs) & self._required
        for field, score in _COVERAGE_GAIN.items():
            if pairs and covered == self._required and all(pair.field is field for pair in pairs):
                places = sum(pair.places for pair in pairs)
                gain += score * min(1, places.bit_count() / len(fields[field]))
        in_order = sorted(pairs, key=lambda pair: pair.asked)
        neighbours = sum(
            one.field is two.field and two.places.bit_length() - one.places.bit_length() in _BESIDE
            for one, two in pairwise(in_order)
        )
        if neighbours:
            gain += _BESIDE_GAIN * neighbours / (len(in_order) - 1)
        return gain


def _is_rearranged(asked: str, name: Sequence[str]) -> bool:
    """Tell whether syllables stand in another order than they were asked for, or others between; names may turn."""
    stored = "".join(word for word in name if is_syllable(word))
    return bool(stored) and asked not in stored + stored


def _weight_of(word: Word) -> float:
    if word.is_optional:
        return 0.0
    return _LETTER_WEIGHT if len(word.text) == 1 else 1.0


def _by_score(pair: _Pair) -> tuple[float, int, int]:
    return -pair.score, -pair.asked.bit_count(), pair.places
