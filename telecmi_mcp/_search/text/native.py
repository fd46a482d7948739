"""Words of scripts that write few vowels, beside Latin ones: by a pattern, and by the consonants that both have."""

import re
from functools import lru_cache
from itertools import islice, product

from telecmi_mcp._search.data.native_letters import ARTICLES, LETTERS, SAME_LETTERS, SILENCER
from telecmi_mcp._search.text.phonetics import key

_VOWELS = "[aeiouy]*"
_SKELETONS_CAP = 24
_LONGEST = 24
_CHOICES = {
    letter: tuple(dict.fromkeys(key(each).replace("a", "") for each in choices)) for letter, choices in LETTERS.items()
}
_SILENT = re.compile(f".[\u0e31-\u0e3a]?{SILENCER}")
_ARTICLE = "(?:[aeu]l)?"


def normalised(run: str) -> str:
    """Write letters that stand for one another alike, and leave out marks and what is not spoken."""
    spoken = _SILENT.sub("", run).translate(SAME_LETTERS)
    return "".join(char for char in spoken if char in LETTERS) or run


@lru_cache(maxsize=4096)
def pattern(word: str) -> re.Pattern[str]:
    """Give what matches the ways to write a word in Latin letters."""
    parts = []
    for letter in _without_article(word)[:_LONGEST]:
        choices = "|".join(f"{each}+" if len(each) == 1 else each for each in LETTERS.get(letter, ()) if each)
        optional = "?" if "" in LETTERS.get(letter, ()) else ""
        parts.append(f"(?:{choices}){optional}" if choices else "")
    return re.compile(_ARTICLE + _VOWELS + _VOWELS.join(parts) + _VOWELS + "h?")


@lru_cache(maxsize=4096)
def skeletons(word: str) -> frozenset[str]:
    """Give the keys, as `key` gives them for Latin words, that a word in another script may have."""
    short = _without_article(word)
    return frozenset(found for each in {word[:_LONGEST], short[:_LONGEST]} for found in _skeletons(each))


def _skeletons(word: str) -> set[str]:
    choices = [_CHOICES.get(letter, ("",)) for letter in word]
    choices[1:] = [tuple(dict.fromkeys(each.replace("y", "") for each in some)) for some in choices[1:]]
    found = set()
    for letters in islice(product(*choices), _SKELETONS_CAP):
        said = "".join(letters)
        said = re.sub(r"(.)\1+", r"\1", said)
        starts_bare = not letters[0]
        found.add("a" + said if starts_bare else said)
        if starts_bare:
            found.add(said)
    return found


def _without_article(word: str) -> str:
    for article in ARTICLES:
        if word.startswith(article) and len(word) > len(article) + 1:
            return word[len(article) :]
    return word
