"""Which job titles a filter means: those that contain all its words, or what stands for them (MD, CEO, Mgr)."""

from collections.abc import Iterator, Sequence

from telecmi_mcp._search.data.titles import LONG_TITLES, TITLE_VARIANTS
from telecmi_mcp._search.fields.abbreviations import title_initials
from telecmi_mcp._search.fields.facets import Facet, title_value
from telecmi_mcp._search.store import ValueQuery, View

_INITIALS = range(2, 6)
_NOTHING: frozenset[str] = frozenset()


class TitleFilter:
    """The words of a job title that are asked for, as they compare with the values of `Facet.JOB_TITLE`."""

    def __init__(self, text: str) -> None:
        self.words = tuple(title_value(text).split())
        self._shorts = list(_shorts_in(self.words))

    def find(self, view: View) -> list[str]:
        """Give the titles of an index that the filter means."""
        values = view.values(Facet.JOB_TITLE, list(self._queries())) if self.words else []
        return [value for value in values if self.is_in(value)]

    def is_in(self, value: str) -> bool:
        """Tell whether a title contains all words of the filter, or what stands for them."""
        title = tuple(value.split())
        shorts = {short for short, _, _ in _shorts_in(title)}
        held = {place for place, word in enumerate(self.words) if word in shorts or not _same(word).isdisjoint(title)}
        for short, start, end in self._shorts:
            if short in title:
                held.update(range(start, end))
        return bool(self.words) and len(held) == len(self.words)

    def _queries(self) -> Iterator[ValueQuery]:
        """Yield queries by the words, by a short form of some of them, and by what a word is the short form of."""
        alone = [_same(word) for word in self.words]
        yield ValueQuery(alone)
        for short, start, end in self._shorts:
            yield ValueQuery([*alone[:start], {short}, *alone[end:]])
        certain = [] if self._shorts else [_same(word) for word in self.words if not _may_be_short(word)]
        yield from (ValueQuery(certain, initials=word) for word in filter(_may_be_short, self.words))


def _may_be_short(word: str) -> bool:
    return len(word) in _INITIALS and word.isascii() and word.isalpha()


def _same(word: str) -> frozenset[str]:
    return TITLE_VARIANTS.get(word, _NOTHING) | {word}


def _shorts_in(title: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Give the short forms of words that stand together; a well-known one only for what it stands for."""
    for short, start, end in title_initials(title):
        if len(short) in _INITIALS and (short not in LONG_TITLES or " ".join(title[start:end]) in LONG_TITLES[short]):
            yield short, start, end
