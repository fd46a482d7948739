"""Expands the words of a query: synonyms of each word, and single words that stand for several of them.

Sets of words are bit masks: bit n is the word with the index n.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, product
from typing import NamedTuple

from telecmi_mcp._search.data.company_names import COMPANY_SHORT_NAMES
from telecmi_mcp._search.data.honorifics import PLACEHOLDERS
from telecmi_mcp._search.data.kanji import KANJI_READINGS
from telecmi_mcp._search.data.legal_forms import OPTIONAL_ENDINGS, STOP_WORDS
from telecmi_mcp._search.fields.abbreviations import initials_of
from telecmi_mcp._search.fields.index_entries import ABBREVIATION, INITIAL, INITIALS, Field
from telecmi_mcp._search.fields.synonyms import nicknames, spelling_variants
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.matching.word_runs import Run
from telecmi_mcp._search.query.parse import Word
from telecmi_mcp._search.text.readings import readings

_JOINED_SCORE, _ABBREVIATED_SCORE, _INITIALS_SCORE, _SHORT_NAME_SCORE = 0.98, 0.95, 0.75, 0.95
_JOINED_CAP, _ABBREVIATED_CAP = 4, 8
"""Maximum number of words that are joined, and that are abbreviated."""
_READINGS_CAP = 12
"""Maximum number of readings of a run of Han characters or Hangul syllables."""
_AMBIGUOUS_INITIALS = 2
"""Letters of initials that are too common to stand for a whole query."""
_WHOLE_QUERY_SCORE = 0.7
"""Score of initials of the whole query, which are the least certain."""


class ShortNameMatch(NamedTuple):
    """A match of a company's short name in the query with the words of its full name in a field."""

    query_mask: int
    field_mask: int
    score: float
    match: Match


class QueryExpansion:
    """The words of a query, and the single words that may stand for several of them.

    Attributes:
        required_mask: The required words.
        without_n: The masks of abbreviations such as "dnz", by the abbreviation without the "n" for "and".
        joined: The masks of consecutive words, by the words joined or read as one.
        initials: The masks of consecutive words, by their initials.
        short_names: The masks of the words of a company's full name, by its short name.
        first_letters: The first letters of all texts that equal a run of a contact's words: see ``masks_of``.
    """

    def __init__(self, words: Sequence[Word], *, with_initials: bool = True) -> None:
        self._texts = tuple(word.text for word in words)
        self._masks: dict[str, list[int]] = defaultdict(list)
        for index, text in enumerate(self._texts):
            self._masks[text].append(1 << index)
        self.without_n = {_without_n(text): 1 << index for index, text in enumerate(self._texts) if _without_n(text)}
        self.required_mask = sum(1 << index for index, word in enumerate(words) if not word.is_optional)
        sides = _sides(words)
        self.joined = {text: mask for side in sides for text, mask in _joined(self._texts, side)}
        self.initials = {
            text: mask
            for side in sides
            if with_initials
            for text, mask in _initials(self._texts, side, self.required_mask)
        }
        self.short_names = _short_names(self._texts)
        self.first_letters = {
            text[0] for some in (self._masks, self.joined, self.initials, self.without_n) for text in some
        }

    def masks_of(self, run: Run) -> Sequence[int]:
        """Return the masks of the words that equal the text of a run, alone, joined, or by their initials."""
        if run.text in self._masks:
            return self._masks[run.text]
        if run.text in self.joined:
            return (self.joined[run.text],)
        return (self.initials[run.text],) if run.is_letters and run.text in self.initials else ()

    def runs_of(self, stored: str, field: Field) -> Iterator[Run]:
        """Yield the runs of the query's words for which one word of a contact stands."""
        if stored in self.joined:
            yield Run(stored, self.joined[stored], _JOINED_SCORE, Match.EXACT)
        if stored in self.initials and field is not Field.MAIL:
            yield self._initials_run(stored, field)
        if stored in self.short_names:
            yield Run(stored, self.short_names[stored], _SHORT_NAME_SCORE, Match.EXACT)

    def _initials_run(self, stored: str, field: Field) -> Run:
        mask = self.initials[stored]
        if field is Field.NAME:
            return Run(stored, mask, _INITIALS_SCORE, Match.PREFIX)
        if not self.required_mask & ~mask:
            return Run(stored, mask, _WHOLE_QUERY_SCORE, Match.FUZZY)
        return Run(stored, mask, _ABBREVIATED_SCORE, Match.EXACT)

    def short_name_matches(self, words: Sequence[str]) -> Iterator[ShortNameMatch]:
        """Yield the matches of short names in the query with the words of a field."""
        for index, text in enumerate(self._texts):
            for full_name in COMPANY_SHORT_NAMES.get(text, ()):
                if full_name.issubset(words):
                    mask = sum(1 << at for at, word in enumerate(words) if word in full_name)
                    yield ShortNameMatch(1 << index, mask, _SHORT_NAME_SCORE, Match.EXACT)

    def alternatives(self) -> list[set[str]]:
        """Return, for each word, the index entries that match it, alone or together with other words."""
        found = [_entries_of(text) for text in self._texts]
        for masks in (self.joined, self.initials):
            for text, mask in masks.items():
                _add_entries(found, mask, (text, ABBREVIATION + text))
        for text, mask in self.short_names.items():
            _add_entries(found, mask, (text,))
        return found


def _add_entries(alternatives: list[set[str]], mask: int, entries: Sequence[str]) -> None:
    for index, found in enumerate(alternatives):
        if mask >> index & 1:
            found.update(entries)


def _sides(words: Sequence[Word]) -> list[range]:
    """Return the indexes before a preposition such as "at", and from it on. A name may contain "of"."""
    for index in range(1, len(words)):
        before = words[index - 1]
        if words[index].of_company and not before.of_company and before.text not in STOP_WORDS:
            return [range(index), range(index, len(words))]
    return [range(len(words))]


def _entries_of(text: str) -> set[str]:
    found = {text, ABBREVIATION + text, ABBREVIATION + _without_n(text), *spelling_variants(text), *nicknames(text)}
    found.update(variant for reading in readings(text) for variant in (reading, *spelling_variants(reading)))
    found.update(max(full_name, key=len) for full_name in COMPANY_SHORT_NAMES.get(text, ()))
    if len(text) in INITIALS:
        found.add(INITIAL + text)
    return found


def _joined(texts: Sequence[str], side: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield consecutive words joined, and their readings joined, with their masks.

    Args:
        texts: all words of the query.
        side: the indexes of the words before a preposition, or from it on.
    """
    for start in side:
        for end in range(start + 1, min(side[-1] + 1, start + _JOINED_CAP) + 1):
            run, mask = texts[start:end], (1 << end) - (1 << start)
            if len(run) > 1:
                yield "".join(run), mask
            if not any(text.isascii() for text in run):
                yield from ((reading, mask) for reading in _joined_readings(run))


def _joined_readings(texts: Sequence[str]) -> Iterator[str]:
    yield from KANJI_READINGS.get("".join(texts), ())
    choices = [readings(text)[:2] or (text,) for text in texts]
    if len(texts) > 1:
        for parts in islice(product(*choices), _READINGS_CAP):
            yield "".join(parts)


def _initials(texts: Sequence[str], side: Sequence[int], required_mask: int) -> Iterator[tuple[str, int]]:
    """Yield the initials of consecutive words, with their masks. Two initials never stand for the whole query."""
    for start in side:
        for end in range(start + 2, min(side[-1] + 1, start + _ABBREVIATED_CAP) + 1):
            run, mask = texts[start:end], (1 << end) - (1 << start)
            has_required_end = required_mask >> end - 1 & 1 or run[-1] in OPTIONAL_ENDINGS
            if not required_mask >> start & 1 or not has_required_end or any(len(text) == 1 for text in run):
                continue
            significant = [text for text in run if text not in STOP_WORDS]
            min_letters = _AMBIGUOUS_INITIALS if required_mask & ~mask else _AMBIGUOUS_INITIALS + 1
            for letters in {initials_of(run), initials_of(significant)}:
                if letters not in PLACEHOLDERS and len(letters) >= min_letters:
                    yield letters, mask


def _without_n(text: str) -> str:
    """Return an abbreviation such as "dnz" without the "n" for "and"; "" for other words."""
    return text[:1] + text[2:] if len(text) == len("dnz") and text[1] == "n" else ""


def _short_names(texts: Sequence[str]) -> dict[str, int]:
    """Return the short names of companies whose full name is in the query, with the masks of the full names."""
    found: dict[str, int] = {}
    for text in texts:
        for short_name, full_name in _short_names_by_word().get(text, ()):
            if full_name.issubset(texts):
                found[short_name] = sum(1 << index for index, word in enumerate(texts) if word in full_name)
    return found


@lru_cache(maxsize=1)
def _short_names_by_word() -> dict[str, list[tuple[str, frozenset[str]]]]:
    by_word: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
    for short_name, full_names in COMPANY_SHORT_NAMES.items():
        for full_name in full_names:
            for word in full_name:
                by_word[word].append((short_name, full_name))
    return dict(by_word)
