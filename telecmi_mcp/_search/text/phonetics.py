"""How a word sounds, with everything left out that Indian spellings do not agree about.

Voicing, aspiration, the kinds of sibilants and the length of vowels vanish (Tamil writes none of them): Laxmi is
Lakshmi, Karthick is Kartik, Chaudhary is Chowdhury.
"""

import re
from functools import lru_cache

_VOWELS = "aeiouy"
_SOUNDS = {
    "dny": "ky", "jny": "ky", "jn": "ky", "ksh": "ks", "chh": "s", "tch": "s", "sch": "s",
    "ch": "s", "sh": "s", "jh": "s", "z": "s", "j": "s",
    "kh": "k", "gh": "k", "ck": "k", "g": "k", "q": "k", "h": "k", "x": "ks",
    "th": "t", "dh": "t", "d": "t",
    "ph": "p", "bh": "p", "b": "p", "f": "p",
    "zh": "l", "lh": "l", "rh": "r", "wh": "v", "w": "v",
}  # fmt: skip
_SOUND = re.compile("|".join([*sorted(_SOUNDS, key=len, reverse=True), "c"]))
_SOFTENING = frozenset("eiy")
_GLIDES = {"eo": "ev", "ew": "yu"}
_GLIDE = re.compile("(?:au|ou|ow|aw|ao|ew)(?![aeiou])|eo$")
_VOWEL_RUN = re.compile(f"(?<!^)[{_VOWELS}]+|^[aeiou][{_VOWELS}]*")
_DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=16384)
def sound(word: str) -> str:
    """Give a word's sound with its vowels in three classes, such as `savtari` for Chowdhury.

    Args:
        word: a folded, romanised word; letters outside a-z stay as they are.
    """
    said = _GLIDE.sub(lambda match: _GLIDES.get(match.group(), "av"), word)
    said = _SOUND.sub(_sounded, said)
    said = _VOWEL_RUN.sub(lambda match: _vowel(match.group()), said)
    return _DOUBLED.sub(r"\1", said)


def _sounded(match: re.Match[str]) -> str:
    letters = match.group()
    if letters == "c":
        return "s" if match.string[match.end() : match.end() + 1] in _SOFTENING else "k"
    return _SOUNDS[letters]


def _vowel(run: str) -> str:
    if any(char in run for char in "eiy"):
        return "i"
    return "u" if "o" in run or "u" in run else "a"


@lru_cache(maxsize=16384)
def key(word: str) -> str:
    """Give the consonants of a word's sound; only words with the same key are compared."""
    said = sound(word)
    bare = "".join(char for char in said if char not in "aiu").replace("m", "n")
    return ("a" if said[:1] in ("a", "i", "u") else "") + _DOUBLED.sub(r"\1", bare)
