"""Folds text and splits it into words, so that case, width, accents and invisible characters do not matter.

Characters of the category Mn are kept: it includes the vowel signs of Indic scripts, which distinguish words.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from telecmi_mcp._search.text.abjads import normalise_letters
from telecmi_mcp._search.text.scripts import Script, script_of
from telecmi_mcp._search.text.transliterate import transliterate

TEXT_CAP = 400
"""Maximum number of characters of a text that are read. Names and queries are shorter."""

_ACCENTS = dict.fromkeys(range(0x0300, 0x0370))
_DROPPED = dict.fromkeys(
    [
        *(0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),  # soft hyphen, grapheme joiner, marks of direction, byte order mark
        *range(0x200B, 0x2010),  # joiners and marks of direction
        *range(0x202A, 0x202F),  # embeddings and overrides
        *range(0x2060, 0x2070),  # invisible operators and isolates
        *range(0xFE00, 0xFE10),  # variation selectors
        *range(0xD800, 0xE000),  # surrogates
        *range(0xE0000, 0xE0200),  # tags and more variation selectors
    ]
)
_EXPANDED = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ĸ": "k",
        "ŋ": "n",
        "ŧ": "t",
        "ƒ": "f",
        "ə": "e",
    }
)
_APOSTROPHES = re.compile(r"(?<=\w)['`\u00b4\u02b9\u02bb-\u02bd\u2018\u2019\u201b\u2032](?=\w)")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_NOT_TRANSLITERATED = frozenset((Script.HAN, Script.HANGUL, Script.ABJAD))


def fold(text: str) -> str:
    """Return a text without differences that are not differences in spelling: case, width, accents, ligatures.

    The function is idempotent. It accepts every string, also one with lone surrogates.
    """
    if text.isascii():
        return text.lower()
    text = text.translate(_DROPPED)
    while (folded := _fold_once(text)) != text:
        text = folded
    return text


def _fold_once(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().translate(_DROPPED)
    text = unicodedata.normalize("NFD", text).translate(_ACCENTS).translate(_EXPANDED)
    return unicodedata.normalize("NFKC", text)


@lru_cache(maxsize=4096)
def tokenize(text: str) -> tuple[str, ...]:
    """Return the folded words of a text, in their order.

    Words of most scripts are transliterated into Latin letters. Words in Arabic, Hebrew and Thai letters are not. Each
    Han character and each Hangul syllable is a word.

    Args:
        text: any text. Only the first `TEXT_CAP` characters are read.
    """
    folded = _APOSTROPHES.sub("", fold(text[:TEXT_CAP]))
    if folded.isascii():
        return tuple(_ASCII_WORD.findall(folded))
    return tuple(word for run in _alphanumeric_runs(folded) for word in _words_of(run))


def _alphanumeric_runs(folded: str) -> list[str]:
    """Split a text at each character that is not a letter, a digit or a mark."""
    return "".join(char if script_of(char) is not Script.NONE else " " for char in folded).split()


def _words_of(run: str) -> Iterator[str]:
    """Split a run at changes of script; consecutive parts that are Latin after transliteration are one word."""
    latin = ""
    for script, group in groupby(run, key=script_of):
        letters = "".join(group)
        if script in _NOT_TRANSLITERATED:
            if latin:
                yield latin
                latin = ""
            yield from letters if script is not Script.ABJAD else (normalise_letters(letters),)
        else:
            latin += letters if script is Script.LATIN else transliterate(letters, script)
    if latin:
        yield latin
