"""Readings of Han characters and Hangul syllables: their romanisations, of which one may have several."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product

from telecmi_mcp._search.data.kanji import KANJI_READINGS, LONGEST_KANJI_NAME
from telecmi_mcp._search.data.polyphones import SURNAME_READINGS
from telecmi_mcp._search.text.scripts import Script, script_of
from telecmi_mcp._search.text.transliterate import transliterate

_FIRST_SYLLABLE, _VOWELS, _FINALS = 0xAC00, 21, 28
_INITIAL_LETTERS = (
    "g|k kk n d|t tt r|l m b|p pp s ss -|y j|ch jj ch k t p h".split()  # noqa: SIM905 - one row is easier to read than a list
)
_VOWEL_LETTERS = (
    "a ae|ai ya yae eo|u|o e yeo|you|yu ye o wa wae oe|oi yo u|oo wo we wi yu eu|u ui|eui i|ee".split()  # noqa: SIM905 - the same
)
_FINAL_LETTERS = (
    "- k|g k k n n n t l|r k m l l l p l m p p t t ng t t k t p t".split()  # noqa: SIM905 - the same
)
_READINGS_CAP = 8
"""Maximum number of readings of one syllable."""
_PINYIN_UMLAUT = "v"


@lru_cache(maxsize=4096)
def readings(word: str) -> tuple[str, ...]:
    """Return the readings of a Han character or a Hangul syllable, the usual one first; none for other words."""
    if word.isascii() or len(word) != 1:
        return ()
    script = script_of(word)
    if script is Script.HANGUL:
        return _of_syllable(word)
    return _of_character(word) if script is Script.HAN else ()


def _of_character(char: str) -> tuple[str, ...]:
    found = [transliterate(char, Script.HAN)]
    if char in SURNAME_READINGS:
        found.append(SURNAME_READINGS[char])
    found += [reading.replace(_PINYIN_UMLAUT, "u") for reading in found if _PINYIN_UMLAUT in reading]
    found += [reading.replace("lu", "lv").replace("nu", "nv") for reading in found if reading in ("lu", "nu")]
    return tuple(dict.fromkeys(filter(None, found)))


def _of_syllable(syllable: str) -> tuple[str, ...]:
    index = ord(syllable) - _FIRST_SYLLABLE
    jamo = (
        _INITIAL_LETTERS[index // (_VOWELS * _FINALS)],
        _VOWEL_LETTERS[index // _FINALS % _VOWELS],
        _FINAL_LETTERS[index % _FINALS],
    )
    choices = [["" if letters == "-" else letters for letters in alternatives.split("|")] for alternatives in jamo]
    found = sorted(product(*choices), key=lambda spelling: sum(map(list.index, choices, spelling)))
    return tuple(dict.fromkeys("".join(spelling) for spelling in islice(found, _READINGS_CAP)))


def kanji_readings(name: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """Yield the readings of runs of Han characters as Japanese names, each with the start and the end of its run."""
    if all(word.isascii() for word in name):
        return
    for start in range(len(name)):
        for end in range(start + 1, min(len(name), start + LONGEST_KANJI_NAME) + 1):
            for reading in KANJI_READINGS.get("".join(name[start:end]), ()):
                yield reading, start, end
