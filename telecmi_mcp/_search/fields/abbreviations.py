"""The first letters that stand for several words: of names, of companies, of titles."""

from collections.abc import Iterator, Sequence

from telecmi_mcp._search.data.legal_forms import LAST_PLACE, SMALL_WORDS
from telecmi_mcp._search.fields.companies import without_legal_form

_WORDS_CAP = 8


def letters_of(some: Sequence[str]) -> str:
    """Give the first letters of words."""
    return "".join(word[0] for word in some)


def name_initials(name: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Give the first letters of every two and three words of a name that stand together, and from where to where."""
    for length in (2, 3):
        for start in range(len(name) - length + 1):
            some = name[start : start + length]
            if any(len(word) > 1 for word in some):
                yield letters_of(some), start, start + length


def company_initials(company: Sequence[str]) -> Iterator[str]:
    """Give what a company may be called by first letters: without its legal form, and with ever more of it.

    Words such as "of" and "and" may be left out; "and" may stand as n.
    """
    core = without_legal_form(company)
    last = [word for word in company if word in LAST_PLACE and word not in core]
    for some in (core, tuple(word for word in core if word not in SMALL_WORDS)):
        for more in range(len(last) + 1):
            yield from _called([*some, *last[:more]])
        if some and some[-1] in LAST_PLACE:
            yield from _called(some[:-1])


def _called(some: Sequence[str]) -> Iterator[str]:
    if 1 < len(some) <= _WORDS_CAP:
        yield letters_of(some)
        if "and" in some:
            yield letters_of(["n" if word == "and" else word for word in some])


def title_initials(title: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Give the first letters of all words of a title that stand together, at least two, and from where to where.

    CTO is so found, and HR of an HR Manager; words such as "of" count or not.
    """
    some = title[:_WORDS_CAP]
    for start in range(len(some) - 1):
        for end in range(start + 2, len(some) + 1):
            run = some[start:end]
            yield letters_of(run), start, end
            if short := letters_of([word for word in run if word not in SMALL_WORDS]):
                yield short, start, end
