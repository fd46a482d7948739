"""How a Han character or a Hangul syllable is written in Latin letters; a syllable often in several ways."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product

from telecmi_mcp._search.data.kanji import KANJI, LONGEST
from telecmi_mcp._search.data.polyphones import SURNAME_READINGS
from telecmi_mcp._search.text.scripts import Script, script_of
from telecmi_mcp._search.text.transliterate import latin

_FIRST_SYLLABLE, _VOWELS, _FINALS = 0xAC00, 21, 28
_INITIAL_LETTERS = (
    "g|k kk n d|t tt r|l m b|p pp s ss -|y j|ch jj ch k t p h".split()  # noqa: SIM905 - a row reads better than a list
)
_VOWEL_LETTERS = (
    "a ae|ai ya yae eo|u|o e yeo|you|yu ye o wa wae oe|oi yo u|oo wo we wi yu eu|u ui|eui i|ee".split()  # noqa: SIM905 - the same
)
_FINAL_LETTERS = (
    "- k|g k k n n n t l|r k m l l l p l m p p t t ng t t k t p t".split()  # noqa: SIM905 - the same
)
_CAP = 8
_UMLAUT = "v"


@lru_cache(maxsize=4096)
def readings(word: str) -> tuple[str, ...]:
    """Give the ways to write a character or syllable in Latin letters, the usual one first; nothing for other words."""
    if word.isascii() or len(word) != 1:
        return ()
    script = script_of(word)
    if script is Script.HANGUL:
        return _of_syllable(word)
    return _of_character(word) if script is Script.HAN else ()


def _of_character(char: str) -> tuple[str, ...]:
    said = [latin(char, Script.HAN)]
    if char in SURNAME_READINGS:
        said.append(SURNAME_READINGS[char])
    said += [each.replace(_UMLAUT, "u") for each in said if _UMLAUT in each]
    said += [each.replace("lu", "lv").replace("nu", "nv") for each in said if each in ("lu", "nu")]
    return tuple(dict.fromkeys(filter(None, said)))


def _of_syllable(syllable: str) -> tuple[str, ...]:
    place = ord(syllable) - _FIRST_SYLLABLE
    parts = (
        _INITIAL_LETTERS[place // (_VOWELS * _FINALS)],
        _VOWEL_LETTERS[place // _FINALS % _VOWELS],
        _FINAL_LETTERS[place % _FINALS],
    )
    choices = [["" if each == "-" else each for each in part.split("|")] for part in parts]
    said = sorted(product(*choices), key=lambda letters: sum(map(_rank_of, choices, letters)))
    return tuple(dict.fromkeys("".join(letters) for letters in islice(said, _CAP)))


def _rank_of(choices: list[str], letter: str) -> int:
    return choices.index(letter)


def runs_read(name: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """Give how runs of Han characters are read as Japanese names, as far as the table knows them, and their ends."""
    if all(word.isascii() for word in name):
        return
    for start in range(len(name)):
        for end in range(start + 1, min(len(name), start + LONGEST) + 1):
            for said in KANJI.get("".join(name[start:end]), ()):
                yield said, start, end
