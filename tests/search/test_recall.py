from collections import defaultdict
from typing import Any

import pytest
from search_samples import sample_queries

from telecmi_mcp._index.sqlite_store import Index
from telecmi_mcp._models import Contact
from telecmi_mcp._search import search

pytestmark = pytest.mark.slow  # ten thousand contacts and two thousand queries

AT_1 = {
    "phone_full": 1.0,
    "phone_national": 1.0,
    "phone_punct": 1.0,
    "email": 1.0,
    "exact_name": 1.0,
    "transposed": 1.0,
}
AT_10 = {"typo1": 0.98, "typo2": 0.95, "spelling_variant": 0.95}
ACROSS_SCRIPTS = ("script_latin_to_native", "script_native_to_latin")


@pytest.fixture(scope="module", params=["dev", "val"])
def recall(
    request: pytest.FixtureRequest, full_index: Index, address_book: list[Contact]
) -> dict[str, list[tuple[float, float]]]:
    places = {contact.contact_id: place for place, contact in enumerate(address_book)}
    scores = defaultdict(list)
    for query in sample_queries(request.param):
        scores[query["cls"]].append(score(full_index, places, query))
    return scores


def score(index: Index, places: dict[str, int], query: dict[str, Any]) -> tuple[float, float]:
    hits = search(index, query["q"], limit=10 + len(query["neutral"])).hits
    if query["cls"] == "absent_combo":
        honest = all(hit.match == "partial" for hit in hits)
        return honest, honest
    if not query["gold"]:
        return not hits, not hits
    found = [places[hit.contact.contact_id] for hit in hits]
    found = [place for place in found if place not in query["neutral"]]
    right = set(query["gold"])
    at_1, at_10 = (len(right.intersection(found[:count])) / min(count, len(right)) for count in (1, 10))
    return at_1, at_10


def mean(scores: list[tuple[float, float]], column: int) -> float:
    return sum(row[column] for row in scores) / len(scores)


def test_the_right_contacts_come_first(recall: dict[str, list[tuple[float, float]]]) -> None:
    found = [row for kind, rows in recall.items() if not kind.startswith(("nonsense", "absent")) for row in rows]
    assert mean(found, 0) >= 0.97
    assert mean(found, 1) >= 0.99


@pytest.mark.parametrize("kind", [*AT_1, "diacritics"])
def test_what_is_unmistakable_is_always_first(recall: dict[str, list[tuple[float, float]]], kind: str) -> None:
    assert mean(recall[kind], 0) == 1.0


@pytest.mark.parametrize("kind", AT_10)
def test_misspelt_names_are_found(recall: dict[str, list[tuple[float, float]]], kind: str) -> None:
    assert mean(recall[kind], 1) >= AT_10[kind]


@pytest.mark.parametrize("kind", ACROSS_SCRIPTS)
def test_names_are_found_across_scripts(recall: dict[str, list[tuple[float, float]]], kind: str) -> None:
    assert mean(recall[kind], 1) >= 0.92


def test_nonsense_finds_nothing(recall: dict[str, list[tuple[float, float]]]) -> None:
    nonsense = [row for kind, rows in recall.items() if kind.startswith("nonsense") for row in rows]
    assert 1 - mean(nonsense, 0) <= 0.02


def test_somebody_at_an_absent_company_is_never_passed_off_as_found(
    recall: dict[str, list[tuple[float, float]]],
) -> None:
    assert mean(recall["absent_combo"], 0) == 1.0
