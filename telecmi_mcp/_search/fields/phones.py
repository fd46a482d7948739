"""Extracts telephone numbers from text and splits them into country code and national number.

Source: ITU-T E.164, and the national numbering plans that `telecmi_mcp._search.data.country_codes` names.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from telecmi_mcp._search.data.country_codes import LONGEST_CODE, NATIONAL_LENGTHS

DIGITS_CAP = 32
"""Maximum number of digits of a number that are read. E.164 allows 15."""
SHORTEST_NUMBER, LONGEST_NUMBER = 7, 15
"""Digits of the shortest subscriber number, and of the longest international number."""

_INDIA, _INDIAN_LENGTH = "91", 10
_RUSSIA, _RUSSIAN_LENGTH = "7", 10
_BRAZIL, _NINTH_DIGIT = "55", 2
"""Country code of Brazil, and the index of the 9 that its mobile numbers may have."""
_LONG_NATIONAL_LENGTH = 11
_NANP = "1"
"""Country code of North America. Chinese mobile numbers also start with 1."""
_TRUNK_IN_BRACKETS = re.compile(r"\(0\)")
_NOT_DIGITS = re.compile(r"[^0-9]+")
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_EXTENSION = re.compile(
    r"[;,]?\s*(?<![a-z])(?:ext(?:n|ension)?|x)\.?\s*[:=#]?\s*[0-9]{1,6}(?![0-9])"
    r"|,{2,}\s*[0-9]{1,6}(?![0-9])|(?<=[0-9]{7}),\s*[0-9]{1,5}(?![0-9])",
    re.IGNORECASE,
)
_SPREADSHEET_DECIMAL = re.compile(r"(?<=[0-9]{7})\.0\b")
_SEPARATOR = re.compile(r"\s*(?:[/;,|&\n]|\bor\b|\band\b)\s*", re.IGNORECASE)
_INTERNATIONAL_PREFIX = re.compile(r"[^0-9]*(?:\+|00)")
_ALTERNATIVE_ENDING_LENGTH = 4
"""Maximum number of digits after a slash that replace the last digits of the number before it: 022-24151234/35."""


class Number(NamedTuple):
    """A telephone number: its country code, "" if unknown, and its national number without a trunk prefix."""

    code: str
    national: str


def ascii_digits(text: str) -> str:
    """Return a text with the decimal digits of every script as 0 to 9, and all other characters unchanged."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char, char)) for char in text)


def clean_phones(text: str) -> str:
    """Return a text with digits and dashes in ASCII, and without extensions of telephone numbers."""
    text = _DASHES.sub("-", ascii_digits(text)).replace("\N{MIDDLE DOT}", ".")
    return _EXTENSION.sub(" ", _SPREADSHEET_DECIMAL.sub("", text))


def split_numbers(text: str) -> tuple[str, ...]:
    """Return the telephone numbers in a field or in a part of a query, as they are written.

    Args:
        text: the result of `clean_phones`.
    """
    pieces = [piece for piece in _SEPARATOR.split(text) if digits_of(piece)]
    if not pieces:
        return ()
    if all(len(digits_of(piece)) < SHORTEST_NUMBER for piece in pieces) and len(digits_of(text)) <= LONGEST_NUMBER:
        return (text,)
    found: list[str] = []
    for piece in pieces:
        digits = digits_of(piece)
        if found and len(digits) <= _ALTERNATIVE_ENDING_LENGTH < len(digits_of(found[-1])):
            found.append(digits_of(found[-1])[: -len(digits)] + digits)
        else:
            found.extend(_split_at_spaces(piece))
    return tuple(found)


def _split_at_spaces(piece: str) -> Iterator[str]:
    """Split numbers that only a space separates, if the digits are too many for one number."""
    if len(digits_of(piece)) <= LONGEST_NUMBER:
        yield piece
        return
    number = ""
    for part in piece.split():
        if len(digits_of(number)) >= _INDIAN_LENGTH:
            yield number
            number = ""
        number += part
    yield number


def digits_of(text: str) -> str:
    """Return the ASCII digits of a text, at most `DIGITS_CAP`."""
    return _NOT_DIGITS.sub("", text)[:DIGITS_CAP]


def is_international(written: str) -> bool:
    """Return whether a number is written with + or 00 before its country code."""
    return _INTERNATIONAL_PREFIX.match(written) is not None


def parse_number(written: str) -> frozenset[Number]:
    """Give what a written number may be: with its country's code where it has one, else as a national number."""
    found = number_with_code(written)
    digits = _written_digits(written)
    if found and (is_international(written) or _behind_exit_code(digits)):
        return frozenset((found,))
    if is_international(written):
        return frozenset((Number("", digits.lstrip("0")),))
    return frozenset(filter(lambda number: number.national, _without_prefix(digits, found)))


def number_with_code(written: str) -> Number | None:
    """Give the number with the country's code that is written before it; ``None`` where no code is credible.

    A code is credible behind + or 00, or where the digits behind it are as many as this country's numbers have.
    """
    digits = _written_digits(written)
    if found := _behind_exit_code(digits):
        return found
    national = digits.lstrip("0")
    if is_international(written):
        return _with_valid_length(national) or _with_any_length(national)
    if national.startswith(_INDIA) and len(national[len(_INDIA) :].lstrip("0")) == _INDIAN_LENGTH:
        return Number(_INDIA, national[len(_INDIA) :].lstrip("0"))
    return _with_valid_length(national) if len(national) >= _LONG_NATIONAL_LENGTH and national == digits else None


def _written_digits(written: str) -> str:
    return digits_of(_TRUNK_IN_BRACKETS.sub("", written))


def _behind_exit_code(digits: str) -> Number | None:
    """Read a number behind the exit code of Australia or North America."""
    for exit_code in ("0011", "011"):
        rest = digits.removeprefix(exit_code)
        if rest != digits and len(rest) >= _LONG_NATIONAL_LENGTH and (found := _with_valid_length(rest)):
            return found
    return None


def _without_prefix(digits: str, found: Number | None) -> Iterator[Number]:
    """Read a number without an international prefix; TeleCMI stores numbers so, with the country's code."""
    national = digits.lstrip("0")
    if found:
        yield found
        if found.code == _INDIA and len(found.national) == _INDIAN_LENGTH:
            return
    if len(national) == len("8") + _RUSSIAN_LENGTH and national.startswith("8"):
        yield Number(_RUSSIA, national[1:])
    if len(national) == _LONG_NATIONAL_LENGTH and national[_NINTH_DIGIT] == "9":
        yield _canonical(_BRAZIL, national)
    if not found or national.startswith(_NANP):
        yield Number("", national)


def _with_valid_length(digits: str) -> Number | None:
    """Take a country's code off, where what is left has a length that this country's numbers have."""
    for length in range(1, LONGEST_CODE + 1):
        code, national = digits[:length], digits[length:].lstrip("0")
        if len(national) in NATIONAL_LENGTHS.get(code, ()) and not (code == "1" and national[0] == "1"):
            return _canonical(code, national)
    return None


def _with_any_length(digits: str) -> Number | None:
    codes = (digits[:length] for length in range(1, LONGEST_CODE + 1))
    return next((Number(code, digits[len(code) :].lstrip("0")) for code in codes if code in NATIONAL_LENGTHS), None)


def _canonical(code: str, national: str) -> Number:
    """Remove the digit that mobile numbers of Brazil, Mexico and Argentina have in only some notations."""
    if len(national) == _LONG_NATIONAL_LENGTH:
        if code == _BRAZIL and national[_NINTH_DIGIT] == "9":
            return Number(code, national[:_NINTH_DIGIT] + national[_NINTH_DIGIT + 1 :])
        if (code, national[0]) in (("52", "1"), ("54", "9")):
            return Number(code, national[1:])
    return Number(code, national)


def is_same(one: Number, other: Number) -> bool:
    """Return whether two interpretations can be the same number. Numbers of two known countries are different."""
    if one.national == other.national:
        return not one.code or not other.code or one.code == other.code
    return one.code + one.national == other.code + other.national
