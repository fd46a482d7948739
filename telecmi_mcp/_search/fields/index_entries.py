"""What of a contact can be searched: its words by field, and its phone and e-mail as ranges.

`NORMALISER` counts up with every change of what is derived here; an index made by another version is of no use.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from itertools import combinations
from typing import TypeAlias
from zlib import crc32

from telecmi_mcp._models import Contact
from telecmi_mcp._search.fields.abbreviations import company_initials, name_initials, title_initials
from telecmi_mcp._search.fields.companies import company_words
from telecmi_mcp._search.fields.email_addresses import addresses, domains, without_tag
from telecmi_mcp._search.fields.phones import clean_phones, parse_number, split_numbers
from telecmi_mcp._search.text.abjads import phonetic_keys
from telecmi_mcp._search.text.normalize import fold, tokenize
from telecmi_mcp._search.text.phonetics import phonetic_key
from telecmi_mcp._search.text.readings import kanji_readings, readings
from telecmi_mcp._search.text.scripts import is_abjad

NORMALISER = 3
INITIAL, ABBREVIATION = "^", "~"
"""Marks of entries that are no words; a word holds letters and digits only."""

INITIALS = (1, 2)
"""How many letters of a name are entries of their own, because too many words begin with so few."""

_WORDS_CAP = 16
_MAIL_CAP, _PHONE_CAP = 320, 160
_LETTERS = re.compile("[^\\W\\d_]+")
_SKETCHED = range(3, 25)
_LONG = 5
_TELLING = 3
"""Letters of a word of an address that can name somebody."""


class Field(IntEnum):
    """Where in a contact a word stands."""

    NAME = 0
    COMPANY = 1
    TITLE = 2
    MAIL = 3


class IndexKey(IntEnum):
    """Ways to reach somebody, each an ordered range of its own."""

    PHONE = 0
    PHONE_REVERSED = 1
    MAIL = 2
    MAIL_REVERSED = 3
    MAIL_DOMAIN = 4


Row: TypeAlias = Contact
"""A contact as it is stored."""


Fields = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""The words of each field, in `Field`'s order."""


def field_words(row: Row) -> Fields:
    """Give the words of name, company, title and address, in `Field`'s order.

    The address speaks where it holds a word that the name does not have, or the name is in another script.
    """
    name = (company_words(row.first_name or "") + company_words(row.last_name or ""))[:_WORDS_CAP]
    company = company_words(row.company or "")[:_WORDS_CAP]
    return name, company, tokenize(row.job_title or "")[:_WORDS_CAP], _mail_words(row.email_id or "", name)


def _mail_words(field: str, name: tuple[str, ...]) -> tuple[str, ...]:
    local = field.partition("@")[0]
    if not local:
        return ()
    said = [word for word in _LETTERS.findall(fold(local)) if len(word) >= _TELLING]
    return tuple(word for word in said if not any(word in each or each in word for each in name if len(each) > 1))


def entries(row: Row) -> frozenset[tuple[str, Field]]:
    """Give what a contact is found by: words, how they are read, initials of names, abbreviations."""
    fields = field_words(row)
    found = {(word, field) for field, some in zip(Field, fields, strict=True) for word in some}
    found.update((said, field) for word, field in list(found) if not word.isascii() for said in readings(word))
    name, company, title, _ = fields
    found.update((INITIAL + word[:length], Field.NAME) for word in name for length in INITIALS)
    found.update((said, Field.NAME) for said, _, _ in kanji_readings(name))
    found.update((ABBREVIATION + short, Field.NAME) for short, _, _ in name_initials(name))
    found.update((ABBREVIATION + short, Field.COMPANY) for short in company_initials(company))
    found.update((ABBREVIATION + short, Field.TITLE) for short, _, _ in title_initials(title))
    return frozenset(found)


def reaches(row: Row) -> frozenset[tuple[IndexKey, str]]:
    """Give the numbers, forwards and from their end, the addresses, forwards and from the @, and their domains."""
    found: set[tuple[IndexKey, str]] = set()
    for written in split_numbers(clean_phones((row.phone_no or "")[:_PHONE_CAP])):
        for number in parse_number(written):
            found.add((IndexKey.PHONE, number.national))
            found.add((IndexKey.PHONE_REVERSED, (number.code + number.national)[::-1]))
    for address in addresses((row.email_id or "")[:_MAIL_CAP]):
        found.add((IndexKey.MAIL, address))
        found.add((IndexKey.MAIL, without_tag(address)))
        found.add((IndexKey.MAIL_REVERSED, address.rpartition("@")[0][::-1]))
        found.update((IndexKey.MAIL_DOMAIN, domain) for domain in domains(address))
    return frozenset(found)


def is_word(entry: str) -> bool:
    """Tell a word from the initials and abbreviations among a contact's entries."""
    return entry[0] not in (INITIAL, ABBREVIATION)


def sketches(word: str) -> frozenset[int]:
    """Give numbers by which similar words find this one: its letters, its consonants, and each of them minus one."""
    if is_abjad(word):
        return _hashed({"=" + found for found in phonetic_keys(word)} | {*_less("", word, 0), *_less("", word, 1)})
    consonants = phonetic_key(word)
    return _hashed({"=" + consonants, *_less("-", consonants, 1), *_less("", word, 0), *_less("", word, 1)})


def query_sketches(word: str, *, is_near: bool = False) -> frozenset[int]:
    """Give the numbers among which a word finds the sketches of those that are similar to it.

    Args:
        word: a word of a query.
        is_near: whether only words are looked for that sound the same or differ by one letter.
    """
    if is_abjad(word):
        return sketches(word)
    consonants = phonetic_key(word)
    if is_near:
        return _hashed({"=" + consonants, *_less("", word, 0), *_less("", word, 1)})
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
