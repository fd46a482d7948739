"""Digits that are spoken word by word, in English or in Hindi, as the digits they are."""

from telecmi_mcp._search.data.spoken_digits import DIGITS, REPEATS

_LEAST = 4
"""Spoken digits in a row that are a number; fewer may be words of a name or a sentence."""


def digits_of_words(folded: str) -> str:
    """Replace runs of spoken digits by the digits; "do" and "no" end no run of their own."""
    words = folded.split()
    written: list[str] = []
    place = 0
    while place < len(words):
        digits, end = _run(words, place)
        if len(digits) >= _LEAST:
            written.append(digits)
            place = end
        else:
            written.append(words[place])
            place += 1
    return " ".join(written)


def _run(words: list[str], start: int) -> tuple[str, int]:
    digits, place = "", start
    while place < len(words):
        word = words[place].strip(",.-?")
        if word in REPEATS and place + 1 < len(words) and (digit := _digit(words[place + 1])):
            digits += digit * REPEATS[word]
            place += 2
        elif digit := _digit(word):
            digits += digit
            place += 1
        else:
            break
    return digits, place


def _digit(word: str) -> str:
    word = word.strip(",.-?")
    return word if len(word) == 1 and word.isdecimal() and word.isascii() else DIGITS.get(word, "")
