"""Companies that somebody may have meant who asked for one that no contact has."""

from collections.abc import Mapping, Sequence

from telecmi_mcp._search.fields.facets import Facet
from telecmi_mcp._search.fields.index_entries import Field, query_sketches
from telecmi_mcp._search.matching.similarity import similarity
from telecmi_mcp._search.store import Term, ValueQuery, View

_LEAST, _BEGUN_SCORE, _EXTRA_COST = 0.75, 0.8, 0.1
_TELLING = 3
_NEAR, _BEGUN = 8, 8
_COMPANY = 1 << Field.COMPANY


def suggest(view: View, words: Sequence[str], *, limit: int) -> list[str]:
    """Give the values of companies whose words are similar to these, most similar first."""
    near = view.near([query_sketches(word) for word in words]) if words else []
    telling = [word for word in words if len(word) >= _TELLING]
    begun = dict(zip(telling, view.starting(telling, limit=_BEGUN), strict=True)) if telling else {}
    scores = [_scored(word, some, begun.get(word, [])) for word, some in zip(words, near, strict=True)]
    known = [some for some in scores if some]
    if not known or 2 * len(known) <= len(words):
        return []
    found = view.values(Facet.COMPANY, [ValueQuery([list(some) for some in known])])
    return sorted(found, key=lambda value: (-_score(value.split(), known), value))[:limit]


def _scored(word: str, near: Sequence[Term], begun: Sequence[Term]) -> dict[str, float]:
    scores = {term.text: _BEGUN_SCORE for term in begun if term.fields & _COMPANY}
    for term in near:
        score = similarity(word, term.text, least=_LEAST) if term.fields & _COMPANY and term.text != word else 0.0
        if score >= _LEAST:
            scores[term.text] = max(score, scores.get(term.text, 0.0))
    best = sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))[:_NEAR]
    return {**dict(best), word: 1.0} if best or any(term.text == word for term in near) else {}


def _score(there: Sequence[str], known: Sequence[Mapping[str, float]]) -> float:
    """Say how well a company's words fit: the best of each word that was asked for, less for every other word."""
    best = sum(max((scores.get(word, 0.0) for word in there), default=0.0) for scores in known)
    return best - _EXTRA_COST * (len(there) - len(known))
