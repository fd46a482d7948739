import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.fields.phones import Number, ascii_digits, clean_phones, is_same, parse_number, split_numbers

ANY_TEXT = st.text(st.characters(codec=None, categories=None)) | st.text()


@pytest.mark.parametrize(
    ("number", "code", "national"),
    [
        ("+91 82585-13053", "91", "8258513053"),
        ("0091 8258513053", "91", "8258513053"),
        ("091 8258513053", "91", "8258513053"),
        ("+91 0 82585 13053", "91", "8258513053"),
        ("01191 8258513053", "91", "8258513053"),
        ("918258513053", "91", "8258513053"),
        ("08258513053", "", "8258513053"),
        ("8258513053", "", "8258513053"),
        ("+44 (0)20 7946 0958", "44", "2079460958"),
        ("+4402079460958", "44", "2079460958"),
        ("+1 906 320 1722", "1", "9063201722"),
        ("0011 61 412 345 674", "61", "412345674"),
        ("46701234567", "46", "701234567"),
        ("+5511987654321", "55", "1187654321"),
        ("+52 1 55 1234 5671", "52", "5512345671"),
        ("+5491166773391", "54", "1166773391"),
        ("112", "", "112"),
    ],
)
def test_a_number_is_parsed_in_every_notation(number: str, code: str, national: str) -> None:
    assert parse_number(number) == {Number(code, national)}


def test_a_number_without_a_country_code_may_have_several_interpretations() -> None:
    assert parse_number("89161234560") == {Number("7", "9161234560"), Number("", "89161234560")}
    assert parse_number("no number") == frozenset()
    assert all(len(number.national) <= 32 for number in parse_number("9" * 500))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("1", "7035550111"), ("91", "7035550111"), False),
        (("", "7035550111"), ("91", "7035550111"), True),
        (("1", "7035550111"), ("", "7035550111"), True),
        (("65", "81234567"), ("", "6581234567"), True),
        (("47", "701234567"), ("46", "701234567"), False),
    ],
)
def test_numbers_of_different_countries_are_never_the_same(
    one: tuple[str, str], other: tuple[str, str], *, same: bool
) -> None:
    assert is_same(Number(*one), Number(*other)) is same
    assert is_same(Number(*other), Number(*one)) is same


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("9811112222 / 9833334444", ("9811112222", "9833334444")),
        ("919811114444; 919833336666", ("919811114444", "919833336666")),
        ("98111 17777 or 98333 39999", ("98111 17777", "98333 39999")),
        ("9811115555 9833337777", ("9811115555", "9833337777")),
        ("9811116666\n9833338888", ("9811116666", "9833338888")),
        ("022-24151234/35", ("022-24151234", "02224151235")),
        ("912224151236 x123", ("912224151236",)),
        ("+91-22-24151238;ext=77", ("+91-22-24151238",)),
        ("02224151239 ext 9", ("02224151239",)),
        ("98765,22222", ("98765,22222",)),
        ("", ()),
    ],
)
def test_a_field_is_split_into_its_numbers(field: str, written: tuple[str, ...]) -> None:
    assert tuple(number.strip() for number in split_numbers(clean_phones(field))) == written


@given(ANY_TEXT)
def test_a_parsed_number_contains_only_digits(text: str) -> None:
    for written in split_numbers(clean_phones(text)):
        assert all(set(number.code + number.national) <= set("0123456789") for number in parse_number(written))
    assert len(ascii_digits(text)) == len(text)
