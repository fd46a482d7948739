"""Transliterates Cyrillic, Greek, Armenian, Georgian, Sinhala, kana and other scripts into Latin letters."""

import re

from telecmi_mcp._search.text.romanise import romanise
from telecmi_mcp._search.text.scripts import Script

_GREEK = (("ου", "ou"), ("γκ", "gk"), ("χ", "kh"), ("υι", "yi"))
_GREEK_START = (("μπ", "b"), ("ντ", "d"))
_SINHALA_CONSONANTS = range(0x0D9A, 0x0DC7)
_SINHALA_VOWEL_SIGNS = frozenset(map(chr, (0x0DCA, *range(0x0DCF, 0x0DE0), 0x0DF2, 0x0DF3)))
_LONG_VOWELS = re.compile("(?<=o)[ou]|(?<=u)u|-")
_NOT_ALPHANUMERIC = re.compile("[^a-z0-9]+")


def transliterate(run: str, script: Script) -> str:
    """Return a run of letters in Latin letters a to z; "" if no letter has a transliteration.

    Args:
        run: folded letters of one script.
        script: the script of the letters.
    """
    if script is Script.INDIC:
        return romanise(run)
    if script is Script.SINHALA:
        return _alphanumeric(_sinhala(run))
    if script is Script.KANA:
        return _LONG_VOWELS.sub("", _ascii(run).lower())
    return _alphanumeric(_ascii(_greek(run)))


def _ascii(text: str) -> str:
    from anyascii import anyascii

    return anyascii(text)


def _alphanumeric(text: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", text.lower())


def _greek(run: str) -> str:
    for letters, latin in _GREEK_START:
        if run.startswith(letters):
            run = latin + run[len(letters) :]
    for letters, latin in _GREEK:
        run = run.replace(letters, latin)
    return run


def _sinhala(run: str) -> str:
    latin = ""
    for char, following in zip(run, [*run[1:], ""], strict=True):
        latin += _ascii(char)
        if ord(char) in _SINHALA_CONSONANTS and following not in _SINHALA_VOWEL_SIGNS:
            latin += "a"
    return latin
