"""Similarity of two words, from 0 to 1: the better of their spelling and their phonetic forms."""

import math
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from telecmi_mcp._search.text.phonetics import phonetic_form

_LENGTH_CAP = 32
"""Letters of the longest word that is compared."""
_DOUBLING_COST, _TRANSPOSITION_COST = 0.5, 0.8
_VOWEL_GAP_COST, _VOWEL_SUBSTITUTION_COST = 0.5, 0.3
PHONETIC_SCORE = 0.92
"""Similarity of words with the same phonetic form and different spellings."""
_MIN_SPELLING = 0.34
"""Minimum similarity of the spellings of two words with similar phonetic forms."""
_PHONETIC_SLACK = 0.1
MAX_INEXACT_SCORE = 0.98
"""Maximum similarity of two different words."""
_BOTH_WEIGHT = 0.04
"""Weight of the worse of the two similarities, which ranks words that are similar in both."""


@lru_cache(maxsize=16384)
def letter_bits(word: str) -> int:
    """Return the set of a word's letters as bits, which a filter compares in one operation."""
    bits = 0
    for char in word:
        bits |= 1 << (ord(char) & 31)
    return bits


_VOWEL_BITS = letter_bits("aiu")


class _Profile(NamedTuple):
    """What the filters compare.

    Attributes:
        bits: The letters of the word, as bits.
        form: The phonetic form of the word.
        consonant_bits: The consonants of the phonetic form, as bits.
        has_vowel: Whether the phonetic form has a vowel.
        consonants: The consonants of the phonetic form, in their order.
    """

    bits: int
    form: str
    consonant_bits: int
    has_vowel: bool
    consonants: str


@lru_cache(maxsize=16384)
def profile(word: str) -> _Profile:
    """Return what the filters compare of a word."""
    form = phonetic_form(word)
    bits = letter_bits(form)
    consonants = form.replace("a", "").replace("i", "").replace("u", "")
    return _Profile(letter_bits(word), form, bits & ~_VOWEL_BITS, bool(bits & _VOWEL_BITS), consonants)


def similarity(one: str, other: str, *, least: float, phonetic_score: float = PHONETIC_SCORE) -> float:
    """Return the similarity of two different words. A similarity below `least` may be returned as 0.

    Args:
        one: a folded, romanised word.
        other: another such word.
        least: the lowest similarity that the caller needs.
        phonetic_score: the similarity of words with the same phonetic form and different spellings.
    """
    longest = max(len(one), len(other))
    if longest > _LENGTH_CAP or abs(len(one) - len(other)) * 2 > longest:
        return 0.0
    profile_one, profile_other = profile(one), profile(other)
    phonetic = _phonetic_similarity(profile_one, profile_other, least)
    least_spelling = least if phonetic < least else min(least, _MIN_SPELLING)
    max_distance = (1 - least_spelling) * longest
    if phonetic < 1 and _differ_by_more(profile_one.bits, profile_other.bits, max_distance):
        return 0.0
    spelling = max(0.0, 1 - spelling_distance(one, other, max_distance=max_distance) / longest)
    if spelling < least_spelling and phonetic < 1:
        return 0.0
    score = max(spelling, phonetic * phonetic_score) + _BOTH_WEIGHT * min(spelling, phonetic)
    return min(score, MAX_INEXACT_SCORE)


def is_dissimilar(one: str, other: str, *, least: float) -> bool:
    """Return True if neither the letters of two words nor their phonetic forms allow the similarity `least`.

    It is a fast filter, which most pairs of words do not pass.
    """
    profile_one, profile_other = profile(one), profile(other)
    if profile_one.form == profile_other.form:
        return False
    max_distance = (1 - least) * max(len(one), len(other))
    if not _differ_by_more(profile_one.bits, profile_other.bits, max_distance):
        return False
    max_distance = (1 - least) * max(len(profile_one.form), len(profile_other.form)) + _PHONETIC_SLACK
    return _differ_by_more(profile_one.consonant_bits, profile_other.consonant_bits, max_distance)


def _differ_by_more(one: int, other: int, limit: float) -> bool:
    """Return whether one of two sets of letters has more than `limit` letters that the other lacks."""
    return (one & ~other).bit_count() > limit or (other & ~one).bit_count() > limit


def _phonetic_similarity(one: _Profile, other: _Profile, least: float) -> float:
    if one.form == other.form:
        return 1.0
    longest = max(len(one.form), len(other.form))
    max_distance = (1 - least) * longest
    if not one.has_vowel or not other.has_vowel or (max_distance < 1 and one.consonants != other.consonants):
        return 0.0
    if _differ_by_more(one.consonant_bits, other.consonant_bits, max_distance):
        return 0.0
    return max(0.0, 1 - phonetic_distance(one.form, other.form, max_distance=max_distance) / longest)


def spelling_distance(one: str, other: str, *, max_distance: float) -> float:
    """Return the weighted edit distance of two words, with transpositions; infinity beyond `max_distance`.

    Transposed and doubled letters cost less than other edits, because these errors are frequent.
    """
    start, shortest = 0, min(len(one), len(other))
    while start < shortest and one[start] == other[start]:
        start += 1
    before_previous: list[float] = []
    previous = [0.0, *accumulate(deletion_costs(other)[start:])]
    for index in range(start, len(one)):
        row = _next_row(one, other, index, previous, before_previous)
        if min(row) > max_distance and min(previous) > max_distance:
            return math.inf
        previous, before_previous = row, previous
    return previous[-1]


def _next_row(one: str, other: str, index: int, previous: list[float], before_previous: list[float]) -> list[float]:
    """Return the row of the edit matrix for `one[index]`. The columns are the last letters of `other`."""
    char, deletion_cost, insertion_costs = one[index], deletion_costs(one)[index], deletion_costs(other)
    start = len(other) - len(previous) + 1
    cost = previous[0] + deletion_cost
    row = [cost]
    for column, diagonal in enumerate(previous[:-1]):
        at = start + column
        if char == other[at]:
            cost = diagonal
        else:
            cost = min(diagonal + 1, previous[column + 1] + deletion_cost, cost + insertion_costs[at])
            if before_previous and column and char == other[at - 1] and one[index - 1] == other[at]:
                cost = min(cost, before_previous[column - 1] + _TRANSPOSITION_COST)
        row.append(cost)
    return row


@lru_cache(maxsize=16384)
def deletion_costs(word: str) -> tuple[float, ...]:
    """Return the cost of deleting each letter of a word."""
    return tuple(_DOUBLING_COST if index and word[index - 1] == char else 1.0 for index, char in enumerate(word))


def phonetic_distance(one: str, other: str, *, max_distance: float) -> float:
    """Return the edit distance of two phonetic forms; infinity beyond `max_distance`. Vowels cost less."""
    one, other = _without_common_ends(one, other)
    insertion_costs = [_VOWEL_GAP_COST if char in "aiu" else 1.0 for char in other]
    row = [0.0, *accumulate(insertion_costs)]
    for char in one:
        is_vowel = char in "aiu"
        deletion_cost = _VOWEL_GAP_COST if is_vowel else 1.0
        previous, cost = row, row[0] + deletion_cost
        row = [cost]
        for column, other_char in enumerate(other):
            substitution = previous[column]
            if char != other_char:
                substitution += _VOWEL_SUBSTITUTION_COST if is_vowel and insertion_costs[column] < 1 else 1.0
            cost = min(cost + insertion_costs[column], substitution, previous[column + 1] + deletion_cost)
            row.append(cost)
        if min(row) > max_distance:
            return math.inf
    return row[-1]


def _without_common_ends(one: str, other: str) -> tuple[str, str]:
    """Return two words without their common prefix and their common suffix."""
    start, shortest = 0, min(len(one), len(other))
    while start < shortest and one[start] == other[start]:
        start += 1
    end, shortest = 0, shortest - start
    while end < shortest and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]
