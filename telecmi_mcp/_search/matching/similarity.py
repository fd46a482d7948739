"""How alike two words are, from 0 to 1: the better of their letters and their sounds."""

import math
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from telecmi_mcp._search.text.phonetics import sound

_LONGEST = 32
_DOUBLING, _SWAP = 0.5, 0.8
_VOWEL_GAP, _VOWEL_CHANGE = 0.5, 0.3
SOUND_SCORE = 0.92
_LEAST_SPELT = 0.34
_SOUND_SLACK = 0.1
BEST_INEXACT = 0.98


@lru_cache(maxsize=16384)
def letters(word: str) -> int:
    """Give the set of a word's letters as bits, for a filter that costs one operation."""
    bits = 0
    for char in word:
        bits |= 1 << (ord(char) & 31)
    return bits


_VOWEL_BITS = letters("aiu")


class _Profile(NamedTuple):
    """What is compared first of a word: its letters as bits, its sound, and that one's consonants."""

    bits: int
    said: str
    consonants: int
    has_vowel: bool
    skeleton: str


@lru_cache(maxsize=16384)
def profile(word: str) -> _Profile:
    """Give what is compared first of a word."""
    said = sound(word)
    bits = letters(said)
    skeleton = said.replace("a", "").replace("i", "").replace("u", "")
    return _Profile(letters(word), said, bits & ~_VOWEL_BITS, bool(bits & _VOWEL_BITS), skeleton)


def similarity(one: str, other: str, *, least: float, sound_score: float = SOUND_SCORE) -> float:
    """Compare two different words; what would come out below `least` may come out as 0.

    Args:
        one: a folded, romanised word.
        other: another.
        least: the least similarity that the caller needs.
        sound_score: the similarity of two words that sound alike and are spelt differently.
    """
    longest = max(len(one), len(other))
    if longest > _LONGEST or abs(len(one) - len(other)) * 2 > longest:
        return 0.0
    ones, others = profile(one), profile(other)
    heard = _heard(ones, others, least)
    lowest = least if heard < least else min(least, _LEAST_SPELT)
    most = (1 - lowest) * longest
    if heard < 1:
        missing, more = ones.bits & ~others.bits, others.bits & ~ones.bits
        if missing.bit_count() > most or more.bit_count() > most:
            return 0.0
    spelt = max(0.0, 1 - spelling_distance(one, other, most=most) / longest)
    if spelt < lowest and heard < 1:
        return 0.0
    return min(max(spelt, heard * sound_score) + 0.04 * min(spelt, heard), BEST_INEXACT)


def is_out_of_reach(one: str, other: str, *, least: float) -> bool:
    """Tell cheaply, for most pairs of words, that neither their letters nor their sounds can be so similar."""
    longest = max(len(one), len(other))
    ones, others = profile(one), profile(other)
    if ones.said == others.said:
        return False
    most = (1 - least) * longest
    missing, more = ones.bits & ~others.bits, others.bits & ~ones.bits
    if missing.bit_count() <= most and more.bit_count() <= most:
        return False
    most = (1 - least) * max(len(ones.said), len(others.said)) + _SOUND_SLACK
    missing, more = ones.consonants & ~others.consonants, others.consonants & ~ones.consonants
    return missing.bit_count() > most or more.bit_count() > most


def _heard(one: _Profile, other: _Profile, least: float) -> float:
    if one.said == other.said:
        return 1.0
    longest = max(len(one.said), len(other.said))
    most = (1 - least) * longest
    if not one.has_vowel or not other.has_vowel or (most < 1 and one.skeleton != other.skeleton):
        return 0.0
    missing, more = one.consonants & ~other.consonants, other.consonants & ~one.consonants
    if missing.bit_count() > most or more.bit_count() > most:
        return 0.0
    return max(0.0, 1 - sound_distance(one.said, other.said, most=most) / longest)


def spelling_distance(one: str, other: str, *, most: float) -> float:
    """Count the edits between two words, as infinite beyond `most`.

    Swapped and doubled letters cost less than wrong ones: that is how hands and spellings err.
    """
    start, shortest = 0, min(len(one), len(other))
    while start < shortest and one[start] == other[start]:
        start += 1
    above: list[float] = []
    before = [0.0, *accumulate(gaps(other)[start:])]
    for down in range(start, len(one)):
        row = _next_row(one, other, down, before, above)
        if min(row) > most and min(before) > most:
            return math.inf
        before, above = row, before
    return before[-1]


def _next_row(one: str, other: str, down: int, before: list[float], above: list[float]) -> list[float]:
    char, gap, costs = one[down], gaps(one)[down], gaps(other)
    start = len(other) - len(before) + 1
    last = before[0] + gap
    row = [last]
    for column, diagonal in enumerate(before[:-1]):
        across = start + column
        if char == other[across]:
            last = diagonal
        else:
            last = min(diagonal + 1, before[column + 1] + gap, last + costs[across])
            if above and column and char == other[across - 1] and one[down - 1] == other[across]:
                last = min(last, above[column - 1] + _SWAP)
        row.append(last)
    return row


@lru_cache(maxsize=16384)
def gaps(word: str) -> tuple[float, ...]:
    """Give what leaving out each letter of a word costs."""
    return tuple(_DOUBLING if place and word[place - 1] == char else 1.0 for place, char in enumerate(word))


def sound_distance(one: str, other: str, *, most: float) -> float:
    """Count the edits between two sounds, as infinite beyond `most`; vowels cost less than consonants."""
    one, other = _differing(one, other)
    gaps = [_VOWEL_GAP if char in "aiu" else 1.0 for char in other]
    row = [0.0, *accumulate(gaps)]
    for char in one:
        vowel = char in "aiu"
        down = _VOWEL_GAP if vowel else 1.0
        before, last = row, row[0] + down
        row = [last]
        for column, against in enumerate(other):
            last += gaps[column]
            across = before[column] + (0.0 if char == against else _VOWEL_CHANGE if vowel and gaps[column] < 1 else 1.0)
            last = min(last, across, before[column + 1] + down)
            row.append(last)
        if min(row) > most:
            return math.inf
    return row[-1]


def _differing(one: str, other: str) -> tuple[str, str]:
    """Take off what two words begin and end with alike."""
    start, shortest = 0, min(len(one), len(other))
    while start < shortest and one[start] == other[start]:
        start += 1
    end, shortest = 0, shortest - start
    while end < shortest and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]
