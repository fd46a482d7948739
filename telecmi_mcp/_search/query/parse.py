"""Parses a query into an id, telephone numbers, e-mail addresses and words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from telecmi_mcp._search.data.function_words import (
    CONNECTORS,
    NATIVE_SCRIPT_QUESTION_WORDS,
    QUESTION_WORDS,
    SENTENCE_WORDS,
)
from telecmi_mcp._search.data.honorifics import HONORIFICS
from telecmi_mcp._search.data.legal_forms import LEGAL_FORMS
from telecmi_mcp._search.data.name_forms import PARTICLES
from telecmi_mcp._search.fields.companies import expand_symbols
from telecmi_mcp._search.fields.email_addresses import extract_addresses
from telecmi_mcp._search.fields.phones import SHORTEST_NUMBER, ascii_digits, clean_phones, digits_of, split_numbers
from telecmi_mcp._search.query.sentences import WORDS_CAP, NoQuestion, Sentence, Word, classify_words
from telecmi_mcp._search.query.spoken_numbers import replace_spoken_digits
from telecmi_mcp._search.text.normalize import fold, tokenize
from telecmi_mcp._search.text.scripts import FIRST_NON_LATIN

__all__ = ["QUERY_CAP", "WORDS_CAP", "Query", "Word", "parse", "split_in_two"]

QUERY_CAP = 200
"""Maximum number of characters of a query that are read."""

_UUID = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})(?![0-9a-f])"
)
_URI = re.compile(
    r"\b(?:tel|sips?|whatsapp|callto|mailto|skype|sms)\s*:|\bhttps?://(?:wa\.me|api\.whatsapp\.com)/\S*?(?=[0-9+]|$)"
)
_SIP_DOMAIN = re.compile(r"(?<=[0-9]{7})@\S+")
_DIGITS = re.compile(r"(?<![a-z0-9])[+(\[]*[0-9](?:[\s()\[\].,/\-]*[0-9])*(?![a-z]{3})")
_HANDLE = re.compile(r"[^\s@<>(),;:\"]{2,}")
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b", re.IGNORECASE)
_LETTERS_AND_LETTERS = re.compile(r"(?<![\w&])(\w{1,3})\s?(?:&|\b(?:and|n)\b)\s?(\w{1,3})(?![\w&])")
_ENDS_WITH = re.compile(r"\b(?:end(?:s|ing|ed)?|last|final|aakhri|akhri)\b")
_TAIL_WORDS_TEXT = """
end ends ending ended last final aakhri akhri digit digits number numbers no num nos in with
"""
_TAIL_WORDS = frozenset(_TAIL_WORDS_TEXT.split())
_CONNECTOR = re.compile(r"\s*(?:[,;&+/|\n]|\band\b|\bor\b|\baur\b|\bund\b|\bet\b|\by\b)\s*")
_FUNCTION_WORDS = CONNECTORS | QUESTION_WORDS | SENTENCE_WORDS
_SHORTEST_CODE = 3
"""Digits of the shortest number that is a query by itself, such as 112."""
_TAIL_LENGTHS = range(3, SHORTEST_NUMBER)
_SPLITS_CAP = 4
"""Maximum number of ways to split a query for two contacts."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """A parsed query.

    Attributes:
        contact_id: The id in the query; "" if there is none.
        mails: The e-mail addresses and domains ("@acme") in the query.
        handle: The whole query, if it has no spaces and may be the local part of an address; else "".
        numbers: The telephone numbers, or parts of numbers, in the query.
        tail: Digits that may be the last digits of the contact's number, in a query that also has words.
        sentence: The words of the query.
    """

    contact_id: str = ""
    mails: tuple[str, ...] = ()
    handle: str = ""
    numbers: tuple[str, ...] = ()
    tail: str = ""
    sentence: Sentence = field(default_factory=Sentence)

    @property
    def words(self) -> tuple[Word, ...]:
        """The required and the optional words."""
        return self.sentence.words

    @property
    def no_question(self) -> NoQuestion | None:
        """Why the query names no contact; ``None`` if it may name one."""
        return None if self.mails or self.numbers or self.contact_id else self.sentence.no_question

    @property
    def is_dotted(self) -> bool:
        """Whether the query is one word with a dot or an underscore, as in e-mail addresses and domains."""
        return "." in self.handle or "_" in self.handle


def parse(text: str) -> Query:
    """Parse a query. Accepts every string, and reads its first `QUERY_CAP` characters."""
    folded = ascii_digits(fold(text[:QUERY_CAP])).strip()
    if match := _UUID.search(folded):
        return Query(contact_id="-".join(match.groups()))
    folded = _SIP_DOMAIN.sub("", _URI.sub(" ", _without_native_question_words(folded)))
    mails, rest = extract_addresses(folded)
    rest = replace_spoken_digits(rest)
    numbers, rest = _extract_numbers(clean_phones(rest))
    tail, rest = _extract_tail(rest) if not numbers and not mails else ("", rest)
    sentence = _sentence(rest, has_identifier=bool(numbers or mails))
    return Query(mails=mails, handle=_handle(folded), numbers=numbers, tail=tail, sentence=sentence)


def split_in_two(text: str) -> Sequence[tuple[str, str]]:
    """Return the ways to split a query for two contacts, at a comma or a word such as "and"."""
    text = fold(text[:QUERY_CAP])
    splits = [(text[: match.start()], text[match.end() :]) for match in _CONNECTOR.finditer(text)]
    return [(one, other) for one, other in splits if one.strip() and other.strip()][:_SPLITS_CAP]


def _extract_numbers(text: str) -> tuple[tuple[str, ...], str]:
    """Return the numbers in a text, and the text without them. Short numbers count only in a text without names."""
    spans = [match.group() for match in _DIGITS.finditer(text)]
    shortest = SHORTEST_NUMBER if any(char.isalpha() for char in text) else _SHORTEST_CODE
    found: list[str] = []
    for span in spans:
        numbers = [number for number in split_numbers(span) if len(digits_of(number)) >= shortest]
        if numbers:
            found += numbers
            text = text.replace(span, " ", 1)
    is_only_span = not found and len(spans) == 1 and len(digits_of(spans[0])) >= _SHORTEST_CODE
    if is_only_span and not _sentence(text.replace(spans[0], " ", 1), has_identifier=True).required:
        return (spans[0],), ""
    return tuple(dict.fromkeys(found)), text


def _extract_tail(text: str) -> tuple[str, str]:
    """Return the digits that may be the end of a number, and the text; without them if it says "ending in"."""
    spans = [match.group() for match in _DIGITS.finditer(text) if len(digits_of(match.group())) in _TAIL_LENGTHS]
    if not spans:
        return "", text
    if _ENDS_WITH.search(text):
        stripped = ((word, word.strip(",.;:")) for word in text.split())
        text = " ".join(word for word, bare in stripped if bare not in _TAIL_WORDS and not bare.isdigit())
    return digits_of(spans[-1]), text


def _sentence(text: str, *, has_identifier: bool) -> Sentence:
    """Classify the words of a text.

    If the query has a number or an address (`has_identifier`), single letters, digits and function words are dropped.
    """
    text = _POSSESSIVE.sub("", expand_symbols(text))
    protected = frozenset(letters for match in _LETTERS_AND_LETTERS.finditer(text) for letters in match.groups())
    text = _LETTERS_AND_LETTERS.sub(r"\1 \2", text)
    words = tokenize(text)
    if has_identifier:
        words = tuple(word for word in words if len(word) > 1 and not word.isdigit() and word not in _FUNCTION_WORDS)
    romanised = frozenset(word for part in text.split() if part[:1] >= FIRST_NON_LATIN for word in tokenize(part))
    sentence = classify_words(words, romanised, protected, is_sentence=has_identifier)
    return Sentence() if has_identifier and _is_label(sentence) else sentence


def _is_label(sentence: Sentence) -> bool:
    """Return whether the words only describe the number or address beside them, as in "mobile no"."""
    return sentence.is_literal or all(word.text in HONORIFICS | LEGAL_FORMS | PARTICLES for word in sentence.required)


def _handle(folded: str) -> str:
    handle = folded.strip(" .?!")
    return handle if _HANDLE.fullmatch(handle) else ""


def _without_native_question_words(folded: str) -> str:
    """Return a text without the question words in other scripts, unless it has no other words."""
    if folded.isascii():
        return folded
    rest = folded
    for word in NATIVE_SCRIPT_QUESTION_WORDS:
        if word in rest:
            rest = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)|{re.escape(word)}(?=\s|$)", " ", rest)
    return rest if rest.strip() else folded
