import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.matching.similarity import phonetic_distance, similarity, spelling_distance
from telecmi_mcp._search.text.phonetics import phonetic_form

WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)


@given(WORD, WORD)
def test_similarity_is_symmetric_and_below_one(one: str, other: str) -> None:
    score = similarity(one, other, least=0.66)
    assert score == similarity(other, one, least=0.66)
    assert 0 <= score < 1


@given(WORD, WORD, WORD)
def test_phonetic_distance_satisfies_the_triangle_inequality(one: str, other: str, between: str) -> None:
    direct = phonetic_distance(phonetic_form(one), phonetic_form(other), max_distance=99)
    assert direct <= phonetic_distance(phonetic_form(one), phonetic_form(between), max_distance=99) + phonetic_distance(
        phonetic_form(between), phonetic_form(other), max_distance=99
    )


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("bhagvant", "bhgavant", 0.8),
        ("rajesh", "rajjesh", 0.5),
        ("rajesh", "rajsh", 1),
        ("rao", "rai", 1),
        ("a", "a", 0),
    ],
)
def test_spelling_distance_weighs_transposed_and_doubled_letters_less(one: str, other: str, edits: float) -> None:
    assert spelling_distance(one, other, max_distance=99) == pytest.approx(edits)


@pytest.mark.parametrize("nonsense", ["ttfpl", "zsbth", "fbwrgdt"])
@pytest.mark.parametrize("name", ["deepali", "subodh", "birgit", "teofila"])
def test_consonants_without_vowels_are_not_similar_to_a_name(nonsense: str, name: str) -> None:
    assert similarity(nonsense, name, least=0.66) < 0.66
