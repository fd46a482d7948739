import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.query import QUERY_CAP, WORDS_CAP, parse

ANY_TEXT = st.text(st.characters(codec=None, categories=None))


def asked_words(text: str) -> tuple[str, ...]:
    return tuple(word.text for word in parse(text).words)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("what is Priya's number at Acme?", ("priya", "acme")),
        ("which contacts work at Dash Finance", ("dash", "finance")),
        ("please give me the phone number of Ravi Kumar", ("ravi", "kumar")),
        ("Dr Ashok Rao", ("ashok", "rao")),
        ("A Lokhande", ("a", "lokhande")),
        ("do you have a contact at Acme", ("acme",)),
        ("mobile", ("mobile",)),
        ("who is", ("who", "is")),
        ("Ravi Ravi", ("ravi",)),
    ],
)
def test_the_wrapping_of_a_question_comes_off(text: str, left: tuple[str, ...]) -> None:
    assert asked_words(text) == left


def test_what_follows_at_is_a_company() -> None:
    assert [word.of_company for word in parse("Priya Rao at Acme Foods").words] == [False, False, True, True]


def test_a_number_in_a_question_is_a_number() -> None:
    asked = parse("who is 7067327895?")
    assert asked.digits == "7067327895"
    assert asked.words == ()


def test_the_words_around_a_number_must_agree_with_it() -> None:
    assert [word.text for word in parse("Ravi 98765 43210").words] == ["ravi"]


@pytest.mark.parametrize("text", ["7715", "+91 77", "12-34"])
def test_four_digits_are_a_piece_of_a_number(text: str) -> None:
    assert parse(text).digits == "".join(char for char in text if char.isdigit())


def test_digits_within_words_are_part_of_the_words() -> None:
    assert asked_words("Studio 5400") == ("studio", "5400")


def test_an_address_is_taken_from_its_sentence() -> None:
    asked = parse("whose is Ravi.Kumar@Acme.example.?")
    assert asked.mail == "ravi.kumar@acme.example"
    assert asked.words == ()


def test_an_id_is_taken_from_its_sentence() -> None:
    assert parse("contact 2D9BD157-1E78-40A2-BE33-E72BE08D2FEE").contact_id == "2d9bd157-1e78-40a2-be33-e72be08d2fee"


@pytest.mark.parametrize(
    ("text", "foreign"), [("+44 20 7946 0958", True), ("+91 98765 43210", False), ("98765", False)]
)
def test_a_foreign_number_is_known_by_its_prefix(text: str, *, foreign: bool) -> None:
    assert parse(text).is_foreign is foreign


@given(ANY_TEXT)
def test_any_text_is_a_query_of_a_few_words(text: str) -> None:
    asked = parse(text)
    assert len(asked.words) <= WORDS_CAP
    assert len(asked.extras) <= WORDS_CAP


def test_most_of_an_endless_query_is_ignored() -> None:
    assert parse("x" * QUERY_CAP + " Ravi") == parse("x" * QUERY_CAP)
