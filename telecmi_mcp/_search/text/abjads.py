"""Matches words in Arabic, Hebrew and Thai letters with Latin spellings, by a pattern and by phonetic keys.

These scripts omit many vowels, so a word has many Latin spellings, and the search ignores the vowels of all of them.
"""

import re
from functools import lru_cache
from itertools import islice, product

from telecmi_mcp._search.data.abjad_letters import ARTICLES, LETTER_VARIANTS, ROMANISATIONS, THAI_SILENT_MARK
from telecmi_mcp._search.text.phonetics import phonetic_key

_VOWELS = "[aeiouy]*"
_KEYS_CAP = 24
"""Maximum number of combinations of letters from which the phonetic keys of a word are made."""
_LENGTH_CAP = 24
"""Maximum number of letters of a word that are read."""
_LETTER_KEYS = {
    letter: tuple(dict.fromkeys(phonetic_key(latin).replace("a", "") for latin in choices))
    for letter, choices in ROMANISATIONS.items()
}
_SILENT = re.compile(f".[\u0e31-\u0e3a]?{THAI_SILENT_MARK}")
_ARTICLE = "(?:[aeu]l)?"
_DOUBLED = re.compile(r"(.)\1+")


def normalise_letters(run: str) -> str:
    """Return a run of letters with interchangeable letters unified, and without marks and silent letters."""
    spoken = _SILENT.sub("", run).translate(LETTER_VARIANTS)
    return "".join(char for char in spoken if char in ROMANISATIONS) or run


@lru_cache(maxsize=4096)
def latin_pattern(word: str) -> re.Pattern[str]:
    """Return a pattern that matches the Latin spellings of a word."""
    parts = []
    for letter in _without_article(word)[:_LENGTH_CAP]:
        spellings = filter(None, ROMANISATIONS.get(letter, ()))
        choices = "|".join(f"{latin}+" if len(latin) == 1 else latin for latin in spellings)
        optional = "?" if "" in ROMANISATIONS.get(letter, ()) else ""
        parts.append(f"(?:{choices}){optional}" if choices else "")
    return re.compile(_ARTICLE + _VOWELS + _VOWELS.join(parts) + _VOWELS + "h?")


@lru_cache(maxsize=4096)
def phonetic_keys(word: str) -> frozenset[str]:
    """Return the phonetic keys that the Latin spellings of a word may have, with and without its article."""
    forms = {word[:_LENGTH_CAP], _without_article(word)[:_LENGTH_CAP]}
    return frozenset(key for form in forms for key in _keys_of(form))


def _keys_of(word: str) -> set[str]:
    choices = [_LETTER_KEYS.get(letter, ("",)) for letter in word]
    choices[1:] = [tuple(dict.fromkeys(key.replace("y", "") for key in keys)) for keys in choices[1:]]
    found = set()
    for keys in islice(product(*choices), _KEYS_CAP):
        consonants = _DOUBLED.sub(r"\1", "".join(keys))
        found.add(consonants)
        if not keys[0]:
            found.add("a" + consonants)
    return found


def _without_article(word: str) -> str:
    for article in ARTICLES:
        if word.startswith(article) and len(word) > len(article) + 1:
            return word[len(article) :]
    return word
