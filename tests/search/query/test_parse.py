import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.query.parse import QUERY_CAP, WORDS_CAP, parse, split_in_two
from telecmi_mcp._search.query.sentences import NoQuestion

ANY_TEXT = st.text(st.characters(codec=None, categories=None))


def required_words(text: str) -> tuple[str, ...]:
    return tuple(word.text for word in parse(text).sentence.required)


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("what is Priya's number at Acme?", ("priya", "acme")),
        ("which contacts work at Dash Finance", ("dash", "finance")),
        ("please give me the phone number of Ravi Kumar", ("ravi", "kumar")),
        ("Pull up the contact card for Suresh Kumar", ("suresh", "kumar")),
        ("Dr Ashok Rao", ("ashok", "rao")),
        ("Meena Rao MD", ("meena", "rao")),
        ("A Lokhande", ("a", "lokhande")),
        ("do you have a contact at Acme", ("acme",)),
        ("acme wali priya ka number do", ("acme", "priya")),
        ("mujhe Ravi Rao ka contact chahiye", ("ravi", "rao")),
        ("Ravi Rao number venum", ("ravi", "rao")),
        ("numéro de téléphone de Ravi Rao", ("ravi", "rao")),
        ("¿Cuál es el número de Ravi Rao?", ("ravi", "rao")),
        ("Ravi Rao numarası nedir", ("ravi", "rao")),  # noqa: RUF001 - Turkish
        ("Acme Pvt. Ltd.", ("acme",)),
        ("M/s Acme & Co", ("acme",)),
        ("mobile", ("mobile",)),
        ("who is", ("who", "is")),
        ("Ravi Ravi", ("ravi",)),
        ("Mahindra and Mahindra", ("mahindra", "mahindra")),
    ],
)
def test_function_words_of_a_question_are_not_required(text: str, required: tuple[str, ...]) -> None:
    assert required_words(text) == required


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("Will Smith", ("will", "smith")),
        ("De Silva", ("silva",)),
        ("AT&T", ("at", "t")),
        ("CA at Acme", ("ca", "acme")),
        ("Ko Min", ("ko", "min")),
    ],
)
def test_a_function_word_that_may_be_a_name_is_required_in_a_query_that_is_not_a_sentence(
    text: str, required: tuple[str, ...]
) -> None:
    assert required_words(text) == required


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hi", NoQuestion.GREETING),
        ("thanks", NoQuestion.GREETING),
        ("name", NoQuestion.FIELD_WORD),
        ("my contacts", NoQuestion.FIELD_WORD),
        ("*", NoQuestion.FIELD_WORD),
        ("how many", NoQuestion.AGGREGATE),
        ("contacts without email", NoQuestion.AGGREGATE),
        ("duplicates", NoQuestion.AGGREGATE),
        ("added since yesterday", NoQuestion.AGGREGATE),
        ("everybody at Acme", NoQuestion.AGGREGATE),
        ("Ravi", None),
        ("9876543210", None),
    ],
)
def test_a_query_that_names_no_contact_has_a_reason(text: str, kind: NoQuestion | None) -> None:
    assert parse(text).no_question is kind


def test_words_after_at_are_words_of_a_company() -> None:
    words = parse("Priya Rao at Acme Foods").sentence.required
    assert [word.of_company for word in words] == [False, False, True, True]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("who is 7067327895?", ("7067327895",)),
        ("missed call from +91 98765 43210, who is it", ("+91 98765 43210",)),
        ("I got a call at 10:30 from 98765 43210", ("98765 43210",)),
        ("tel:+91-98765-43210", ("+91-98765-43210",)),
        ("sip:919876543210@pbx.example", ("919876543210",)),
        ("https://wa.me/919876543210", ("919876543210",)),
        ("98765\u201143210", ("98765-43210",)),
        ("98765,43210", ("98765,43210",)),
        ("9876543210.0", ("9876543210",)),
        ("9876543210 or 9800000000", ("9876543210", "9800000000")),
        ("double nine six two four double eight four", ("9962 4884".replace(" ", ""),)),
        ("nau do saat ek chhe shunya nau kiska number hai", ("9271609",)),
        ("Ph# 9876543210", ("9876543210",)),
        ("7715", ("7715",)),
        ("+91 77", ("+91 77",)),
        ("caller 53456", ("53456",)),
    ],
)
def test_a_number_is_extracted_from_a_question(text: str, numbers: tuple[str, ...]) -> None:
    query = parse(text)
    assert tuple(number.strip() for number in query.numbers) == numbers
    assert query.sentence.required == ()


def test_a_name_beside_a_number_is_required() -> None:
    assert required_words("Ravi 98765 43210") == ("ravi",)


def test_short_digits_beside_words_are_a_word_and_a_possible_tail_of_a_number() -> None:
    query = parse("Studio 5400")
    assert required_words("Studio 5400") == ("studio", "5400")
    assert query.tail == "5400"


def test_digits_after_ending_in_are_a_tail_and_not_a_word() -> None:
    query = parse("Acme number ending in 8605")
    assert (query.tail, required_words("Acme number ending in 8605")) == ("8605", ("acme",))


@pytest.mark.parametrize(
    "text",
    [
        "whose is Ravi.Kumar@Acme.example.?",
        "<ravi.kumar@acme.example>",
        "mailto:ravi.kumar@acme.example",
        "[ravi.kumar@acme.example](mailto:ravi.kumar@acme.example)",
        "ravi dot kumar at acme dot example",
        "ravi dot kumar at the rate of acme dot example",
        "ravi.kumar[at]acme[dot]example",
        "ravi . kumar @ acme . example",
    ],
)
def test_an_address_is_extracted_in_every_notation(text: str) -> None:
    query = parse(text)
    assert query.mails == ("ravi.kumar@acme.example",)
    assert query.sentence.required == ()


def test_a_person_at_a_company_is_not_an_address() -> None:
    assert parse("Ravi at T.V.Q.").mails == ()


@pytest.mark.parametrize("text", ["contact 2D9BD157-1E78-40A2-BE33-E72BE08D2FEE", "2d9bd1571e7840a2be33e72be08d2fee"])
def test_an_id_is_extracted_with_and_without_hyphens(text: str) -> None:
    assert parse(text).contact_id == "2d9bd157-1e78-40a2-be33-e72be08d2fee"


def test_a_query_for_two_people_is_split_at_the_connector() -> None:
    assert split_in_two("Ravi Rao and Priya Rao") == [("ravi rao", "priya rao")]
    assert split_in_two("Ravi Rao") == []


@given(ANY_TEXT)
def test_every_text_parses_to_at_most_the_maximum_of_words(text: str) -> None:
    assert len(parse(text).words) <= WORDS_CAP


def test_a_query_is_read_only_up_to_its_maximum_length() -> None:
    assert parse("x" * QUERY_CAP + " Ravi") == parse("x" * QUERY_CAP)
