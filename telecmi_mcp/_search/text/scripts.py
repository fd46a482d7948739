"""Which script a letter belongs to, as far as the search treats scripts differently."""

from enum import Enum
from functools import lru_cache
from unicodedata import category

FOREIGN = "\u0370"
"""The first letter of the scripts that are not Latin."""


class Script(Enum):
    """How the words of a script are cut and compared."""

    LATIN = "letters and digits that are compared as they are"
    INDIC = "nine scripts with one layout, written in Latin letters by one table"
    SINHALA = "written in Latin letters, with the vowel that consonants carry"
    ALPHABET = "written in Latin letters, letter by letter"
    NATIVE = "scripts that write few vowels: the words stay, and are compared with Latin ones by pattern"
    HAN = "every character is a word, with readings"
    HANGUL = "every syllable is a word, with readings"
    KANA = "written in Latin letters, a run is a word"
    NONE = "no part of a word"


_RANGES = (
    (0x0590, 0x05FF, Script.NATIVE),
    (0x0600, 0x06FF, Script.NATIVE),
    (0x0750, 0x077F, Script.NATIVE),
    (0x0900, 0x0D7F, Script.INDIC),
    (0x0D80, 0x0DFF, Script.SINHALA),
    (0x0E00, 0x0E7F, Script.NATIVE),
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
    """Give the script of a folded character."""
    if char.isascii():
        return Script.LATIN if char.isalnum() else Script.NONE
    code = ord(char)
    for first, last, script in _RANGES:
        if first <= code <= last:
            return script if _is_letter(char) else Script.NONE
    return Script.ALPHABET if _is_letter(char) else Script.NONE


def _is_letter(char: str) -> bool:
    return char.isalnum() or category(char)[0] == "M" or char == "\N{KATAKANA-HIRAGANA PROLONGED SOUND MARK}"


def is_native(word: str) -> bool:
    """Tell whether a word stayed in a script that writes few vowels."""
    return not word.isascii() and script_of(word[0]) is Script.NATIVE


def is_syllable(word: str) -> bool:
    """Tell whether a word is one Han character or one Hangul syllable."""
    return len(word) == 1 and not word.isascii() and script_of(word) in (Script.HAN, Script.HANGUL)
