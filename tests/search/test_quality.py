"""What the search answers on two judged sets: the bars of docs/search.md."""

import gzip
import json
from typing import Any

import pytest

from benchmarks.search_judge import Answer, Fault, Tally, case_fault, counting, faults, is_met
from benchmarks.search_quality import cases_answered, contacts_of, judged, own_engine
from paths import SAMPLES

HERE = SAMPLES / "search"
GOLD: dict[str, Any] = {"cls": "name", "gold": [1], "neutral": [2]}
NOBODY: dict[str, Any] = {"cls": "neg_name", "gold": [], "neutral": []}


def sample(name: str) -> Any:
    with gzip.open(HERE / name) as file:
        return json.load(file)


def found_faults(query: dict[str, Any], *answers: tuple[int, str]) -> list[Fault]:
    given = [Answer(*one) for one in answers]
    return list(faults(query, given, counting(query, given, frozenset({3}))))


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([(1, "exact")], []),
        ([(2, "exact"), (3, "exact"), (1, "fuzzy")], []),
        ([(1, "partial")], [Fault.SHY]),
        ([], [Fault.DENIED, Fault.LATE, Fault.MISSED]),
        ([(4, "fuzzy"), (1, "exact")], [Fault.WRONG]),
        ([(4, "partial"), (1, "partial")], [Fault.LATE]),
        ([(4, "exact")], [Fault.WRONG, Fault.MISSED]),
    ],
)
def test_the_judge_names_what_is_wrong_with_an_answer(answers: list[tuple[int, str]], found: list[Fault]) -> None:
    assert found_faults(GOLD, *answers) == found


def test_the_judge_knows_a_claim_and_somebody_who_was_not_asked_for() -> None:
    assert found_faults(NOBODY, (4, "partial")) == []
    assert found_faults(NOBODY, (4, "fuzzy")) == [Fault.CLAIM]
    assert found_faults(NOBODY | {"cls": "emptyish"}, (4, "partial")) == [Fault.SHOWN]
    assert found_faults({**GOLD, "gold": [1, 5], "both": [[1], [5]]}, (1, "exact")) == [Fault.MISSED]


@pytest.mark.parametrize(
    ("expect", "answers", "met"),
    [
        ({"first": [0], "match": "exact"}, [(0, "exact")], True),
        ({"first": [0], "match": "exact"}, [(0, "fuzzy")], False),
        ({"first": [0]}, [(0, "partial")], False),
        ({"first": [0, 1]}, [(1, "exact"), (0, "exact")], True),
        ({"includes": [0]}, [(7, "exact"), (0, "fuzzy")], True),
        ({"shown": [0]}, [(7, "partial"), (0, "partial")], True),
        ({"nobody": True}, [(7, "partial")], True),
        ({"nobody": True}, [(7, "fuzzy")], False),
        ({"may": [0], "not_match": ["exact"]}, [(0, "fuzzy")], True),
        ({"may": [0], "not_match": ["exact"]}, [(0, "exact")], False),
    ],
)
def test_the_judge_of_cases_says_whether_they_are_met(
    expect: dict[str, Any], answers: list[tuple[int, str]], *, met: bool
) -> None:
    assert is_met(expect, [Answer(*one) for one in answers]) is met


def test_the_judge_of_cases_tells_a_denial_from_a_claim() -> None:
    assert case_fault({"first": [0]}, []) is Fault.DENIED
    assert case_fault({"first": [0]}, [Answer(7, "partial")]) is Fault.DENIED
    assert case_fault({"first": [0]}, [Answer(7, "exact")]) is Fault.CLAIM
    assert case_fault({"first": [0]}, [Answer(0, "partial")]) is None


@pytest.mark.slow
def test_the_right_ones_come_first_and_nobody_is_denied() -> None:
    engine = own_engine([*contacts_of(HERE / "book-20k.jsonl.gz")])
    judgement = judged(engine, sample("dev-20k.json.gz"), is_padded=False, is_verbose=False)
    for half in judgement.halves:
        assert sum(half.at_1) / len(half.at_1) >= 0.95
        assert sum(half.at_10) / len(half.at_10) >= 0.96
        bars = ((Fault.DENIED, 0.005), (Fault.MISSED, 0.03), (Fault.WRONG, 0.025), (Fault.SHY, 0.02))
        assert [fault for fault, most in bars if half.share(fault) > most] == []
        assert half.faults.count(Fault.CLAIM) + half.faults.count(Fault.SHOWN) <= 1


@pytest.mark.slow
def test_cases_from_other_peoples_bug_reports_are_met() -> None:
    background = contacts_of(HERE / "contacts-10k.jsonl.gz")
    failed = [
        (case["kind"], case["group"], case["query"])
        for case, answers in cases_answered(sample("cases.json.gz"), background)
        if not is_met(case["expect"], answers)
    ]
    assert failed == []


def test_a_tally_counts_what_is_answerable_and_what_is_not() -> None:
    tally = Tally()
    tally.add(GOLD, [Answer(1, "exact")], [])
    tally.add(NOBODY, [], [])
    assert (tally.at_1, tally.at_10, tally.unanswerable) == ([1.0], [1.0], 1)
