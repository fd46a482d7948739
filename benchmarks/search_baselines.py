"""Plain ways to search contacts, to be judged beside this project's: development packages, no part of the server.

Text is made Latin by anyascii on both sides, so that a baseline is not beaten by what it cannot read.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence

import tantivy
from anyascii import anyascii
from rapidfuzz.fuzz import ratio

from benchmarks.search_judge import Answer
from telecmi_mcp._models import Contact

_CANDIDATES, _SHOWN = 400, 25
_SURE = 90
"""The score of rapidfuzz from which on a hit is given as a match, and not as partial."""
_TRIGRAM = 3
_PART = 45
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[ ().-]+(?=[0-9])")
_NOT_WORDS = re.compile(r"[^a-z0-9@.]+")


def _text_of(contact: Contact) -> str:
    return _latin(" ".join(filter(None, contact[1:])))


def _latin(text: str) -> str:
    return _NOT_WORDS.sub(" ", _BETWEEN_DIGITS.sub("", anyascii(text).lower())).strip()


class TrigramEngine:
    """FTS5 with trigrams finds candidates, rapidfuzz ranks them."""

    def __init__(self, book: Sequence[Contact]) -> None:
        self._texts = [_text_of(contact) for contact in book]
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("CREATE VIRTUAL TABLE book USING fts5(text, tokenize='trigram', detail=none)")
        rows = ((place, text) for place, text in enumerate(self._texts))
        self._connection.executemany("INSERT INTO book (rowid, text) VALUES (?, ?)", rows)

    def __call__(self, query: str) -> list[Answer]:
        """Answer a query, best first."""
        asked = _latin(query)
        words = [word for word in asked.split() if len(word) >= _TRIGRAM]
        grams = dict.fromkeys(word[at : at + _TRIGRAM] for word in words for at in range(len(word) - _TRIGRAM + 1))
        if not grams:
            return []
        match = " OR ".join('"' + gram.replace('"', "") + '"' for gram in grams)
        sql = "SELECT rowid FROM book WHERE book MATCH ? ORDER BY rank LIMIT ?"
        places = [place for (place,) in self._connection.execute(sql, (match, _CANDIDATES))]
        return _ranked(asked, places, self._texts)


class TantivyEngine:
    """Tantivy's BM25 over words finds and ranks, with one letter of each word that may differ."""

    def __init__(self, book: Sequence[Contact]) -> None:
        self._texts = [_text_of(contact) for contact in book]
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text")
        builder.add_integer_field("place", stored=True)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        writer = self._index.writer(num_threads=1)
        for place, text in enumerate(self._texts):
            writer.add_document(tantivy.Document(text=text, place=place))
        writer.commit()
        self._index.reload()

    def __call__(self, query: str) -> list[Answer]:
        """Answer a query, best first."""
        asked = _latin(query)
        words = re.findall("[a-z0-9]+", asked)
        if not words:
            return []
        fuzzy = [
            (tantivy.Occur.Should, tantivy.Query.fuzzy_term_query(self._schema, "text", word, distance=1))
            for word in words
        ]
        exact = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, "text", word), 2.0))
            for word in words
        ]
        searcher = self._index.searcher()
        found = searcher.search(tantivy.Query.boolean_query([*fuzzy, *exact]), _CANDIDATES // 4).hits
        return _ranked(asked, [searcher.doc(address)["place"][0] for _, address in found], self._texts)


def _score(asked: Sequence[str], there: Sequence[str]) -> float:
    """Give the mean of how like each word that was asked for is to the most similar one that is there."""
    found = (max((max(ratio(word, each), _part(word, each)) for each in there), default=0.0) for word in asked)
    return sum(found) / len(asked)


def _part(word: str, each: str) -> float:
    return _PART * len(word) / len(each) + _PART if len(word) >= _TRIGRAM and word in each else 0.0


def _ranked(asked: str, places: Iterable[int], texts: Sequence[str]) -> list[Answer]:
    words = asked.split()
    scored = [(_score(words, texts[place].split()), place) for place in places]
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return [Answer(place, "fuzzy" if score >= _SURE else "partial") for score, place in scored[:_SHOWN]]
