"""Romanises nine Indic scripts with one table.

Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada and Malayalam have nine consecutive Unicode
blocks of 128 code points. All follow the ISCII layout: the same offset is the same sound.
Source: The Unicode Standard, chapter 12.
"""

import re

_BLOCK = 0x80
_FIRST, _LAST = 0x0900, 0x0D7F
_DEVANAGARI, _BENGALI, _GURMUKHI, _GUJARATI, _ODIA, _TAMIL, _TELUGU, _, _MALAYALAM = range(9)
_DROPS_FINAL_A = frozenset({_DEVANAGARI, _BENGALI, _GURMUKHI, _GUJARATI})
"""Scripts whose languages drop the inherent vowel at the end of a word."""

_ANUSVARA = frozenset({0x01, 0x02, 0x70})
_NUKTA, _VIRAMA = 0x3C, 0x4D
_LABIALS = range(0x2A, 0x2F)
_DIGITS = range(0x66, 0x70)

_INDEPENDENT_VOWELS = dict(
    zip(
        range(0x04, 0x15),
        ["a", "a", "a", "i", "i", "u", "u", "ri", "li", "e", "e", "e", "ai", "o", "o", "o", "au"],
        strict=True,
    )
) | {0x60: "ri", 0x61: "li", 0x72: "a"}
_VOWEL_SIGNS = dict(
    zip(range(0x3E, 0x4D), ["a", "i", "i", "u", "u", "ri", "ri", "e", "e", "e", "ai", "o", "o", "o", "au"], strict=True)
) | {0x57: "au", 0x62: "li", 0x63: "li"}
_CONSONANTS = dict(
    zip(
        range(0x15, 0x3A),
        "k kh g gh ng ch chh j jh n t th d dh n t th d dh n n p ph b bh m y r r l l zh v sh sh s h".split(),  # noqa: SIM905 - a row of 37 letters reads better than a list
        strict=True,
    )
) | {0x58: "k", 0x59: "kh", 0x5A: "g", 0x5B: "z", 0x5C: "r", 0x5D: "rh", 0x5E: "f", 0x5F: "y"}
_WITH_NUKTA = {0x15: "k", 0x1C: "z", 0x21: "r", 0x22: "rh", 0x2B: "f", 0x2F: "y", 0x38: "sh"}
_SCRIPT_SPECIFIC = {
    (_BENGALI, 0x4E): "t",  # khanda ta
    (_BENGALI, 0x70): "ra",
    (_BENGALI, 0x71): "va",
    (_GURMUKHI, 0x71): "",  # addak doubles the next consonant; doubling is ignored
    (_GURMUKHI, 0x72): "i",
    (_GURMUKHI, 0x73): "u",
    (_ODIA, 0x71): "va",
    (_MALAYALAM, 0x54): "m",
    (_MALAYALAM, 0x55): "y",
    (_MALAYALAM, 0x56): "zh",
    (_MALAYALAM, 0x7A): "n",  # the chillus: consonants without a vowel
    (_MALAYALAM, 0x7B): "n",
    (_MALAYALAM, 0x7C): "r",
    (_MALAYALAM, 0x7D): "l",
    (_MALAYALAM, 0x7E): "l",
    (_MALAYALAM, 0x7F): "k",
}
_LONGEST_WITH_FINAL_A = 2
"""Latin letters of the longest word that keeps a final "a", such as "na"."""
_WORD = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]+")


def romanise(text: str) -> str:
    """Return a text with its Indic words in Latin letters and all other characters unchanged.

    Args:
        text: folded text. NFKC gives each letter one encoding.
    """
    return _WORD.sub(lambda match: _word(match.group()), text)


def _word(word: str) -> str:
    script = (ord(word[0]) - _FIRST) // _BLOCK
    offsets = [(ord(char) - _FIRST) % _BLOCK for char in word]
    romanised = "".join(_letter(script, offsets, index) for index in range(len(offsets)))
    if script == _TAMIL:
        romanised = romanised.replace("tch", "ksh")
    if script in _DROPS_FINAL_A and _ends_in_single_consonant(offsets) and len(romanised) > _LONGEST_WITH_FINAL_A:
        return romanised.removesuffix("a")
    return romanised


def _ends_in_single_consonant(offsets: list[int]) -> bool:
    """Return whether a word ends in one consonant. After two, as in Chandra, the inherent vowel is spoken."""
    letters = offsets[:-1] if offsets[-1] == _NUKTA else offsets
    return letters[-1:] != [] and letters[-1] in _CONSONANTS and letters[-2:-1] != [_VIRAMA]


def _letter(script: int, offsets: list[int], index: int) -> str:
    offset = offsets[index]
    if (script, offset) in _SCRIPT_SPECIFIC:
        return _SCRIPT_SPECIFIC[script, offset]
    if offset in _CONSONANTS:
        return _consonant(offsets, index)
    if offset in _ANUSVARA:
        return "m" if index + 1 == len(offsets) or offsets[index + 1] in _LABIALS else "n"
    if offset in _DIGITS:
        return str(offset - _DIGITS.start)
    return _INDEPENDENT_VOWELS.get(offset) or _VOWEL_SIGNS.get(offset, "")


def _consonant(offsets: list[int], index: int) -> str:
    following = offsets[index + 1 :]
    letters = _CONSONANTS[offsets[index]]
    if following[:1] == [_NUKTA]:
        letters = _WITH_NUKTA.get(offsets[index], letters)
        following = following[1:]
    has_vowel_sign = following and (following[0] == _VIRAMA or following[0] in _VOWEL_SIGNS)
    return letters if has_vowel_sign else letters + "a"
