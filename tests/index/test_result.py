"""What the notices of answers from the index say."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import pytest

from telecmi_mcp import Contact
from telecmi_mcp._index.count_check import CountCheck
from telecmi_mcp._index.result import CountResult, Freshness, LookupResult, SearchResult, utc_time
from telecmi_mcp._search import Counts, Hit, Hits
from telecmi_mcp._search.query.sentences import NoQuestion

ANN = Hit(contact=Contact(contact_id="a"), match="exact")
PARTIAL = Hit(contact=Contact(contact_id="a"), match="partial")


def result(*hits: Hit, **found: object) -> SearchResult:
    total = sum(hit.match != "partial" for hit in hits)
    hits_of_query = Hits(hits=hits, **{"total": total, **found})  # type: ignore[arg-type] # of each test
    return SearchResult(as_of=0.0, indexed=9, count=9, complete=True, found=hits_of_query)


@pytest.mark.parametrize("kind", NoQuestion)
def test_a_query_that_asks_for_no_contact_gets_a_sentence_that_says_what_to_do(kind: NoQuestion) -> None:
    answer = result(no_question=kind)
    assert answer.asks_to_count is (kind is NoQuestion.AGGREGATE)  # then the tool adds its own sentence
    assert answer.notice == "" if answer.asks_to_count else "pass a name" in answer.notice


def test_the_words_that_the_first_partial_match_lacks_are_named() -> None:
    assert result(PARTIAL, missing=("acme", "pune")).notice.endswith("The first lacks: acme, pune.")
    many = result(PARTIAL, missing=("acme", "pune", "north", "desk", "two")).notice
    assert many.endswith("The first lacks: acme, pune, north and 2 more.")


def test_a_number_of_the_query_that_no_contact_has_is_named() -> None:
    assert result(ANN, unmatched=("9811112222",), part_count=2).notice == "No contact has: 9811112222."


def test_a_query_for_two_says_that_both_are_answered() -> None:
    assert result(ANN, ANN, part_count=2).notice == "The query asks for 2: the best match of each comes first."
    assert result(ANN).notice == ""


@pytest.mark.parametrize(
    ("hits", "status"),
    [
        (Hits(hits=(ANN,), total=1), "found"),
        (Hits(hits=(ANN, ANN), total=7), "several"),
        (Hits(hits=(PARTIAL,)), "partial"),
        (Hits(), "not_found"),
        (Hits(no_question=NoQuestion.GREETING), "unclear"),
    ],
)
@pytest.mark.parametrize("count_check", [None, *CountCheck])
@pytest.mark.parametrize("complete", [True, False])
def test_a_lookup_denies_a_contact_only_after_every_contact_was_searched(
    hits: Hits, status: str, count_check: CountCheck | None, *, complete: bool
) -> None:
    is_confirmed = complete and count_check not in {CountCheck.DIFFERENT, CountCheck.UNFINISHED}
    found = LookupResult(
        as_of=0.0, indexed=9, count=9, complete=complete, count_check=count_check, queries=("ann",), found=(hits,)
    )
    is_denial = status in {"partial", "not_found"}
    assert found.status(hits) == ("unclear" if is_denial and not is_confirmed else status)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot change its time zone there")
def test_the_time_of_an_answer_is_in_utc_in_every_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with monkeypatch.context() as patches:
            patches.setenv("TZ", "IST-5:30")
            time.tzset()
            assert utc_time(1_800_000_000.9) == "2027-01-15T08:00:00Z"
    finally:
        time.tzset()


def test_no_company_is_denied_while_contacts_are_missing() -> None:
    nobody = SearchResult(as_of=0.0, indexed=9, count=99, complete=False, found=Hits(company_count=0))
    assert nobody.notice == "No contact matches among the 9 read so far. More contacts exist: try again in a moment."
    counted = CountResult(as_of=0.0, indexed=9, count=99, complete=False, counts=Counts(total=0, company_count=0))
    assert counted.notice == "Only 9 contacts were read so far: try again in a moment."
    assert replace(counted, complete=True).notice == "No company has this name or a similar one."


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (151, "the 150 contacts that TeleCMI lists; it counts 151, so contacts may be missing."),
        (None, "the 150 contacts that TeleCMI lists; its list ended early, so contacts may be missing."),
    ],
)
def test_a_list_that_was_read_to_its_end_is_not_read_in_a_moment(count: int | None, said: str) -> None:
    ended = Freshness(as_of=0, indexed=150, count=count, complete=False, has_ended=True)
    assert ended.nothing == f"No contact matches among {said}"
    assert ended.incomplete == f"These are {said}"
