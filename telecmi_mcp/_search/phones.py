"""Telephone numbers as digits that compare, however they were written."""

import re
import unicodedata

_COUNTRY = "91"
_NATIONAL_LENGTH = 10
_TRUNK_IN_BRACKETS = re.compile(r"\(0\)")
_NOT_DIGITS = re.compile(r"[^0-9]+")
DIGITS_CAP = 32
"""Digits of one number that are looked at; E.164 allows 15."""


def ascii_digits(text: str) -> str:
    """Write the decimal digits of every script as 0 to 9 and leave the other characters alone."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char, char)) for char in text)


def significant(text: str) -> str:
    """Reduce a number to the digits that identify it.

    The international prefix (+ or 00), the trunk prefix 0 and India's country code before ten digits go; the code
    of another country stays, because nothing tells it from an area code.
    Source: ITU-T E.164 and India's National Numbering Plan.
    """
    plain = _TRUNK_IN_BRACKETS.sub("", ascii_digits(text))
    digits = _NOT_DIGITS.sub("", plain)[:DIGITS_CAP].lstrip("0")
    if len(digits) == len(_COUNTRY) + _NATIONAL_LENGTH and digits.startswith(_COUNTRY):
        return digits.removeprefix(_COUNTRY)
    return digits
