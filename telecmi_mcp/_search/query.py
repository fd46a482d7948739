"""What a query asks for: an id, a phone number, an e-mail address, or words."""

import re
from dataclasses import dataclass

from telecmi_mcp._search.normalize import fold, words
from telecmi_mcp._search.phones import DIGITS_CAP, ascii_digits, significant

QUERY_CAP = 200
"""Characters of a query that are looked at."""
WORDS_CAP = 8
"""Words of a query that are looked at; the first ones."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAIL = re.compile(r"[^\s@<>(),;:\"]*@[^\s@<>(),;:\"?!]+")
_HANDLE = re.compile(r"[^\s@<>(),;:\"]{2,}")
_PHONE = re.compile(r"[+(]?[0-9](?:[ ().\-/]*[0-9])*")
_NOT_DIGITS = re.compile("[^0-9]+")
_LATIN = re.compile("[a-z0-9]+")
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b", re.IGNORECASE)
_FRAGMENT, _NUMBER = 4, 7

_LETTERS = frozenset("ai")
_WRAPPING = """
an and any are at by call can could do does find for from get give has have in is know look me my of on our please
search show tell text that the their there to up us what whats when where which who whom whos whose with work working
works you your
"""
_WRAPPERS = frozenset(_WRAPPING.split())
_PLACES = frozenset(("at", "from", "in", "of", "with"))
_NOUN_LIKE = """
address cell contact contacts details email employee id info mail mobile name no number numbers people person ph phone
somebody someone staff telephone
"""
_NOUNS = frozenset(_NOUN_LIKE.split())
_HONORIFICS = frozenset(("dr", "er", "md", "mr", "mrs", "ms", "prof", "shri", "smt", "sri"))


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word that was asked for; `of_company` when it came after "at" or "from"."""

    text: str
    of_company: bool = False
    romanised: bool = False


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query taken apart: the words that a hit must have, and those that only speak for it (titles, wrapping)."""

    contact_id: str = ""
    mail: str = ""
    handle: str = ""
    digits: str = ""
    is_foreign: bool = False
    words: tuple[Word, ...] = ()
    extras: tuple[Word, ...] = ()

    @property
    def is_dotted(self) -> bool:
        """Tell whether the query is one word with a dot or a low line within, as e-mail addresses and domains have."""
        return "." in self.handle or "_" in self.handle


def parse(text: str) -> Query:
    """Take a query apart; any string will do, and most of an endless one is ignored."""
    folded = ascii_digits(fold(text[:QUERY_CAP])).strip()
    folded = _POSSESSIVE.sub("", folded)
    if match := _UUID.search(folded):
        return Query(contact_id=match.group())
    if match := _MAIL.search(folded):
        required, extras = _sorted_out(folded.replace(match.group(), " "), alone=False)
        return Query(mail=match.group().strip("."), words=required, extras=extras)
    number = _number(folded)
    required, extras = _sorted_out(folded.replace(number, " ") if number else folded, alone=not number)
    return Query(
        handle=_handle(folded),
        digits=significant(number),
        is_foreign=number.startswith(("+", "00")) and _NOT_DIGITS.sub("", number).lstrip("0") == significant(number),
        words=required,
        extras=extras,
    )


def _number(folded: str) -> str:
    numbers = [match.group() for match in _PHONE.finditer(folded)]
    longest = max(numbers, key=len, default="")
    count = sum(char.isdigit() for char in longest)
    alone = not any(char.isalpha() for char in folded)
    return longest[: 4 * DIGITS_CAP] if count >= (_FRAGMENT if alone else _NUMBER) else ""


def _handle(folded: str) -> str:
    bare = folded.strip(" .?!")
    return bare if _HANDLE.fullmatch(bare) else ""


def _sorted_out(folded: str, *, alone: bool) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    said = words(folded)[: WORDS_CAP * 3]
    marked = _marked(said, frozenset(said).difference(_LATIN.findall(folded)))
    wrapped = any(len(word) > 1 and word in _WRAPPERS for word in said)
    wrapping = [
        _HONORIFICS | _NOUNS | _WRAPPERS | (_LETTERS if wrapped else frozenset()),
        _HONORIFICS | _WRAPPERS,
        _WRAPPERS,
        frozenset(),
    ]
    for some in wrapping if alone else wrapping[:1]:
        required = tuple(word for word in marked if word.text not in some)
        if required:
            return required[:WORDS_CAP], tuple(word for word in marked if word.text in some)[:WORDS_CAP]
    return (), ()


def _marked(said: tuple[str, ...], romanised: frozenset[str]) -> tuple[Word, ...]:
    marked: dict[str, Word] = {}
    after = False
    for word in said:
        marked.setdefault(word, Word(text=word, of_company=after, romanised=word in romanised))
        after = after or (word in _PLACES and len(marked) > 1)
    return tuple(marked.values())
