"""Compares one word of a query with one word of a contact."""

from collections.abc import Sequence
from enum import IntEnum

from telecmi_mcp._search.data.honorifics import HONORIFIC_SUFFIXES
from telecmi_mcp._search.data.name_forms import PARTICLE_PREFIXES
from telecmi_mcp._search.fields.synonyms import nicknames, spelling_variants
from telecmi_mcp._search.matching.similarity import MAX_INEXACT_SCORE, PHONETIC_SCORE, is_dissimilar, similarity
from telecmi_mcp._search.query.parse import Word
from telecmi_mcp._search.text.abjads import latin_pattern
from telecmi_mcp._search.text.readings import readings
from telecmi_mcp._search.text.scripts import is_abjad

_ONLY_PREFIX_SCORE, _LAST_PREFIX_SCORE = 0.94, 0.85
_PREFIX_SCORE, _PREFIX_GAIN, _INITIAL_SCORE = 0.8, 0.1, 0.8
_VARIANT_SCORE, _NICKNAME_SCORE, _READING_SCORE, _AFFIX_SCORE = 0.97, 0.88, 0.96, 0.93
_ABJAD_SCORE, _STORED_INITIAL_SCORE = 0.93, 0.62
_ROMANISED_PHONETIC_SCORE = 0.98
_MIN_PARTIAL_SCORE = 0.5
_MIN_SCORE = 0.75
"""Similarity below which a word is a different word."""
_DISTINCTIVE_LENGTH = 4
"""Letters of the shortest word that may have an affix, or rank a partial answer."""


_SHORT = 3
"""Letters of a word that is too short to be compared with much longer ones by its sound."""


class Match(IntEnum):
    """Kinds of matches, best first."""

    EXACT = 0
    PREFIX = 1
    FUZZY = 2
    PARTIAL = 3


WordScore = tuple[float, Match]
"""The score of a match, from 0 (no match) to 1, and its kind."""
_NO_MATCH: WordScore = (0.0, Match.FUZZY)


class WordMatcher:
    """Compares the words of one query with words of contacts, and caches the results."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._last = words[-1].text if words else ""
        self._is_only = len(words) == 1
        self._by_text = {word.text: word for word in words}
        self._fuzzily_compared: set[tuple[str, str]] = set()
        self._scores: dict[tuple[str, str], WordScore] = {}
        self._synonym_scores: dict[str, dict[str, WordScore]] = {}

    def match(self, word: str, stored: str) -> WordScore:
        """Return the score of a query's word and a contact's word, without a comparison of their spellings.

        The result includes the similarity of the spellings if `fuzzy_score` has compared them before.
        """
        score = self._scores.get((word, stored))
        if score is None:
            score = self._scores[word, stored] = self._match(word, stored)
        return score

    def fuzzy_score(self, word: str, stored: str, *, least: float = 0.0) -> float:
        """Return the score of two words, with a comparison of their spellings, and store it for `match`."""
        score = self.match(word, stored)[0]
        if not score and (word, stored) not in self._fuzzily_compared:
            self._fuzzily_compared.add((word, stored))
            score = _fuzzy_score(self._by_text[word], stored, least)
            self._scores[word, stored] = score, Match.FUZZY
        return score

    def candidate_score(self, word: str, stored: str, *, least: float) -> float:
        """Return the score of a candidate from the index, without a comparison of spellings that are dissimilar.

        The score of a dissimilar synonym is 0, unless it starts with the same two letters.
        """
        is_latin = word.isascii() and stored.isascii()
        if is_latin and is_dissimilar(word, stored, least=max(least, _MIN_SCORE)):
            return self.match(word, stored)[0] if stored[:2] == word[:2] else 0.0
        return self.fuzzy_score(word, stored, least=least) or self.match(word, stored)[0]

    def initial_score(self, word: str, stored: str) -> float:
        """Return the score of a query's name and a contact's initial."""
        return _STORED_INITIAL_SCORE if len(stored) == 1 and len(word) > 1 and word[0] == stored else 0.0

    def _match(self, word: str, stored: str) -> WordScore:
        if word == stored:
            return 1.0, Match.EXACT
        if synonym_score := self._synonyms(word).get(stored):
            return synonym_score
        if not (word.isascii() and stored.isascii()):
            return _match_across_scripts(word, stored)
        if stored.startswith(word):
            return self._match_prefix(word, stored)
        if word.startswith(stored) or word.endswith(stored) or stored.endswith(word):
            has_affix = _differ_by_affix(word, stored) or _differ_by_affix(stored, word)
            return (_AFFIX_SCORE, Match.EXACT) if has_affix else _NO_MATCH
        return _NO_MATCH

    def _synonyms(self, word: str) -> dict[str, WordScore]:
        scores = self._synonym_scores.get(word)
        if scores is None:
            scores = dict.fromkeys(nicknames(word), (_NICKNAME_SCORE, Match.FUZZY))
            scores |= dict.fromkeys(spelling_variants(word), (_VARIANT_SCORE, Match.EXACT))
            self._synonym_scores[word] = scores
        return scores

    def _match_prefix(self, word: str, stored: str) -> WordScore:
        if len(word) == 1:
            return _INITIAL_SCORE, Match.PREFIX
        if stored[len(word) :] in HONORIFIC_SUFFIXES:
            return _AFFIX_SCORE, Match.EXACT
        least = _LAST_PREFIX_SCORE if word == self._last else _PREFIX_SCORE
        if self._is_only:
            least = _ONLY_PREFIX_SCORE
        return least + min(_PREFIX_GAIN, MAX_INEXACT_SCORE - least) * len(word) / len(stored), Match.PREFIX


def _match_across_scripts(word: str, stored: str) -> WordScore:
    forms = {word, *readings(word)}
    forms.update(variant for form in tuple(forms) for variant in spelling_variants(form))
    if not forms.isdisjoint((*readings(stored), stored)):
        return _READING_SCORE, Match.EXACT
    if stored.startswith(word):
        return _PREFIX_SCORE, Match.PREFIX
    if is_abjad(word) == is_abjad(stored):
        return _NO_MATCH
    abjad, latin = (word, stored) if is_abjad(word) else (stored, word)
    if len(latin) > 1 and latin.isascii() and latin_pattern(abjad).fullmatch(latin):
        return _ABJAD_SCORE, Match.FUZZY
    return _NO_MATCH


def partial_similarity(word: str, stored: str) -> float:
    """Return the similarity of two words that do not match. It only ranks partial answers."""
    is_short = len(word) < _DISTINCTIVE_LENGTH or len(stored) < _DISTINCTIVE_LENGTH
    if is_short or not (word.isascii() and stored.isascii()):
        return 0.0
    return similarity(word, stored, least=_MIN_PARTIAL_SCORE)


def _differ_by_affix(short: str, long: str) -> bool:
    """Return whether the longer word only adds a particle before or an honorific after: O'Brien, Ramnikbhai."""
    if len(short) < _DISTINCTIVE_LENGTH or len(long) <= len(short):
        return False
    if long.endswith(short):
        return long[: -len(short)] in PARTICLE_PREFIXES
    return long.startswith(short) and long[len(short) :] in HONORIFIC_SUFFIXES


def _fuzzy_score(word: Word, stored: str, least: float) -> float:
    if len(word.text) == 1 or len(stored) == 1:
        return 0.0
    if len(word.text) <= _SHORT and abs(len(word.text) - len(stored)) > 1:
        return 0.0  # SBI and Sofia have the same consonants, but nobody writes one for the other
    least = max(least, _MIN_SCORE)
    phonetic_score = _ROMANISED_PHONETIC_SCORE if word.romanised else PHONETIC_SCORE
    score = similarity(word.text, stored, least=least, phonetic_score=phonetic_score)
    return score if score >= least else 0.0
