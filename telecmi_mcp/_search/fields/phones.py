"""Telephone numbers as digits that compare, however they were written.

Source: ITU-T E.164, and the national numbering plans named at `telecmi_mcp._search.data.country_codes`.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from telecmi_mcp._search.data.country_codes import LONGEST_CODE, NATIONAL_LENGTHS

DIGITS_CAP = 32
"""Digits of one number that are looked at; E.164 allows 15."""
SHORTEST, LONGEST = 7, 15
"""How many digits a subscriber's number has at least, and an international one at most."""

_INDIA, _INDIAN_LENGTH = "91", 10
_RUSSIA, _RUSSIAN_LENGTH = "7", 10
_BRAZIL, _NINTH = "55", 2
_LONG_NATIONAL = 11
_NANP = "1"
"""A code that is also how mobile numbers in China begin."""
_TRUNK_IN_BRACKETS = re.compile(r"\(0\)")
_NOT_DIGITS = re.compile(r"[^0-9]+")
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_EXTENSION = re.compile(
    r"[;,]?\s*(?<![a-z])(?:ext(?:n|ension)?|x)\.?\s*[:=#]?\s*[0-9]{1,6}(?![0-9])"
    r"|,{2,}\s*[0-9]{1,6}(?![0-9])|(?<=[0-9]{7}),\s*[0-9]{1,5}(?![0-9])",
    re.IGNORECASE,
)
_SPREADSHEET = re.compile(r"(?<=[0-9]{7})\.0\b")
_BETWEEN = re.compile(r"\s*(?:[/;,|&\n]|\bor\b|\band\b)\s*", re.IGNORECASE)
_INTERNATIONAL = re.compile(r"[^0-9]*(?:\+|00)")
_ALTERNATIVE = 4
"""Digits that may follow a slash in place of the last ones of the number before it: 022-24151234/35."""


class Number(NamedTuple):
    """A number taken apart: its country's code, "" where nothing tells it, and the rest without a trunk prefix."""

    code: str
    national: str


def ascii_digits(text: str) -> str:
    """Write the decimal digits of every script as 0 to 9 and leave the other characters alone."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char, char)) for char in text)


def plain(text: str) -> str:
    """Write a text's digits and dashes as ASCII has them, and leave extensions out."""
    text = _DASHES.sub("-", ascii_digits(text)).replace("\N{MIDDLE DOT}", ".")
    return _EXTENSION.sub(" ", _SPREADSHEET.sub("", text))


def written_numbers(field: str) -> tuple[str, ...]:
    """Cut a field, or a piece of a query, into the numbers that stand in it.

    Args:
        field: plain text, as `plain` gives it.
    """
    pieces = [piece for piece in _BETWEEN.split(field) if digits_of(piece)]
    if not pieces:
        return ()
    if all(len(digits_of(piece)) < SHORTEST for piece in pieces) and len(digits_of(field)) <= LONGEST:
        return (field,)
    found: list[str] = []
    for piece in pieces:
        digits = digits_of(piece)
        if found and len(digits) <= _ALTERNATIVE < len(digits_of(found[-1])):
            found.append(digits_of(found[-1])[: -len(digits)] + digits)
        else:
            found.extend(_apart(piece))
    return tuple(found)


def _apart(piece: str) -> Iterator[str]:
    """Cut two numbers with nothing but a blank between them."""
    if len(digits_of(piece)) <= LONGEST:
        yield piece
        return
    gathered = ""
    for part in piece.split():
        if len(digits_of(gathered)) >= _INDIAN_LENGTH:
            yield gathered
            gathered = ""
        gathered += part
    yield gathered


def digits_of(text: str) -> str:
    """Give the ASCII digits of a text."""
    return _NOT_DIGITS.sub("", text)[:DIGITS_CAP]


def is_international(written: str) -> bool:
    """Tell whether a number is written with + or 00 before its country code."""
    return _INTERNATIONAL.match(written) is not None


def numbers(written: str) -> frozenset[Number]:
    """Give what a written number may be: with its country's code where it has one, else as a national number."""
    found = number_with_code(written)
    digits = _written_digits(written)
    if found and (is_international(written) or _behind_exit_code(digits)):
        return frozenset((found,))
    if is_international(written):
        return frozenset((Number("", digits.lstrip("0")),))
    return frozenset(filter(lambda number: number.national, _of_bare(digits, found)))


def number_with_code(written: str) -> Number | None:
    """Give the number with the country's code that is written before it; ``None`` where no code is credible.

    A code is credible behind + or 00, or where the digits behind it are as many as this country's numbers have.
    """
    digits = _written_digits(written)
    if found := _behind_exit_code(digits):
        return found
    national = digits.lstrip("0")
    if is_international(written):
        return _with_code(national) or _any_code(national)
    if national.startswith(_INDIA) and len(national[len(_INDIA) :].lstrip("0")) == _INDIAN_LENGTH:
        return Number(_INDIA, national[len(_INDIA) :].lstrip("0"))
    return _with_code(national) if len(national) >= _LONG_NATIONAL and national == digits else None


def _written_digits(written: str) -> str:
    return digits_of(_TRUNK_IN_BRACKETS.sub("", written))


def _behind_exit_code(digits: str) -> Number | None:
    """Read a number behind the exit code of Australia or North America."""
    for exit_code in ("0011", "011"):
        rest = digits.removeprefix(exit_code)
        if rest != digits and len(rest) >= _LONG_NATIONAL and (found := _with_code(rest)):
            return found
    return None


def _of_bare(digits: str, found: Number | None) -> Iterator[Number]:
    """Read a number without an international prefix; TeleCMI stores numbers so, with the country's code."""
    national = digits.lstrip("0")
    if found:
        yield found
        if found.code == _INDIA and len(found.national) == _INDIAN_LENGTH:
            return
    if len(national) == len("8") + _RUSSIAN_LENGTH and national.startswith("8"):
        yield Number(_RUSSIA, national[1:])
    if len(national) == _LONG_NATIONAL and national[_NINTH] == "9":
        yield _canonical(_BRAZIL, national)
    if not found or national.startswith(_NANP):
        yield Number("", national)


def _with_code(digits: str) -> Number | None:
    """Take a country's code off, where what is left has a length that this country's numbers have."""
    for length in range(1, LONGEST_CODE + 1):
        code, national = digits[:length], digits[length:].lstrip("0")
        if len(national) in NATIONAL_LENGTHS.get(code, ()) and not (code == "1" and national[0] == "1"):
            return _canonical(code, national)
    return None


def _any_code(digits: str) -> Number | None:
    codes = (digits[:length] for length in range(1, LONGEST_CODE + 1))
    return next((Number(code, digits[len(code) :].lstrip("0")) for code in codes if code in NATIONAL_LENGTHS), None)


def _canonical(code: str, national: str) -> Number:
    """Leave out the digit that mobile numbers of some countries have in some ways of writing them."""
    if len(national) == _LONG_NATIONAL:
        if code == _BRAZIL and national[_NINTH] == "9":
            return Number(code, national[:_NINTH] + national[_NINTH + 1 :])
        if (code, national[0]) in (("52", "1"), ("54", "9")):
            return Number(code, national[1:])
    return Number(code, national)


def is_same(asked: Number, stored: Number) -> bool:
    """Tell whether two readings can be one number: countries that are known and differ never are."""
    if asked.national == stored.national:
        return not asked.code or not stored.code or asked.code == stored.code
    return asked.code + asked.national == stored.code + stored.national


def whole(written: str) -> frozenset[str]:
    """Give the digits of a number with its country's code, as its end is looked for."""
    return frozenset(number.code + number.national for number in numbers(written))
