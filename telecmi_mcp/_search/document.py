"""What of a contact can be searched: its words by field, and its phone and e-mail as ranges.

`NORMALISER` counts up with every change of what is derived here; an index made by another version is of no use.
"""

from collections.abc import Iterator
from enum import IntEnum
from itertools import combinations
from typing import TypeAlias
from zlib import crc32

from telecmi_mcp._models import Contact
from telecmi_mcp._search.normalize import fold, words
from telecmi_mcp._search.phones import significant
from telecmi_mcp._search.phonetics import key

NORMALISER = 1
INITIAL, ABBREVIATION = "^", "~"
"""Marks of entries that are no words; a word holds letters and digits only."""

INITIALS = (1, 2)
"""How many letters of a name are entries of their own, because too many words begin with so few."""

_WORDS_CAP = 16
_MAIL_CAP, _PHONE_CAP = 320, 64
_SKETCHED = range(3, 25)
_LONG = 5
_LEGAL = """
ag bhd bv co company corp gmbh inc incorporated india limited llc llp ltd nv plc private pte pty pvt sa sdn sons srl
"""
_LEGAL_FORMS = frozenset(_LEGAL.split())


class Field(IntEnum):
    """Where in a contact a word stands."""

    NAME = 0
    COMPANY = 1
    TITLE = 2


class Reach(IntEnum):
    """Ways to reach somebody, each an ordered range of its own."""

    PHONE = 0
    PHONE_REVERSED = 1
    MAIL = 2
    MAIL_DOMAIN = 3


Row: TypeAlias = Contact
"""A contact as it is stored."""


def field_words(row: Row) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Give the words of name, company and title, in `Field`'s order."""
    name = words(row.first_name or "") + words(row.last_name or "")
    return name[:_WORDS_CAP], words(row.company or "")[:_WORDS_CAP], words(row.job_title or "")[:_WORDS_CAP]


def entries(row: Row) -> frozenset[tuple[str, Field]]:
    """Give what a contact is found by: words, initials of names, abbreviations of company and title."""
    name, company, title = field_words(row)
    found = {(word, field) for field, some in zip(Field, (name, company, title), strict=True) for word in some}
    found.update((INITIAL + word[:length], Field.NAME) for word in name for length in INITIALS)
    found.update((ABBREVIATION + short, Field.COMPANY) for short in abbreviations(company))
    found.update((ABBREVIATION + short, Field.TITLE) for short in abbreviations(title))
    return frozenset(found)


def abbreviations(some: tuple[str, ...]) -> Iterator[str]:
    """Give the first letters of a company's words without its legal form, when there are at least two."""
    core = [word for word in some if word not in _LEGAL_FORMS]
    if len(core) > 1:
        yield "".join(word[0] for word in core)


def reaches(row: Row) -> frozenset[tuple[Reach, str]]:
    """Give the phone number's digits, forwards and reversed, the e-mail address, and its domain."""
    found: set[tuple[Reach, str]] = set()
    if digits := significant((row.phone_no or "")[:_PHONE_CAP]):
        found |= {(Reach.PHONE, digits), (Reach.PHONE_REVERSED, digits[::-1])}
    address = fold((row.email_id or "")[:_MAIL_CAP]).strip()
    if address:
        found.add((Reach.MAIL, address))
    if domain := address.partition("@")[2]:
        found.add((Reach.MAIL_DOMAIN, domain))
    return frozenset(found)


def is_word(entry: str) -> bool:
    """Tell a word from the initials and abbreviations among a contact's entries."""
    return entry[0] not in (INITIAL, ABBREVIATION)


def sketches(word: str) -> frozenset[int]:
    """Give numbers by which similar words find this one: its letters, its consonants, and each of them minus one."""
    consonants = key(word)
    return _hashed({"=" + consonants, *_less("-", consonants, 1), *_less("", word, 0), *_less("", word, 1)})


def sought(word: str) -> frozenset[int]:
    """Give the numbers among which a word finds the sketches of those that are similar to it."""
    consonants = key(word)
    shapes = {"=" + consonants, "-" + consonants, *_less("=", consonants, 1), *_less("", word, 0), *_less("", word, 1)}
    if len(word) > _LONG:
        shapes.update(_less("", word, 2))
    return _hashed(shapes)


def _less(mark: str, word: str, lost: int) -> Iterator[str]:
    if len(word) in _SKETCHED:
        return (mark + "".join(kept) for kept in combinations(word, len(word) - lost))
    return iter(())


def _hashed(shapes: set[str]) -> frozenset[int]:
    return frozenset(crc32(shape.encode("utf-8", "surrogatepass")) for shape in shapes)
