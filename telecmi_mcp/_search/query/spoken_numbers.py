"""Replaces words for digits, in English and Hindi, by the digits."""

from telecmi_mcp._search.data.spoken_digits import REPEAT_WORDS, SPOKEN_DIGITS

_MIN_DIGITS = 4
"""Minimum length of a run of spoken digits. Shorter runs may be words of a name or a sentence."""


def replace_spoken_digits(folded: str) -> str:
    """Return a folded text with each run of spoken digits replaced by the digits."""
    words = folded.split()
    replaced: list[str] = []
    index = 0
    while index < len(words):
        digits, end = _digit_run(words, index)
        if len(digits) >= _MIN_DIGITS:
            replaced.append(digits)
            index = end
        else:
            replaced.append(words[index])
            index += 1
    return " ".join(replaced)


def _digit_run(words: list[str], start: int) -> tuple[str, int]:
    """Return the digits that the words from `start` on stand for, and the index after these words."""
    digits, index = "", start
    while index < len(words):
        word = words[index].strip(",.-?")
        if word in REPEAT_WORDS and index + 1 < len(words) and (digit := _digit(words[index + 1])):
            digits += digit * REPEAT_WORDS[word]
            index += 2
        elif digit := _digit(word):
            digits += digit
            index += 1
        else:
            break
    return digits, index


def _digit(word: str) -> str:
    word = word.strip(",.-?")
    return word if len(word) == 1 and word.isdecimal() and word.isascii() else SPOKEN_DIGITS.get(word, "")
