from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telecmi_mcp._search.fields.index_entries import Field, field_words
from telecmi_mcp._search.matching.word_runs import may_have_runs, stored_runs

if TYPE_CHECKING:
    from telecmi_mcp._models import Contact


@pytest.mark.slow
def test_every_run_of_ten_thousand_contacts_may_begin_with_its_first_letter(address_book: list[Contact]) -> None:
    fields = {(words, field) for row in address_book for field, words in zip(Field, field_words(row), strict=True)}
    runs = [(words, run) for words, field in fields if words for run in stored_runs(words, field)]
    assert len(runs) > len(address_book)
    assert [run.text for words, run in runs if not may_have_runs(words, {run.text[0]})] == []


@pytest.mark.parametrize(
    ("words", "field", "text"),
    [
        (("and", "zoom"), Field.COMPANY, "nz"),
        (("佐", "藤"), Field.NAME, "sato"),
        (("of", "quill", "moor"), Field.TITLE, "qm"),
    ],
)
def test_a_run_may_begin_with_another_letter_than_its_first_word(
    words: tuple[str, ...], field: Field, text: str
) -> None:
    assert text in {run.text for run in stored_runs(words, field)}
    assert may_have_runs(words, {text[0]})


def test_a_field_without_a_word_of_these_letters_has_no_runs() -> None:
    assert not may_have_runs(("head", "of", "sales"), {"m", "r"})
