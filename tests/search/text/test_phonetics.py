from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.text.normalize import tokenize
from telecmi_mcp._search.text.phonetics import phonetic_form, phonetic_key

ANY_TEXT = st.text(st.characters(codec=None, categories=None)) | st.text()
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("laxmi", "lakshmi"),
        ("karthick", "kartik"),
        ("iyer", "ayyar"),
        ("nair", "nayar"),
        ("rao", "rav"),
        ("rahul", "rakul"),
        ("soumya", "sowmya"),
        ("senthil", "centhil"),
        ("pooja", "puja"),
        ("kanimozhi", "kanimoli"),
        ("zakir", "jakir"),
    ],
)
def test_spellings_of_one_name_have_the_same_phonetic_form(one: str, other: str) -> None:
    assert phonetic_form(one) == phonetic_form(other)


def test_chaudhary_and_chowdhury_have_the_same_phonetic_key() -> None:
    assert phonetic_key("chaudhary") == phonetic_key("chowdhury")


@pytest.mark.parametrize(("one", "other"), [("ram", "rom"), ("sita", "gita"), ("mohan", "rohan")])
def test_different_names_have_different_phonetic_forms(one: str, other: str) -> None:
    assert phonetic_form(one) != phonetic_form(other)


@given(ANY_TEXT)
def test_a_phonetic_key_is_at_most_one_letter_longer_than_the_form(text: str) -> None:
    for word in tokenize(text):
        assert isinstance(phonetic_form(word), str)
        assert len(phonetic_key(word)) <= len(phonetic_form(word)) + 1


@given(WORD)
def test_a_phonetic_key_is_the_consonants_of_the_form(word: str) -> None:
    form, consonants = phonetic_form(word), phonetic_key(word)
    assert not set(consonants[1:]) & set("aiueoym")
    assert (consonants[:1] == "a") == (form[:1] in set("aiu"))
    assert all(one != other for one, other in pairwise(consonants))
