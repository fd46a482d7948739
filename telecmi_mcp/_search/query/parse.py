"""What a query asks for: an id, telephone numbers, e-mail addresses, or words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from telecmi_mcp._search.data.function_words import CONNECTORS, FILLERS, FRAMES, NATIVE
from telecmi_mcp._search.data.honorifics import HONORIFICS
from telecmi_mcp._search.data.legal_forms import LEGAL_FORMS
from telecmi_mcp._search.data.name_forms import PARTICLES
from telecmi_mcp._search.fields.companies import unsigned
from telecmi_mcp._search.fields.email_addresses import asked_addresses
from telecmi_mcp._search.fields.phones import SHORTEST, ascii_digits, digits_of, plain, written_numbers
from telecmi_mcp._search.query.sentences import WORDS_CAP, NoQuestion, Sentence, Word, sort_words
from telecmi_mcp._search.query.spoken_numbers import digits_of_words
from telecmi_mcp._search.text.normalize import fold, words
from telecmi_mcp._search.text.scripts import FOREIGN

__all__ = ["QUERY_CAP", "WORDS_CAP", "Query", "Word", "parse", "parts"]

QUERY_CAP = 200
"""Characters of a query that are looked at."""

_UUID = re.compile(
    r"(?<![0-9a-f])([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})(?![0-9a-f])"
)
_URI = re.compile(
    r"\b(?:tel|sips?|whatsapp|callto|mailto|skype|sms)\s*:|\bhttps?://(?:wa\.me|api\.whatsapp\.com)/\S*?(?=[0-9+]|$)"
)
_OF_SIP = re.compile(r"(?<=[0-9]{7})@\S+")
_SPAN = re.compile(r"(?<![a-z0-9])[+(\[]*[0-9](?:[\s()\[\].,/\-]*[0-9])*(?![a-z]{3})")
_HANDLE = re.compile(r"[^\s@<>(),;:\"]{2,}")
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b", re.IGNORECASE)
_ABBREVIATED = re.compile(r"(?<![\w&])(\w{1,3})\s?(?:&|\b(?:and|n)\b)\s?(\w{1,3})(?![\w&])")
_ENDING = re.compile(r"\b(?:end(?:s|ing|ed)?|last|final|aakhri|akhri)\b")
_ENDING_WORDS_TEXT = """
end ends ending ended last final aakhri akhri digit digits number numbers no num nos in with
"""
_ENDING_WORDS = frozenset(_ENDING_WORDS_TEXT.split())
_CUT = re.compile(r"\s*(?:[,;&+/|\n]|\band\b|\bor\b|\baur\b|\bund\b|\bet\b|\by\b)\s*")
_BESIDE = CONNECTORS | FRAMES | FILLERS
_SHORT_CODE, _TAIL = 3, range(3, SHORTEST)
_PARTS = 2


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query taken apart.

    Attributes:
        contact_id: The id that it names; "" if none.
        mails: The addresses or domains ("@acme") that it names.
        handle: The query as one word, as what stands before an @ is.
        numbers: The telephone numbers, or pieces of one, that it names.
        tail: Digits that may be the end of somebody's number beside words that are theirs.
        sentence: Its words.
    """

    contact_id: str = ""
    mails: tuple[str, ...] = ()
    handle: str = ""
    numbers: tuple[str, ...] = ()
    tail: str = ""
    sentence: Sentence = field(default_factory=Sentence)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of somebody, those included that need not be there."""
        return self.sentence.words

    @property
    def no_question(self) -> NoQuestion | None:
        """Why it asks for nobody."""
        return None if self.mails or self.numbers or self.contact_id else self.sentence.no_question

    @property
    def is_dotted(self) -> bool:
        """Tell whether the query is one word with a dot or a low line within, as e-mail addresses and domains have."""
        return "." in self.handle or "_" in self.handle


def parse(text: str) -> Query:
    """Take a query apart; any string will do, and most of an endless one is ignored."""
    folded = ascii_digits(fold(text[:QUERY_CAP])).strip()
    if match := _UUID.search(folded):
        return Query(contact_id="-".join(match.groups()))
    folded = _OF_SIP.sub("", _URI.sub(" ", _without_native_frame(folded)))
    mails, rest = asked_addresses(folded)
    rest = digits_of_words(rest)
    numbers, rest = _numbers(plain(rest))
    tail, rest = _tail(rest) if not numbers and not mails else ("", rest)
    sentence = _sentence(rest, beside=bool(numbers or mails))
    return Query(mails=mails, handle=_handle(folded), numbers=numbers, tail=tail, sentence=sentence)


def parts(text: str) -> Sequence[tuple[str, str]]:
    """Give the ways to cut a query in two at a comma or an "and", as a query for two people is written."""
    text = fold(text[:QUERY_CAP])
    cuts = [(text[: match.start()], text[match.end() :]) for match in _CUT.finditer(text)]
    return [(one, other) for one, other in cuts if one.strip() and other.strip()][: _PARTS * _PARTS]


def _numbers(text: str) -> tuple[tuple[str, ...], str]:
    """Give the numbers of a text, and the text without them; short ones count where nothing else is there."""
    spans = [match.group() for match in _SPAN.finditer(text)]
    alone = not any(char.isalpha() for char in text)
    found: list[str] = []
    for span in spans:
        some = [each for each in written_numbers(span) if len(digits_of(each)) >= (_SHORT_CODE if alone else SHORTEST)]
        if some:
            found += some
            text = text.replace(span, " ", 1)
    is_alone = not found and len(spans) == 1 and len(digits_of(spans[0])) >= _SHORT_CODE
    if is_alone and not _sentence(text.replace(spans[0], " ", 1), beside=True).required:
        return (spans[0],), ""
    return tuple(dict.fromkeys(found)), text


def _tail(text: str) -> tuple[str, str]:
    """Give the digits that may end a number, and the text without them where it says that they do."""
    digits = [match.group() for match in _SPAN.finditer(text) if len(digits_of(match.group())) in _TAIL]
    if not digits:
        return "", text
    if _ENDING.search(text):
        said = [
            word
            for word in text.split()
            if word.strip(",.;:") not in _ENDING_WORDS and not word.strip(",.;:").isdigit()
        ]
        return digits_of(digits[-1]), " ".join(said)
    return digits_of(digits[-1]), text


def _sentence(text: str, *, beside: bool = False) -> Sentence:
    """Sort out the words of a text; `beside` a number or an address, single letters and digits are labels of it."""
    text = _POSSESSIVE.sub("", unsigned(text))
    protected = frozenset(letters for match in _ABBREVIATED.finditer(text) for letters in match.groups())
    text = _ABBREVIATED.sub(r"\1 \2", text)
    said = words(text)
    if beside:
        said = tuple(word for word in said if len(word) > 1 and not word.isdigit() and word not in _BESIDE)
    romanised = frozenset(word for piece in text.split() if piece[:1] >= FOREIGN for word in words(piece))
    sentence = sort_words(said, romanised, protected, is_sentence=beside)
    return Sentence() if beside and _is_label(sentence) else sentence


def _is_label(sentence: Sentence) -> bool:
    return sentence.is_literal or all(word.text in HONORIFICS | LEGAL_FORMS | PARTICLES for word in sentence.required)


def _handle(folded: str) -> str:
    bare = folded.strip(" .?!")
    return bare if _HANDLE.fullmatch(bare) else ""


def _without_native_frame(folded: str) -> str:
    """Leave out the words of questions in scripts of their own, where something else was said."""
    if folded.isascii():
        return folded
    left = folded
    for word in NATIVE:
        if word in left:
            left = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)|{re.escape(word)}(?=\s|$)", " ", left)
    return left if left.strip() else folded
