"""Classifies characters into the groups of scripts that the search processes in different ways."""

from enum import Enum
from functools import lru_cache
from unicodedata import category

FIRST_NON_LATIN = "\u0370"
"""The lowest character of scripts other than Latin."""


class Script(Enum):
    """Groups of scripts, by how their text is split into words and compared."""

    LATIN = "ASCII letters and digits, compared without transliteration"
    INDIC = "nine scripts with one layout, romanised with one table"
    SINHALA = "transliterated, with the inherent vowel of consonants"
    ALPHABET = "transliterated letter by letter"
    ABJAD = "Arabic, Hebrew and Thai: words are kept, and match Latin words by a pattern of their consonants"
    HAN = "each character is a word, with readings"
    HANGUL = "each syllable is a word, with readings"
    KANA = "transliterated; a run is a word"
    NONE = "not part of a word"


_RANGES = (
    (0x0590, 0x05FF, Script.ABJAD),
    (0x0600, 0x06FF, Script.ABJAD),
    (0x0750, 0x077F, Script.ABJAD),
    (0x0900, 0x0D7F, Script.INDIC),
    (0x0D80, 0x0DFF, Script.SINHALA),
    (0x0E00, 0x0E7F, Script.ABJAD),
    (0x2E80, 0x2FDF, Script.HAN),
    (0x3005, 0x3007, Script.HAN),
    (0x3041, 0x30FF, Script.KANA),
    (0x3400, 0x4DBF, Script.HAN),
    (0x4E00, 0x9FFF, Script.HAN),
    (0xAC00, 0xD7A3, Script.HANGUL),
    (0xF900, 0xFAFF, Script.HAN),
    (0x20000, 0x323AF, Script.HAN),
)


@lru_cache(maxsize=4096)
def script_of(char: str) -> Script:
    """Return the script of a folded character."""
    if char.isascii():
        return Script.LATIN if char.isalnum() else Script.NONE
    code = ord(char)
    for first, last, script in _RANGES:
        if first <= code <= last:
            return script if _is_letter(char) else Script.NONE
    return Script.ALPHABET if _is_letter(char) else Script.NONE


def _is_letter(char: str) -> bool:
    return char.isalnum() or category(char)[0] == "M" or char == "\N{KATAKANA-HIRAGANA PROLONGED SOUND MARK}"


def is_abjad(word: str) -> bool:
    """Return whether a word is in the Arabic, Hebrew or Thai script, which the search treats as abjads."""
    return not word.isascii() and script_of(word[0]) is Script.ABJAD


def is_syllable(word: str) -> bool:
    """Return whether a word is one Han character or one Hangul syllable."""
    return len(word) == 1 and not word.isascii() and script_of(word) in (Script.HAN, Script.HANGUL)
