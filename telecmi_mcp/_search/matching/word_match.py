"""How one word of a query compares with one word of a contact."""

from collections.abc import Sequence
from enum import IntEnum

from telecmi_mcp._search.data.honorifics import GLUED
from telecmi_mcp._search.data.name_forms import GLUED_PARTICLES
from telecmi_mcp._search.fields.synonyms import same, short_names
from telecmi_mcp._search.matching.similarity import BEST_INEXACT, SOUND_SCORE, is_out_of_reach, similarity
from telecmi_mcp._search.query.parse import Word
from telecmi_mcp._search.text.native import pattern
from telecmi_mcp._search.text.readings import readings
from telecmi_mcp._search.text.scripts import is_native

_ONLY_PREFIX_SCORE, _LAST_PREFIX_SCORE = 0.94, 0.85
_PREFIX_SCORE, _PREFIX_GAIN, _INITIAL_SCORE = 0.8, 0.1, 0.8
_SAME_SCORE, _SHORT_NAME_SCORE, _READING_SCORE, _GLUED_SCORE = 0.97, 0.88, 0.96, 0.93
_NATIVE_SCORE, _STORED_INITIAL_SCORE = 0.93, 0.62
_ROMANISED_SCORE = 0.98
_LEAST_BEYOND = 0.5
_LEAST = 0.75
"""The score of a spelling below which a word is another word."""
_TELLING = 4


class Match(IntEnum):
    """The kinds of answers, best first."""

    EXACT = 0
    PREFIX = 1
    FUZZY = 2
    PARTIAL = 3


Alike = tuple[float, Match]
"""A score from 0, for words that have nothing in common, to 1, and the kind of match."""
_NOT_ALIKE: Alike = (0.0, Match.FUZZY)


class Likeness:
    """Compares the words of one query, each comparison once."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._last = words[-1].text if words else ""
        self._is_only = len(words) == 1
        self._by_text = {word.text: word for word in words}
        self._compared: set[tuple[str, str]] = set()
        self._alike: dict[tuple[str, str], Alike] = {}
        self._known: dict[str, dict[str, Alike]] = {}

    def alike(self, asked: str, word: str) -> Alike:
        """Compare a word that was asked for with one that is there, as far as that costs little."""
        known = self._alike.get((asked, word))
        if known is None:
            known = self._alike[asked, word] = self._plainly(asked, word)
        return known

    def compare(self, asked: str, word: str, *, least: float = 0.0) -> float:
        """Compare two words however different they look, and remember it for the grading."""
        score = self.alike(asked, word)[0]
        if not score and (asked, word) not in self._compared:
            self._compared.add((asked, word))
            score = _compare(self._by_text[asked], word, least)
            self._alike[asked, word] = score, Match.FUZZY
        return score

    def nearness(self, asked: str, word: str, *, least: float) -> float:
        """Compare two words of which most are out of reach of each other."""
        is_latin = asked.isascii() and word.isascii()
        if is_latin and is_out_of_reach(asked, word, least=max(least, _LEAST)):
            return self.alike(asked, word)[0] if word[:2] == asked[:2] else 0.0
        return self.compare(asked, word, least=least) or self.alike(asked, word)[0]

    def initial(self, asked: str, word: str) -> float:
        """Compare a name that was asked for with an initial that is there."""
        return _STORED_INITIAL_SCORE if len(word) == 1 and len(asked) > 1 and asked[0] == word else 0.0

    def _plainly(self, asked: str, word: str) -> Alike:
        if asked == word:
            return 1.0, Match.EXACT
        if known := self._synonyms(asked).get(word):
            return known
        if not (asked.isascii() and word.isascii()):
            return _across_scripts(asked, word)
        if word.startswith(asked):
            return self._beginning(asked, word)
        if asked.startswith(word) or asked.endswith(word) or word.endswith(asked):
            return (_GLUED_SCORE, Match.EXACT) if _is_glued(asked, word) or _is_glued(word, asked) else _NOT_ALIKE
        return _NOT_ALIKE

    def _synonyms(self, asked: str) -> dict[str, Alike]:
        known = self._known.get(asked)
        if known is None:
            short = dict.fromkeys(short_names(asked), (_SHORT_NAME_SCORE, Match.FUZZY))
            known = self._known[asked] = short | dict.fromkeys(same(asked), (_SAME_SCORE, Match.EXACT))
        return known

    def _beginning(self, asked: str, word: str) -> Alike:
        if len(asked) == 1:
            return _INITIAL_SCORE, Match.PREFIX
        if word[len(asked) :] in GLUED:
            return _GLUED_SCORE, Match.EXACT
        least = _LAST_PREFIX_SCORE if asked == self._last else _PREFIX_SCORE
        if self._is_only:
            least = _ONLY_PREFIX_SCORE
        return least + min(_PREFIX_GAIN, BEST_INEXACT - least) * len(asked) / len(word), Match.PREFIX


def _across_scripts(asked: str, word: str) -> Alike:
    asked_read, word_read = readings(asked), readings(word)
    if not {asked, *same(asked), *asked_read, *(each for said in asked_read for each in same(said))}.isdisjoint(
        (*word_read, word)
    ):
        return _READING_SCORE, Match.EXACT
    if word.startswith(asked):
        return _PREFIX_SCORE, Match.PREFIX
    if is_native(asked) == is_native(word):
        return _NOT_ALIKE
    native, latin = (asked, word) if is_native(asked) else (word, asked)
    if len(latin) > 1 and latin.isascii() and pattern(native).fullmatch(latin):
        return _NATIVE_SCORE, Match.FUZZY
    return _NOT_ALIKE


def likeness_beyond(asked: str, word: str) -> float:
    """Say how alike two words are that are not alike enough to be one: it ranks partial answers only."""
    if len(asked) < _TELLING or len(word) < _TELLING or not (asked.isascii() and word.isascii()):
        return 0.0
    return similarity(asked, word, least=_LEAST_BEYOND)


def _is_glued(short: str, long: str) -> bool:
    """Tell whether two words differ by a particle before or a word of respect behind: O'Brien, Ramnikbhai."""
    if len(short) < _TELLING or len(long) <= len(short):
        return False
    if long.endswith(short):
        return long[: -len(short)] in GLUED_PARTICLES
    return long.startswith(short) and long[len(short) :] in GLUED


def _compare(asked: Word, word: str, least: float) -> float:
    if len(asked.text) == 1 or len(word) == 1:
        return 0.0
    least = max(least, _LEAST)
    sound_score = _ROMANISED_SCORE if asked.romanised else SOUND_SCORE
    score = similarity(asked.text, word, least=least, sound_score=sound_score)
    return score if score >= least else 0.0
