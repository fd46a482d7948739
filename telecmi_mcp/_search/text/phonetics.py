"""Phonetic forms and phonetic keys of words, for the spellings of Indian names.

They ignore voicing, aspiration, the kind of sibilants and the length of vowels, on which Indian spellings differ and
which Tamil does not write. So Laxmi equals Lakshmi, Karthick Kartik, and Chaudhary has the key of Chowdhury.
"""

import re
from functools import lru_cache

_VOWELS = "aeiouy"
_CONSONANTS = {
    "dny": "ky", "jny": "ky", "jn": "ky", "ksh": "ks", "chh": "s", "tch": "s", "sch": "s",
    "ch": "s", "sh": "s", "jh": "s", "z": "s", "j": "s",
    "kh": "k", "gh": "k", "ck": "k", "g": "k", "q": "k", "h": "k", "x": "ks",
    "th": "t", "dh": "t", "d": "t",
    "ph": "p", "bh": "p", "b": "p", "f": "p",
    "zh": "l", "lh": "l", "rh": "r", "wh": "v", "w": "v",
}  # fmt: skip
_CONSONANT = re.compile("|".join([*sorted(_CONSONANTS, key=len, reverse=True), "c"]))
_FRONT_VOWELS = frozenset("eiy")
"""Vowels before which the letter c is a sibilant."""
_DIPHTHONGS = {"eo": "ev", "ew": "yu"}
_DIPHTHONG = re.compile("(?:au|ou|ow|aw|ao|ew)(?![aeiou])|eo$")
_VOWEL_RUN = re.compile(f"(?<!^)[{_VOWELS}]+|^[aeiou][{_VOWELS}]*")
_DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=16384)
def phonetic_form(word: str) -> str:
    """Return the consonant classes of a word and its vowels in three classes, such as `savturi` for Chowdhury.

    Args:
        word: a folded, romanised word. Characters other than a to z are not changed.
    """
    form = _DIPHTHONG.sub(lambda match: _DIPHTHONGS.get(match.group(), "av"), word)
    form = _CONSONANT.sub(_consonant_class, form)
    form = _VOWEL_RUN.sub(lambda match: _vowel_class(match.group()), form)
    return _DOUBLED.sub(r"\1", form)


def _consonant_class(match: re.Match[str]) -> str:
    letters = match.group()
    if letters == "c":
        return "s" if match.string[match.end() : match.end() + 1] in _FRONT_VOWELS else "k"
    return _CONSONANTS[letters]


def _vowel_class(run: str) -> str:
    if any(char in run for char in "eiy"):
        return "i"
    return "u" if "o" in run or "u" in run else "a"


@lru_cache(maxsize=16384)
def phonetic_key(word: str) -> str:
    """Return the consonants of a word's phonetic form, with "a" before them if it starts with a vowel.

    Args:
        word: a folded, romanised word.
    """
    form = phonetic_form(word)
    consonants = "".join(char for char in form if char not in "aiu").replace("m", "n")
    return ("a" if form[:1] in ("a", "i", "u") else "") + _DOUBLED.sub(r"\1", consonants)
