"""Text as it is compared: case, width, accents and invisible characters do not count.

Category Mn is deliberately not stripped: the vowel signs of Indic scripts are Mn, and without them the words are gone.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from telecmi_mcp._search.text.native import normalised
from telecmi_mcp._search.text.scripts import Script, script_of
from telecmi_mcp._search.text.transliterate import latin

TEXT_CAP = 400
"""Characters of one field that are looked at; names and queries end long before."""

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
_PLAIN = re.compile(r"[a-z0-9]+")
_KEPT = frozenset((Script.HAN, Script.HANGUL, Script.NATIVE))


def fold(text: str) -> str:
    """Remove every difference that a reader would not call a difference in spelling.

    Idempotent; never raises, whatever the string holds (lone surrogates included).
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
def words(text: str) -> tuple[str, ...]:
    """Split a text into folded words, in their order.

    Words of most scripts come in Latin letters; those of scripts that write few vowels stay as they are, and every Han
    character and Hangul syllable is a word.

    Args:
        text: anything; what lies beyond `TEXT_CAP` characters is ignored.
    """
    folded = _APOSTROPHES.sub("", fold(text[:TEXT_CAP]))
    if folded.isascii():
        return tuple(_PLAIN.findall(folded))
    return tuple(word for piece in _pieces(folded) for word in _cut(piece))


def _pieces(folded: str) -> list[str]:
    """Split at everything that is no letter, digit or mark."""
    return "".join(char if script_of(char) is not Script.NONE else " " for char in folded).split()


def _cut(piece: str) -> Iterator[str]:
    """Cut a piece into its scripts; what is written in Latin letters in the end stays one word."""
    glued = ""
    for script, run in groupby(piece, key=script_of):
        letters = "".join(run)
        if script in _KEPT:
            if glued:
                yield glued
                glued = ""
            yield from letters if script is not Script.NATIVE else (normalised(letters),)
        else:
            glued += letters if script is Script.LATIN else latin(letters, script)
    if glued:
        yield glued
