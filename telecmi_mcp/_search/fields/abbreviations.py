"""Derives abbreviations made of initials from names, companies and titles."""

from collections.abc import Iterator, Sequence

from telecmi_mcp._search.data.legal_forms import ABBREVIATED_ENDINGS, STOP_WORDS
from telecmi_mcp._search.fields.companies import without_legal_form

_WORDS_CAP = 8
"""Maximum number of words that an abbreviation stands for."""


def initials_of(words: Sequence[str]) -> str:
    """Return the first letter of each word, joined."""
    return "".join(word[0] for word in words)


def name_initials(name: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the initials of each two and three consecutive words of a name, with the start and the end of the words."""
    for length in (2, 3):
        for start in range(len(name) - length + 1):
            words = name[start : start + length]
            if any(len(word) > 1 for word in words):
                yield initials_of(words), start, start + length


def company_initials(company: Sequence[str]) -> Iterator[str]:
    """Yield the abbreviations of a company: without its legal form, and with one or more words of it.

    An abbreviation may omit words such as "of" and "and", and may have "n" for "and".
    """
    core = without_legal_form(company)
    endings = [word for word in company if word in ABBREVIATED_ENDINGS and word not in core]
    for words in (core, tuple(word for word in core if word not in STOP_WORDS)):
        for count in range(len(endings) + 1):
            yield from _abbreviations([*words, *endings[:count]])
        if words and words[-1] in ABBREVIATED_ENDINGS:
            yield from _abbreviations(words[:-1])


def _abbreviations(words: Sequence[str]) -> Iterator[str]:
    if 1 < len(words) <= _WORDS_CAP:
        yield initials_of(words)
        if "and" in words:
            yield initials_of(["n" if word == "and" else word for word in words])


def title_initials(title: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the initials of each two or more consecutive words of a title, with the start and the end of the words.

    Examples are CTO, and HR in Human Resources Manager. Initials may omit words such as "of".
    """
    words = title[:_WORDS_CAP]
    for start in range(len(words) - 1):
        for end in range(start + 2, len(words) + 1):
            run = words[start:end]
            yield initials_of(run), start, end
            if short := initials_of([word for word in run if word not in STOP_WORDS]):
                yield short, start, end
