"""Classifies the words of a query: required of a contact, optional, or function words of a question."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from telecmi_mcp._search.data.function_words import (
    COMPANY_PREPOSITIONS,
    INNER_FUNCTION_WORDS,
    LEADING_FUNCTION_WORDS,
    QUESTION_NOUNS,
    QUESTION_WORDS,
    SENTENCE_WORDS,
)
from telecmi_mcp._search.data.honorifics import LEADING_HONORIFICS, TRAILING_HONORIFICS
from telecmi_mcp._search.data.legal_forms import AMBIGUOUS_LEGAL_FORMS, LEGAL_FORMS, OPTIONAL_ENDINGS
from telecmi_mcp._search.data.name_forms import PARTICLES
from telecmi_mcp._search.data.non_question_words import AGGREGATE_MARKERS, AGGREGATES, FIELD_WORDS, GREETINGS

_NOT_NAMES = GREETINGS | FIELD_WORDS | AGGREGATES | QUESTION_WORDS
_REMOVED = QUESTION_WORDS - QUESTION_NOUNS
"""Function words that are removed. The other function words stay as optional words."""
_SHORT_QUERY = 2
"""Maximum number of words of a query in which an ambiguous legal form may be a name."""
WORDS_CAP = 10
"""Maximum number of words of a query that are used, the first ones."""


class NoQuestion(Enum):
    """Why a query names no contact."""

    GREETING = "greeting"
    FIELD_WORD = "field_word"
    AGGREGATE = "aggregate"
    MASKED = "masked"


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of a query.

    Attributes:
        text: The folded word.
        of_company: True if it follows a preposition such as "at", or is a part of an abbreviation with "&".
        romanised: True if it was not written in Latin letters.
        is_optional: True for an honorific, a legal form or a function word: it ranks contacts, and a match does not
            need it.
    """

    text: str
    of_company: bool = False
    romanised: bool = False
    is_optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """The classified words of a query.

    Attributes:
        words: The required and the optional words, in their order.
        is_literal: True if all words are function words: a match must have all of them exactly.
        no_question: Why the query names no contact; ``None`` if it may name one.
    """

    words: tuple[Word, ...] = ()
    is_literal: bool = False
    no_question: NoQuestion | None = None

    @property
    def required(self) -> tuple[Word, ...]:
        """The words that a match must have."""
        return tuple(word for word in self.words if not word.is_optional)


def classify_words(
    words: Sequence[str], romanised: Collection[str], protected: Collection[str], *, is_sentence: bool = False
) -> Sentence:
    """Classify the words of a query.

    Args:
        words: the words, in their order.
        romanised: the words that were not written in Latin letters.
        protected: the letters of abbreviations ("AT&T"), which are never function words.
        is_sentence: True if the query is known to be a sentence, because it has a number or an address.
    """
    marked = _mark_words(words[: WORDS_CAP * 3], romanised, protected)
    no_question = _no_question(words)
    levels = () if no_question and not _may_name_contact(words) else _optional_words(words, is_sentence=is_sentence)
    for optional in levels:
        kept = [
            replace(word, is_optional=word.text in optional and word.text not in protected)
            for word in marked
            if word.text not in optional or word.text not in _REMOVED or word.text in protected
        ]
        if any(not word.is_optional for word in kept):
            return Sentence(words=tuple(kept[:WORDS_CAP]), no_question=no_question)
    return Sentence(words=tuple(marked[:WORDS_CAP]), is_literal=no_question is not None, no_question=no_question)


def _may_name_contact(words: Sequence[str]) -> bool:
    return any(word not in _NOT_NAMES for word in words)


def _optional_words(words: Sequence[str], *, is_sentence: bool) -> Sequence[frozenset[str]]:
    """Return smaller and smaller sets of optional words. The first set that leaves a required word applies."""
    is_sentence = is_sentence or any(word in QUESTION_WORDS for word in words)
    inner = INNER_FUNCTION_WORDS.intersection(words[1:-1]) | LEADING_FUNCTION_WORDS.intersection(words[:1])
    function_words = QUESTION_WORDS | (SENTENCE_WORDS if is_sentence else frozenset()) | inner
    if any(word in AGGREGATE_MARKERS for word in words):
        function_words |= AGGREGATES
    is_short = len(words) <= _SHORT_QUERY
    forms = LEGAL_FORMS - (AMBIGUOUS_LEGAL_FORMS.intersection(words[1:]) if is_short else frozenset())
    with_forms = function_words | forms
    endings = OPTIONAL_ENDINGS.intersection(words[1:])
    return with_forms | _honorifics(words) | PARTICLES | endings, with_forms, function_words


def _honorifics(words: Sequence[str]) -> frozenset[str]:
    """Return the honorifics beside a name. Before a preposition, as in "the MD of Acme", they are a job title."""
    neighbours = zip(words, [*words[1:], ""], ["", *words[:-1]], strict=True)
    return frozenset(
        word
        for word, following, before in neighbours
        if (word in LEADING_HONORIFICS and following and following not in COMPANY_PREPOSITIONS)
        or (word in TRAILING_HONORIFICS and before)
    )


def _no_question(tokens: Sequence[str]) -> NoQuestion | None:
    words = set(tokens)
    if words & AGGREGATE_MARKERS or (words and words <= AGGREGATES | FIELD_WORDS and words & AGGREGATES):
        return NoQuestion.AGGREGATE
    if words and words <= GREETINGS:
        return NoQuestion.GREETING
    is_question_only = words <= FIELD_WORDS | QUESTION_WORDS and len(words) > 1
    return NoQuestion.FIELD_WORD if words <= FIELD_WORDS or is_question_only else None


def _mark_words(words: Sequence[str], romanised: Collection[str], protected: Collection[str]) -> list[Word]:
    """Return the words without repetitions. A repetition with another word between stays, as in Mahindra & Mahindra."""
    marked: dict[tuple[str, bool, bool], Word] = {}
    is_after_preposition = False
    for index, text in enumerate(words):
        of_company = is_after_preposition or text in protected
        is_separate = words[index - 1 : index] != words[index : index + 1] and text in words[: max(0, index - 1)]
        word = Word(text=text, of_company=of_company, romanised=text in romanised)
        marked.setdefault((text, of_company, is_separate), word)
        is_after_preposition = is_after_preposition or (text in COMPANY_PREPOSITIONS and len(marked) > 1)
    return list(marked.values())
