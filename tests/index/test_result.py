"""What the notice of a search says."""

from __future__ import annotations

import pytest

from telecmi_mcp import Contact
from telecmi_mcp._index.result import SearchResult
from telecmi_mcp._search import Hit
from telecmi_mcp._search.query.sentences import NoQuestion


def result(*hits: Hit, **facts: object) -> SearchResult:
    known = {"has_more": False, "as_of": 0.0, "indexed": 9, "count": 9, "complete": True, **facts}
    return SearchResult(hits=hits, **known)  # type: ignore[arg-type]  # the facts of each test


@pytest.mark.parametrize("kind", NoQuestion)
def test_a_query_that_asks_for_no_contact_gets_a_sentence_that_says_what_to_do(kind: NoQuestion) -> None:
    notice = result(no_question=kind.value).notice
    assert "No contact matches" not in notice
    assert "list_contacts" in notice if kind is NoQuestion.AGGREGATE else "pass a name" in notice


def test_the_words_that_the_first_partial_match_lacks_are_named() -> None:
    partial = Hit(contact=Contact(contact_id="a"), match="partial")
    assert result(partial, missing=("acme", "pune")).notice.endswith("The first lacks: acme, pune.")
