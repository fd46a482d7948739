"""Words of other alphabets in Latin letters: Cyrillic, Greek, Armenian, Georgian, Sinhala, kana and the rest."""

import re

from telecmi_mcp._search.text.romanise import romanise
from telecmi_mcp._search.text.scripts import Script

_GREEK = (("ου", "ou"), ("γκ", "gk"), ("χ", "kh"), ("υι", "yi"))
_GREEK_START = (("μπ", "b"), ("ντ", "d"))
_SINHALA_CONSONANTS = range(0x0D9A, 0x0DC7)
_SINHALA_SIGNS = frozenset(map(chr, (0x0DCA, *range(0x0DCF, 0x0DE0), 0x0DF2, 0x0DF3)))
_LONG_VOWELS = re.compile("(?<=o)[ou]|(?<=u)u|-")
_NOT_PLAIN = re.compile("[^a-z0-9]+")


def latin(run: str, script: Script) -> str:
    """Write a run of one script in plain Latin letters; "" where nothing is known of it.

    Args:
        run: folded letters.
        script: theirs.
    """
    if script is Script.INDIC:
        return romanise(run)
    if script is Script.SINHALA:
        return _plain(_sinhala(run))
    if script is Script.KANA:
        return _LONG_VOWELS.sub("", _ascii(run).lower())
    return _plain(_ascii(_greek(run)))


def _ascii(text: str) -> str:
    from anyascii import anyascii

    return anyascii(text)


def _plain(text: str) -> str:
    return _NOT_PLAIN.sub("", text.lower())


def _greek(run: str) -> str:
    for letters, written in _GREEK_START:
        if run.startswith(letters):
            run = written + run[len(letters) :]
    for letters, written in _GREEK:
        run = run.replace(letters, written)
    return run


def _sinhala(run: str) -> str:
    written = ""
    for char, following in zip(run, [*run[1:], ""], strict=True):
        written += _ascii(char)
        if ord(char) in _SINHALA_CONSONANTS and following not in _SINHALA_SIGNS:
            written += "a"
    return written
