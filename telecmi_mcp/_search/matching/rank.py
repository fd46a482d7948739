"""Scores how well a contact matches a query, by assigning the words of the query to words of its fields.

Sets of words are bit masks: bit n is the word with the index n, in the query or in a field.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from telecmi_mcp._models import MatchName
from telecmi_mcp._search.fields.index_entries import Field, Fields, Row, field_words
from telecmi_mcp._search.matching.expansion import QueryExpansion
from telecmi_mcp._search.matching.word_match import Match, WordMatcher, partial_similarity
from telecmi_mcp._search.matching.word_runs import may_have_runs, stored_runs
from telecmi_mcp._search.query.parse import Word
from telecmi_mcp._search.text.scripts import FIRST_NON_LATIN, is_syllable

_FIELDS = tuple(Field)
_FIELD_WEIGHT = {Field.NAME: 1.0, Field.COMPANY: 0.97, Field.TITLE: 0.96, Field.MAIL: 0.9}
_FIELD_WEIGHT_OF_COMPANY_WORD = {Field.NAME: 0.88, Field.COMPANY: 1.0, Field.TITLE: 0.95, Field.MAIL: 0.85}
_MIN_FUZZY_SCORE = {Field.NAME: 0.0, Field.COMPANY: 0.0, Field.TITLE: 0.8, Field.MAIL: 0.85}
"""Similarity below which a word of the field is a different word."""
_COVERAGE_GAIN = {Field.NAME: 0.04, Field.COMPANY: 0.02}
"""Gain of a query whose words are all words of the field."""
_ADJACENT, _ADJACENCY_GAIN, _OPTIONAL_GAIN = (1, -1), 0.03, 0.1
_TWO = 2
_LETTER_WEIGHT = 0.4
_WITHOUT_N_SCORE = 0.8
_OTHER_SCRIPT_PENALTY = 0.015
_REORDERED_PENALTY = 0.1

MATCH_NAMES: Mapping[Match, MatchName] = {
    Match.EXACT: "exact",
    Match.PREFIX: "prefix",
    Match.FUZZY: "fuzzy",
    Match.PARTIAL: "partial",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A contact and its score.

    Attributes:
        row: The contact.
        match: The kind of the match.
        score: The score, which orders matches of one kind.
        missing: The required words that the contact lacks.
        optional_count: The number of optional words that the contact has exactly.
        best_word_score: The highest score of one word.
        fields: The fields in which words of the query were found.
    """

    row: Row
    match: Match
    score: float
    missing: tuple[str, ...] = ()
    optional_count: int = 0
    best_word_score: float = 1.0
    fields: frozenset[Field] = frozenset()

    @property
    def order(self) -> tuple[int, int, bool, float]:
        """Sort key: full matches first, then exact ones; partial matches by the number of missing words."""
        if self.match is Match.PARTIAL:
            return (True, len(self.missing), Field.NAME not in self.fields, -self.score)
        return (False, -self.optional_count, self.match is not Match.EXACT, -self.score)


class _Pair(NamedTuple):
    """Words of the query that match words of a field."""

    score: float
    match: Match
    query_mask: int
    field: Field
    field_mask: int
    is_initial: bool = False


class Ranking:
    """Scores contacts for one query, and caches the comparisons of its words.

    Attributes:
        matcher: Compares the words of the query with words of contacts.
    """

    def __init__(self, words: Sequence[Word], *, with_initials: bool = True) -> None:
        self._words = words
        self._expansion = QueryExpansion(words, with_initials=with_initials)
        self._required_mask = self._expansion.required_mask
        self._is_non_latin = any(word.romanised or word.text[:1] >= FIRST_NON_LATIN for word in words)
        self._weights = [_weight_of(word) for word in words]
        self._total_weight = sum(self._weights)
        self._mask_weights: dict[int, float] = {}
        self._compares_all = False
        self._names_only_company = all(word.of_company for word in words if not word.is_optional)
        self._syllables = "".join(word.text for word in words if is_syllable(word.text))
        self._pairs: dict[tuple[Field, tuple[str, ...]], list[_Pair]] = {}
        self.matcher = WordMatcher(words)

    def compare_all(self) -> None:
        """Compare the spellings of all words from now on, without a preselection of similar words."""
        self._compares_all = True
        self.clear()

    def clear(self) -> None:
        """Discard the cached pairs, because the matcher has compared more words since."""
        self._pairs.clear()

    def score(self, row: Row) -> Scored:
        """Return the contact with the score of the best assignment of the query's words."""
        fields = field_words(row)
        pairs = self._assign(fields)
        required = [pair for pair in pairs if pair.query_mask & self._required_mask]
        missing = self._missing(pairs)
        match = Match.PARTIAL if missing else max((pair.match for pair in required), default=Match.PARTIAL)
        score = self._weighted_mean(pairs) + self._gains(fields, required)
        if (((row.first_name or "") + (row.last_name or ""))[:1] >= FIRST_NON_LATIN) != self._is_non_latin:
            score -= _OTHER_SCRIPT_PENALTY
        if not missing and self._syllables and _are_reordered(self._syllables, fields[Field.NAME]):
            match, score = max(match, Match.FUZZY), score - _REORDERED_PENALTY
        return Scored(
            row=row,
            match=match,
            score=score,
            missing=missing,
            optional_count=sum(
                pair.match is Match.EXACT and not pair.query_mask & self._required_mask for pair in pairs
            ),
            best_word_score=max((pair.score for pair in pairs), default=0.0),
            fields=frozenset(pair.field for pair in pairs),
        )

    def _missing(self, pairs: list[_Pair]) -> tuple[str, ...]:
        mask = self._required_mask
        for pair in pairs:
            mask &= ~pair.query_mask
        return tuple(word.text for index, word in enumerate(self._words) if mask >> index & 1) if mask else ()

    def _weighted_mean(self, pairs: list[_Pair]) -> float:
        total = 0.0
        for pair in pairs:
            has_optional = bool(pair.query_mask & ~self._required_mask)
            total += pair.score * self._weight(pair.query_mask) + _OPTIONAL_GAIN * has_optional
        return total / self._total_weight

    def partial_score(self, partial: Scored) -> float:
        """Return the score of a partial match, plus the similarity of its missing words to the contact's name."""
        name = field_words(partial.row)[Field.NAME]
        similarities = (max((partial_similarity(text, word) for word in name), default=0.0) for text in partial.missing)
        return partial.score + sum(similarities) / self._total_weight

    def _weight(self, query_mask: int) -> float:
        weight = self._mask_weights.get(query_mask)
        if weight is None:
            weight = sum(weight for index, weight in enumerate(self._weights) if query_mask >> index & 1)
            self._mask_weights[query_mask] = weight
        return weight

    def _assign(self, fields: Fields) -> list[_Pair]:
        """Return the assignment of the query's words to words of the fields, the highest scores first (greedy)."""
        pairs = [
            pair for field, words in zip(_FIELDS, fields, strict=True) if words for pair in self._pairs_in(field, words)
        ]
        pairs.sort(key=_assignment_order)
        assigned: list[_Pair] = []
        query_mask = 0
        field_masks = [0, 0, 0, 0]
        for pair in pairs:
            if not pair.query_mask & query_mask and not pair.field_mask & field_masks[pair.field]:
                assigned.append(pair)
                query_mask |= pair.query_mask
                field_masks[pair.field] |= pair.field_mask
        if any(pair.is_initial for pair in assigned):
            return self._without_lone_initials(assigned)
        return assigned

    def _without_lone_initials(self, pairs: list[_Pair]) -> list[_Pair]:
        """Remove matches of initials if no other word of the name matches, because many names have these initials."""
        names = (pair for pair in pairs if pair.field is Field.NAME and not pair.is_initial)
        has_name = any(pair.query_mask & self._required_mask for pair in names)
        return pairs if has_name else [pair for pair in pairs if not pair.is_initial]

    def _pairs_in(self, field: Field, words: tuple[str, ...]) -> list[_Pair]:
        pairs = self._pairs.get((field, words))
        if pairs is None:
            pairs = self._pairs[field, words] = [*self._word_pairs(field, words), *self._run_pairs(field, words)]
        return pairs

    def _word_pairs(self, field: Field, words: tuple[str, ...]) -> Iterator[_Pair]:
        """Yield the matches of one word of the query with one word of a field."""
        for index, word in enumerate(self._words):
            weight = (_FIELD_WEIGHT_OF_COMPANY_WORD if word.of_company else _FIELD_WEIGHT)[field]
            for place, stored in enumerate(words):
                score, match = self.matcher.match(word.text, stored)
                if not score and self._compares_all:
                    score = self.matcher.fuzzy_score(word.text, stored)
                if match is Match.FUZZY and score < _MIN_FUZZY_SCORE[field]:
                    score = 0.0
                if word.of_company and field is Field.NAME and match is not Match.EXACT:
                    continue
                if field is Field.MAIL and match is Match.EXACT:
                    match = Match.PREFIX
                if score:
                    yield _Pair(score * weight, match, 1 << index, field, 1 << place)
                elif field is Field.NAME and (initial_score := self.matcher.initial_score(word.text, stored)):
                    yield _Pair(initial_score, Match.PREFIX, 1 << index, field, 1 << place, is_initial=True)

    def _run_pairs(self, field: Field, words: tuple[str, ...]) -> Iterator[_Pair]:
        """Yield the matches of several words, in the query or in a field, with one word: joined or abbreviated."""
        weight = (_FIELD_WEIGHT_OF_COMPANY_WORD if self._names_only_company else _FIELD_WEIGHT)[field]
        for place, stored in enumerate(words):
            for run in self._expansion.runs_of(stored, field):
                is_initial = field is Field.NAME and run.match is Match.PREFIX
                match = Match.PREFIX if field is Field.MAIL else run.match
                yield _Pair(run.score * weight, match, run.mask, field, 1 << place, is_initial)
        for run in stored_runs(words, field) if may_have_runs(words, self._expansion.first_letters) else ():
            for query_mask in self._expansion.masks_of(run):
                yield _Pair(run.score * weight, run.match, query_mask, field, run.mask)
            if run.text in self._expansion.without_n:
                query_mask = self._expansion.without_n[run.text]
                yield _Pair(_WITHOUT_N_SCORE * weight, Match.FUZZY, query_mask, field, run.mask)
        for found in self._expansion.short_name_matches(words):
            yield _Pair(found.score * weight, found.match, found.query_mask, field, found.field_mask)

    def _gains(self, fields: Fields, pairs: list[_Pair]) -> float:
        """Return the gains of a query that covers a whole field, and of words that are adjacent in both."""
        gain = 0.0
        covered = sum(pair.query_mask for pair in pairs) & self._required_mask
        for field, field_gain in _COVERAGE_GAIN.items():
            if pairs and covered == self._required_mask and all(pair.field is field for pair in pairs):
                field_mask = sum(pair.field_mask for pair in pairs)
                gain += field_gain * min(1, field_mask.bit_count() / len(fields[field]))
        if len(pairs) < _TWO:
            return gain
        in_order = sorted(pairs, key=lambda pair: pair.query_mask)
        adjacent = sum(
            one.field is two.field and two.field_mask.bit_length() - one.field_mask.bit_length() in _ADJACENT
            for one, two in pairwise(in_order)
        )
        return gain + _ADJACENCY_GAIN * adjacent / (len(in_order) - 1)


def _are_reordered(syllables: str, name: Sequence[str]) -> bool:
    """Return whether syllables of a query are not consecutive in a name, also after a swap of its two parts."""
    stored = "".join(word for word in name if is_syllable(word))
    return bool(stored) and syllables not in stored + stored


def _weight_of(word: Word) -> float:
    if word.is_optional:
        return 0.0
    return _LETTER_WEIGHT if len(word.text) == 1 else 1.0


def _assignment_order(pair: _Pair) -> tuple[float, int, int]:
    return -pair.score, -pair.query_mask.bit_count(), pair.field_mask
