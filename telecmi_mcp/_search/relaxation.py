"""Widening a query of words against the vocabulary, phase by phase, until there are enough good answers."""

from collections.abc import Iterable, Iterator, Sequence

from telecmi_mcp._search.document import ABBREVIATION, INITIAL, INITIALS, Field, sought
from telecmi_mcp._search.lookup import by_handle
from telecmi_mcp._search.query import Query, Word
from telecmi_mcp._search.rank import Graded, Match, Ranking
from telecmi_mcp._search.store import Clause, Demand, Term, View

_RANKED = 200
_PREFIXES, _FUZZY_TERMS = 400, 60
_STRONG, _STRONGER, _GOOD = 0.85, 0.9, 0.85
_PARTIAL_LEAST = 0.4
_TELLING = 3
"""Letters of a word that may stand for the whole query in a partial answer."""
_ANYWHERE = tuple(Field)
_IN_NAME = (Field.NAME,)


class Widening:
    """One search by words: exact, then beginnings and initials, then similar words, at last with a word left out."""

    def __init__(self, view: View, asked: Query, *, wanted: int) -> None:
        self._view = view
        self._handle = asked.handle
        self._words = asked.words
        self._extras = asked.extras
        self._wanted = wanted
        self._ranking = Ranking(asked.words, extras=asked.extras)
        self._graded: dict[str, Graded] = {}
        self._texts: dict[str, Term] = {}
        self._starting: dict[str, list[Term]] = {}
        self._near: dict[str, list[tuple[float, Term]]] = {}

    def found(self) -> list[Graded]:
        """Give the answers, best first; partial ones only when there is no full one."""
        self._collect(self._exact_demands())
        if not self._graded and self._handle:
            self._keep(by_handle(self._view, self._handle, self._wanted))
        for phase in (self._prefix_demands, self._fuzzy_demands):
            if len(self._full()) < self._wanted:
                self._collect(phase())
        if max((one.score for one in self._full()), default=0.0) < _GOOD:
            self._ranking.look_closer()
            self._collect(self._partial_demands(), again=True)
        some = self._full() or [one for one in self._graded.values() if one.score >= _PARTIAL_LEAST]
        return sorted(some, key=lambda one: (one.match is not Match.EXACT, -one.score))

    def _full(self) -> list[Graded]:
        return [one for one in self._graded.values() if one.match is not Match.PARTIAL]

    def _keep(self, graded: Iterable[Graded]) -> None:
        self._graded.update((one.row.contact_id, one) for one in graded)

    def _collect(self, demands: Iterable[Demand], *, again: bool = False) -> None:
        asked = [demand for demand in dict.fromkeys(demands) if all(demand)]
        left = _RANKED - len(self._graded)
        if asked and left > 0:
            rows = self._view.candidates(asked, limit=left)
            self._keep(self._ranking.grade(row) for row in rows if again or row.contact_id not in self._graded)

    def _exact_demands(self) -> Iterator[Demand]:
        texts = [word.text for word in (*self._words, *self._extras)]
        marked = [ABBREVIATION + text for text in texts] + [INITIAL + text for text in texts if len(text) == 1]
        short = [INITIAL + word.text for word in self._words if len(word.text) in INITIALS]
        self._texts = {term.text: term for term in self._view.terms([*texts, *marked, *short])}
        if self._extras:
            yield tuple(self._same(word, _ANYWHERE) for word in (*self._words, *self._extras))
        yield tuple(self._same(word, _IN_NAME) for word in self._words)
        yield tuple(self._same(word, _ANYWHERE) for word in self._words)

    def _same(self, word: Word, fields: Sequence[Field]) -> Clause:
        marks = ("", INITIAL, ABBREVIATION) if len(word.text) == 1 else ("", ABBREVIATION)
        terms = [self._texts[mark + word.text] for mark in marks if mark + word.text in self._texts]
        return frozenset(token for term in terms for token in term.postings(fields))

    def _prefix_demands(self) -> Iterator[Demand]:
        prefixes = [word.text for word in self._words if len(word.text) > max(INITIALS)]
        terms = self._view.starting(prefixes, limit=_PREFIXES) if prefixes else []
        self._starting = dict(zip(prefixes, terms, strict=True))
        yield tuple(self._begun(word, _IN_NAME) for word in self._words)
        yield tuple(self._begun(word, _ANYWHERE) for word in self._words)

    def _begun(self, word: Word, fields: Sequence[Field]) -> Clause:
        terms = self._starting.get(word.text, [])
        if term := self._texts.get(INITIAL + word.text):
            terms = [*terms, term]
        return self._same(word, fields).union(*(term.postings(fields) for term in terms))

    def _fuzzy_demands(self) -> Iterator[Demand]:
        asked = [word.text for word in self._words if len(word.text) > 1]
        shapes = [sought(text) for text in asked]
        terms = self._view.near(shapes) if shapes else []
        least = _STRONG if self._graded else 0.0
        self._near = {text: self._closest(text, some, least) for text, some in zip(asked, terms, strict=True)}
        strong = [self._like(word, _STRONG) for word in self._words]
        if self._graded:
            yield tuple(strong)
            return
        close = [self._same(word, _ANYWHERE) for word in self._words]
        wide = [self._like(word, 0.0) for word in self._words]
        for place in range(len(self._words)):
            yield (*close[:place], wide[place], *close[place + 1 :])
        yield tuple(strong)
        yield tuple(wide)

    def _closest(self, word: str, terms: list[Term], least: float) -> list[tuple[float, Term]]:
        compared = [(self._ranking.compare(word, term.text, least=least), term) for term in terms]
        return sorted((pair for pair in compared if pair[0]), key=lambda pair: (-pair[0], -pair[1].uses))[:_FUZZY_TERMS]

    def _like(self, word: Word, least: float, *, begun: bool = True) -> Clause:
        terms = [
            term
            for worth, term in self._near.get(word.text, [])
            if worth >= least and (begun or not term.text.startswith(word.text))
        ]
        return self._same(word, _ANYWHERE).union(*(term.postings(_ANYWHERE) for term in terms))

    def _partial_demands(self) -> Iterator[Demand]:
        clauses = [self._same(word, _ANYWHERE) or self._like(word, _STRONGER, begun=False) for word in self._words]
        for place in range(len(self._words)):
            kept = [word for index, word in enumerate(self._words) if index != place]
            if any(len(word.text) >= _TELLING for word in kept):
                yield (*clauses[:place], *clauses[place + 1 :])
        of_person = tuple(clause for word, clause in zip(self._words, clauses, strict=True) if not word.of_company)
        if 0 < len(of_person) < len(self._words):
            yield of_person
