"""Finds contacts by the words of a query: exact words first, then less exact ones until there are enough matches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice

from telecmi_mcp._search.fields.index_entries import INITIAL, INITIALS, Field, Row, field_words, query_sketches
from telecmi_mcp._search.matching.expansion import QueryExpansion
from telecmi_mcp._search.matching.lookup import by_handle
from telecmi_mcp._search.matching.rank import Ranking, Scored
from telecmi_mcp._search.matching.word_match import Match
from telecmi_mcp._search.query.parse import Query, Word
from telecmi_mcp._search.query.splitting import compound_parts, split_compounds
from telecmi_mcp._search.store import MAX_MATCHES, BooleanQuery, Clause, Term, View

_ENOUGH = 25
"""Number of matches after which the search does not try less exact ones."""
_MAX_INEXACT = 104
"""Maximum number of contacts that are ranked by similar words. All that have the words or their prefixes are ranked."""
_PREFIXES, _FUZZY_TERMS = 400, 60
_STRONG, _STRONGER = 0.85, 0.9
_TELLING = 3
"""Minimum letters of the only word that a partial match has."""
_TELLING_SCORE = 0.85
"""Minimum score of the best word in a partial answer."""
_SHORTEST_PART, _LONGEST_SPLIT = 2, 24
_DEMANDS_CAP = 40
_LETTERED = (2, 3)
"""Numbers of letters of a word that may be initials."""
_ANYWHERE = tuple(Field)
_IN_NAME = (Field.NAME,)


class QueryRelaxation:
    """One search by words: exact words, prefixes and initials, similar words, and at last as many words as possible."""

    def __init__(self, view: View, asked: Query, *, accepts: Callable[[Row], bool], may_split: bool = True) -> None:
        self._view = view
        self._accepts = accepts
        self._handle = asked.handle
        self._words = asked.sentence.required
        self._asked = asked
        self._may_split = may_split
        self._is_looked_up = False
        self._is_literal = asked.sentence.is_literal
        self._ranking = Ranking(asked.words, with_initials=may_split)
        alternatives = QueryExpansion(asked.words, with_initials=may_split).alternatives()
        self._alternatives = [
            some for some, word in zip(alternatives, asked.words, strict=True) if not word.is_optional
        ]
        self._optional = [word.text for word in asked.words if word.is_optional]
        self._graded: dict[str, Scored] = {}
        self._terms: dict[str, Term] = {}
        self._starting: dict[str, list[Term]] = {}
        self._near: dict[str, list[tuple[float, Term]]] = {}
        self._parts: list[list[Term]] = [[] for _ in self._words]

    def exact(self) -> list[Scored]:
        """Return the contacts that have all words as they are written, or as a written variant, best first."""
        if not self._is_looked_up:
            self._is_looked_up = True
            self._collect(self._exact_demands(), most=MAX_MATCHES)
        return self._sorted()

    def full(self) -> list[Scored]:
        """Return the contacts that have all words, best first, with prefixes and spelling variants."""
        exact = self.exact()
        if self._is_literal:
            return [one for one in exact if self._is_whole(one)]
        if self._handle and not self._has_exact():
            self._keep(by_handle(self._view, self._handle))
        is_whole = len(self._words) > 1 and self._has_exact()
        if len(exact) < _ENOUGH and not is_whole:
            self._collect(self._prefix_demands(), most=MAX_MATCHES)
        if len(self._full()) < _ENOUGH:
            self._collect(self._fuzzy_demands())
        if not self._full():
            self._keep(self._split())
        if not self._has_exact():
            self._collect(self._shortened_demands())
        return self._sorted()

    def partial(self) -> list[Scored]:
        """Return the contacts that have the most words. A word that no contact has is dropped first."""
        if self._is_literal:
            return []
        clauses = [self._same(place, _ANYWHERE) or self._like(place, _STRONGER) for place in range(len(self._words))]
        some = [(word, clause) for word, clause in zip(self._words, clauses, strict=True) if clause]
        self._graded.clear()
        for count in range(min(len(some), len(self._words) - 1), 0, -1):
            demands = islice(combinations(some, count), _DEMANDS_CAP)
            self._collect(tuple(clause for _, clause in each) for each in demands if _is_telling(each))
            if found := [one for one in self._graded.values() if one.best_word_score >= _TELLING_SCORE]:
                return sorted(found, key=lambda one: (len(one.missing), -self._ranking.partial_score(one)))
        return []

    def _has_exact(self) -> bool:
        return any(one.match is Match.EXACT for one in self._graded.values())

    def _split(self) -> list[Scored]:
        """Find contacts that have the parts of a compound word of the query."""
        pieces = compound_parts(self._asked.words) if self._may_split else set()
        known = {term.text: term.uses for term in self._view.terms(list(pieces))} if pieces else {}
        words = split_compounds(self._asked.words, known)
        if words == self._asked.words:
            return []
        apart = replace(self._asked, sentence=replace(self._asked.sentence, words=words), handle="")
        found = QueryRelaxation(self._view, apart, accepts=self._accepts, may_split=False).exact()
        return [one for one in found if one.match is Match.EXACT]

    def _is_whole(self, one: Scored) -> bool:
        """Return whether a field consists of exactly the words of the query."""
        return tuple(word.text for word in self._words) in field_words(one.row)

    def _sorted(self) -> list[Scored]:
        return sorted(self._full(), key=lambda one: one.order)

    def _is_full(self, row: Row) -> bool:
        known = self._graded.get(row.contact_id)
        return known is not None and known.match is not Match.PARTIAL

    def _full(self) -> list[Scored]:
        return [one for one in self._graded.values() if one.match is not Match.PARTIAL]

    def _keep(self, graded: Iterable[Scored]) -> None:
        self._graded.update((one.row.contact_id, one) for one in graded)

    def _collect(self, demands: Iterable[BooleanQuery], *, most: int = _MAX_INEXACT) -> None:
        """Rank the contacts that meet one of the demands, up to a maximum number of matches."""
        asked = [demand for demand in dict.fromkeys(demands) if demand and all(demand)]
        left = most - len(self._full())
        if asked and left > 0:
            rows = self._view.candidates(asked, limit=left)
            self._keep(self._ranking.score(row) for row in rows if self._accepts(row) and not self._is_full(row))

    def _exact_demands(self) -> Iterator[BooleanQuery]:
        extras = self._optional
        self._look_up({*extras, *(text for some in self._alternatives for text in some)})
        places = range(len(self._words))
        if extras:
            more = [self._postings({text}, _ANYWHERE) for text in extras]
            yield (*(self._same(place, _ANYWHERE) for place in places), *more)
        if len(places) == 1:
            yield (self._same(0, _IN_NAME),)
        yield tuple(self._same(place, _ANYWHERE) for place in places)

    def _look_up(self, texts: Iterable[str]) -> None:
        self._terms |= {term.text: term for term in self._view.terms(list(texts))}

    def _postings(self, texts: Iterable[str], fields: Sequence[Field]) -> Clause:
        terms = (self._terms[text] for text in texts if text in self._terms)
        return frozenset(token for term in terms for token in term.postings(fields))

    def _same(self, place: int, fields: Sequence[Field]) -> Clause:
        is_letter = len(self._words[place].text) == 1
        texts = (text for text in self._alternatives[place] if is_letter or not text.startswith(INITIAL))
        return self._postings(texts, fields)

    def _prefix_demands(self) -> Iterator[BooleanQuery]:
        texts = [word.text for word in self._words]
        prefixes = [text for text in texts if len(text) > max(INITIALS) or _is_numbered(text)]
        found = self._view.starting(prefixes, limit=_PREFIXES) if prefixes else []
        self._starting = dict(zip(prefixes, found, strict=True))
        self._split_up()
        self._look_up(
            {text[0] for text in texts}
            | {INITIAL + letter for text in texts if len(text) in _LETTERED for letter in text}
        )
        if self._optional:
            more = dict(zip(self._optional, self._view.starting(self._optional, limit=_PREFIXES), strict=True))
            begun = [self._begun(place, _ANYWHERE) for place in range(len(texts))]
            for terms in more.values():
                yield (*begun, frozenset(token for term in terms for token in term.postings(_ANYWHERE)))
        if len(texts) == 1:
            yield (self._begun(0, _IN_NAME),)
        yield tuple(self._begun(place, _ANYWHERE) for place in range(len(texts)))
        yield from self._lettered_demands()

    def _shortened_demands(self) -> Iterator[BooleanQuery]:
        """Yield demands in which all words but one may be stored as an initial."""
        places = range(len(self._words))
        begun = [self._begun(place, _ANYWHERE) for place in places]
        short = [self._postings({word.text[0]}, _IN_NAME) for word in self._words]
        for place in places if len(self._words) > 1 else ():
            yield tuple(begun[at] if at == place else begun[at] | short[at] for at in places)

    def _begun(self, place: int, fields: Sequence[Field]) -> Clause:
        terms = [*self._starting.get(self._words[place].text, []), *self._parts[place]]
        initials = self._postings({INITIAL + self._words[place].text}, fields)
        return self._same(place, fields).union(initials, *(term.postings(fields) for term in terms))

    def _lettered_demands(self) -> Iterator[BooleanQuery]:
        """Yield demands in which a short word stands for initials: SK for Suresh Kumar."""
        for place, word in enumerate(self._words):
            if len(word.text) in _LETTERED and len(self._words) > 1:
                letters = [self._postings({letter, INITIAL + letter}, _IN_NAME) for letter in word.text]
                others = [self._begun(at, _ANYWHERE) for at in range(len(self._words)) if at != place]
                yield (*letters, *others)

    def _split_up(self) -> None:
        """Find the two parts of each unknown compound, and keep the longer part."""
        unknown = [
            (place, word.text)
            for place, word in enumerate(self._words)
            if word.text not in self._terms and 2 * _SHORTEST_PART <= len(word.text) <= _LONGEST_SPLIT
        ]
        halves = {half for _, text in unknown for cut in range(1, len(text)) for half in (text[:cut], text[cut:])}
        if not halves:
            return
        known = {term.text: term for term in self._view.terms(list(halves))}
        for place, text in unknown:
            self._parts[place] = list(_longest_parts(text, known))

    def _fuzzy_demands(self) -> Iterator[BooleanQuery]:
        asked = [word.text for word in self._words if len(word.text) > 1]
        sketches = [query_sketches(text, is_near=bool(self._full())) for text in asked]
        terms = self._view.near(sketches) if sketches else []
        least = _STRONG if self._full() else 0.0
        self._near = {text: self._closest(text, some, least) for text, some in zip(asked, terms, strict=True)}
        self._ranking.clear()
        places = range(len(self._words))
        strong = [self._like(place, _STRONG) for place in places]
        if self._full():
            yield tuple(strong)
            return
        close = [self._begun(place, _ANYWHERE) for place in places]
        wide = [self._like(place, 0.0) for place in places]
        for place in places:
            yield (*close[:place], wide[place], *close[place + 1 :])
        yield tuple(strong)
        yield tuple(wide)

    def _closest(self, word: str, terms: list[Term], least: float) -> list[tuple[float, Term]]:
        matcher = self._ranking.matcher
        scores = ((matcher.candidate_score(word, term.text, least=least), term) for term in terms)
        found = [pair for pair in scores if pair[0]]
        return sorted(found, key=lambda pair: (-pair[0], -pair[1].uses, pair[1].text))[:_FUZZY_TERMS]

    def _like(self, place: int, least: float) -> Clause:
        terms = [term for score, term in self._near.get(self._words[place].text, []) if score >= least]
        return self._begun(place, _ANYWHERE).union(*(term.postings(_ANYWHERE) for term in terms))


def _is_telling(some: Sequence[tuple[Word, Clause]]) -> bool:
    return any(len(word.text) >= _TELLING or not word.text.isascii() for word, _ in some)


def _is_numbered(text: str) -> bool:
    return len(text) > 1 and not text.isalpha()


def _longest_parts(text: str, known: dict[str, Term]) -> Iterator[Term]:
    for cut in range(1, len(text)):
        one, other = known.get(text[:cut]), known.get(text[cut:])
        if one and other:
            yield max(one, other, key=lambda term: (len(term.text), -term.uses))
