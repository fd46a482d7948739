"""Which words of a query somebody must have, which only speak for them, and which are the frame of a question."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from telecmi_mcp._search.data.function_words import FILLERS, FRAMES, INSIDE, LEADING, NOUNS, PLACES
from telecmi_mcp._search.data.honorifics import BEFORE, BEHIND
from telecmi_mcp._search.data.legal_forms import AMBIGUOUS, LEGAL_FORMS, TRAILING
from telecmi_mcp._search.data.name_forms import PARTICLES
from telecmi_mcp._search.data.no_questions import AGGREGATES, ASKS_FOR_ALL, FIELD_WORDS, GREETINGS

_ASKING_FOR_NOBODY = GREETINGS | FIELD_WORDS | AGGREGATES | FRAMES
_FEW = 2
_GONE = FRAMES - NOUNS
WORDS_CAP = 10
"""Words of a query that are looked at; the first ones."""


class NoQuestion(Enum):
    """Why a query asks for nobody."""

    GREETING = "greeting"
    FIELD_WORD = "field_word"
    AGGREGATE = "aggregate"


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word that was asked for.

    Attributes:
        text: The word, folded.
        of_company: Whether it came after "at" or "from", or is of an abbreviation with an "&".
        romanised: Whether it was written in a script of its own.
        is_optional: Whether it is a title, a legal form or a filler: it speaks for a hit, but need not be there.
    """

    text: str
    of_company: bool = False
    romanised: bool = False
    is_optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """The words of a query, sorted out.

    Attributes:
        words: The words of somebody, in their order.
        is_literal: Whether nothing but words of a frame was said: a hit must have all of them as they are.
        no_question: Why nobody is asked for; ``None`` where somebody may be.
    """

    words: tuple[Word, ...] = ()
    is_literal: bool = False
    no_question: NoQuestion | None = None

    @property
    def required(self) -> tuple[Word, ...]:
        """The words that a hit must have."""
        return tuple(word for word in self.words if not word.is_optional)


def sort_words(
    said: Sequence[str], romanised: Collection[str], protected: Collection[str], *, is_sentence: bool = False
) -> Sentence:
    """Sort the words of a query out.

    Args:
        said: the words, in their order.
        romanised: those of them that were written in a script of their own.
        protected: those that are letters of an abbreviation ("AT&T") and so no function words.
        is_sentence: whether it is known to be one, because a number or an address stands in it.
    """
    marked = _marked(said[: WORDS_CAP * 3], romanised, protected)
    kind = _no_question(said)
    for frame in () if kind and not _names_somebody(said) else _frames(said, is_sentence=is_sentence):
        words = [
            replace(word, is_optional=word.text in frame and word.text not in protected)
            for word in marked
            if word.text not in frame or word.text not in _GONE or word.text in protected
        ]
        if any(not word.is_optional for word in words):
            return Sentence(words=tuple(words[:WORDS_CAP]), no_question=kind)
    return Sentence(words=tuple(marked[:WORDS_CAP]), is_literal=kind is not None, no_question=kind)


def _names_somebody(said: Sequence[str]) -> bool:
    return any(word not in _ASKING_FOR_NOBODY for word in said)


def _frames(said: Sequence[str], *, is_sentence: bool) -> Sequence[frozenset[str]]:
    """Give what may be left out, ever less of it; the first under which a word is left is taken."""
    is_sentence = is_sentence or any(word in FRAMES for word in said)
    inside = INSIDE.intersection(said[1:-1]) | LEADING.intersection(said[:1])
    frame = FRAMES | (FILLERS if is_sentence else frozenset()) | inside
    if any(word in ASKS_FOR_ALL for word in said):
        frame |= AGGREGATES
    india = TRAILING.intersection(said[1:])
    forms = LEGAL_FORMS if len(said) > _FEW else LEGAL_FORMS - AMBIGUOUS.intersection(said[1:])
    return (frame | _honorifics(said) | forms | PARTICLES | india, frame | forms, frame)


def _honorifics(said: Sequence[str]) -> frozenset[str]:
    """Give the words of respect that stand beside a name: the MD of a company is somebody's title."""
    beside = zip(said, [*said[1:], ""], ["", *said[:-1]], strict=True)
    return frozenset(
        word
        for word, following, before in beside
        if (word in BEFORE and following and following not in PLACES) or (word in BEHIND and before)
    )


def _no_question(said: Sequence[str]) -> NoQuestion | None:
    words = set(said)
    if words & ASKS_FOR_ALL or (words and words <= AGGREGATES | FIELD_WORDS and words & AGGREGATES):
        return NoQuestion.AGGREGATE
    if words and words <= GREETINGS:
        return NoQuestion.GREETING
    is_frame = words <= FIELD_WORDS | FRAMES and len(words) > 1
    return NoQuestion.FIELD_WORD if words <= FIELD_WORDS or is_frame else None


def _marked(said: Sequence[str], romanised: Collection[str], protected: Collection[str]) -> list[Word]:
    """Mark the words; one that is said twice counts twice where something is said between."""
    marked: dict[tuple[str, bool, bool], Word] = {}
    after = False
    for place, word in enumerate(said):
        is_company = after or word in protected
        is_between = said[place - 1 : place] != said[place : place + 1] and word in said[: max(0, place - 1)]
        made = Word(text=word, of_company=is_company, romanised=word in romanised)
        marked.setdefault((word, is_company, is_between), made)
        after = after or (word in PLACES and len(marked) > 1)
    return list(marked.values())
