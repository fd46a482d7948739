"""Derives the index entries of a contact: its words by field, and its phone numbers and e-mail addresses as keys.

`NORMALISER` increases with every change of what this module derives. An index of another version is created again.
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
"""Prefixes of entries that are not words. A word consists of letters and digits."""

INITIALS = (1, 2)
"""Lengths of a name's prefixes that are entries of their own, because too many words start with so few letters."""

_WORDS_CAP = 16
_MAIL_CAP, _PHONE_CAP = 320, 160
_LETTERS = re.compile("[^\\W\\d_]+")
_SKETCHED = range(3, 25)
_LONG = 5
_TELLING = 3
"""Minimum letters of a word of an e-mail address that may be a name."""


class Field(IntEnum):
    """Field of a contact that holds a word."""

    NAME = 0
    COMPANY = 1
    TITLE = 2
    MAIL = 3


class IndexKey(IntEnum):
    """Keys of contacts, each an ordered range of its own."""

    PHONE = 0
    PHONE_REVERSED = 1
    MAIL = 2
    MAIL_REVERSED = 3
    MAIL_DOMAIN = 4


Row: TypeAlias = Contact
"""A contact in a store."""


Fields = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Words of each field, in the order of `Field`."""


def field_words(row: Row) -> Fields:
    """Return the words of name, company, title and address, in the order of `Field`.

    Of the address only words count that the name lacks, as for a name in another script.
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
    """Return the entries of a contact: words, readings, initials of names, abbreviations."""
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
    """Return the keys of a contact: numbers and addresses, forwards and reversed, and domains."""
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
    """Return whether an entry is a word, and not an initial or an abbreviation."""
    return entry[0] not in (INITIAL, ABBREVIATION)


def sketches(word: str) -> frozenset[int]:
    """Return hashes of a word's letters and consonants, whole and without one of them; similar words share one."""
    if is_abjad(word):
        return _hashed({"=" + found for found in phonetic_keys(word)} | {*_less("", word, 0), *_less("", word, 1)})
    consonants = phonetic_key(word)
    return _hashed({"=" + consonants, *_less("-", consonants, 1), *_less("", word, 0), *_less("", word, 1)})


def query_sketches(word: str, *, is_near: bool = False) -> frozenset[int]:
    """Return the hashes among which a word of a query finds the sketches of similar words.

    Args:
        word: A word of a query.
        is_near: True to find only words that sound the same or differ by one letter.
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
