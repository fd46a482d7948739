"""Which companies a filter means: those with this whole name, or else those whose names contain its words in order."""

from collections.abc import Callable, Iterator, Sequence

from telecmi_mcp._search.data.company_names import COMPANY_SHORT_NAMES
from telecmi_mcp._search.data.legal_forms import LEGAL_FORMS, STOP_WORDS
from telecmi_mcp._search.fields.abbreviations import company_initials
from telecmi_mcp._search.fields.facets import Facet, company_value
from telecmi_mcp._search.store import ValueQuery, View

_INITIALS = range(2, 9)
_FEW = 2
"""Letters of initials that may be too many companies: they count where no company has the name."""
_LAST_FORMS = ("limited", "corporation")
"""Legal forms whose first letter an abbreviation may have behind it: MSIL, ONGC."""


class CompanyFilter:
    """The name of a company that is asked for, as it compares with the values of `Facet.COMPANY`."""

    def __init__(self, text: str) -> None:
        self.value = company_value(text)
        self.words = tuple(word for word in self.value.split() if word not in STOP_WORDS)
        self.is_telling = any(word not in LEGAL_FORMS for word in self.words)
        self._joined = _spellings(self.value)
        self._short_names = _short_names_of(self.words)

    def find(self, view: View) -> tuple[Callable[[str], bool], list[str]]:
        """Return the first rule that companies of an index meet, and these companies; none if none meets any."""
        values = view.values(Facet.COMPANY, list(self._queries())) if self.value else []
        for rule in (self.is_name_of, self.is_initials_of, self.is_in_order):
            if found := [value for value in values if rule(value)]:
                return rule, found
        return self.is_name_of, []

    def is_name_of(self, value: str) -> bool:
        """Tell whether this is the whole name of a company, as it is written or abbreviated."""
        if value == self.value or not self.is_telling:
            return bool(value) and value == self.value
        if self._joined & _spellings(value) or self._is_known(value):
            return True
        return len(self.value) > _FEW and self.is_initials_of(value)

    def is_written_as(self, value: str) -> bool:
        """Return whether this is the whole name of a company, or a well-known short name of it, but no initials."""
        return self.is_telling and bool(self._joined & _spellings(value) or self._is_known(value))

    def is_initials_of(self, value: str) -> bool:
        """Tell whether the filter is the first letters of a company's name."""
        return self._may_be_initials() and any(
            self.value == short
            for form in ("", *_LAST_FORMS)
            for short in company_initials(value.split() + [form] * bool(form))
        )

    def is_in_order(self, value: str) -> bool:
        """Tell whether a company's name contains the words of the filter in their order, others between them or not."""
        there = iter(value.split())
        return self.is_telling and (all(word in there for word in self.words) or self._is_run_of(value))

    def _queries(self) -> Iterator[ValueQuery]:
        """Yield queries for every company that may meet a rule."""
        yield ValueQuery(joined=self._joined)
        if not self.is_telling:
            return
        if self._may_be_initials():
            yield ValueQuery(initials=self.value)
        yield from (ValueQuery([{name} for name in names]) for names in COMPANY_SHORT_NAMES.get(self.value, ()))
        if self._short_names:
            yield ValueQuery([self._short_names])
        yield ValueQuery([{word} for word in self.words])

    def _may_be_initials(self) -> bool:
        return self.value.isascii() and self.value.isalpha() and len(self.value) in _INITIALS

    def _is_run_of(self, value: str) -> bool:
        """Tell whether some words of a company that stand together are the filter, written as one."""
        words = value.split()
        return any(
            "".join(words[start:end]) in self._joined
            for start in range(len(words))
            for end in range(start + 1, len(words) + 1)
        )

    def _is_known(self, value: str) -> bool:
        words = [word for word in value.split() if word not in STOP_WORDS]
        is_long = any(set(words[: len(names)]) == names for names in COMPANY_SHORT_NAMES.get(self.value, ()))
        return is_long or value in self._short_names


def _short_names_of(words: Sequence[str]) -> frozenset[str]:
    """Return the well-known short names of a company whose whole name this is."""
    whole = frozenset(words)
    return frozenset(short for short, several in COMPANY_SHORT_NAMES.items() if whole in several)


def _spellings(value: str) -> frozenset[str]:
    """Give a name without its blanks, and as it is without the N that stands for "and" (HNM)."""
    joined = value.replace(" ", "")
    is_short = joined == value and len(value) == len("hnm") and value[1] == "n" and value.isascii()
    return frozenset((joined, joined[0] + joined[2])) if is_short else frozenset((joined,))
