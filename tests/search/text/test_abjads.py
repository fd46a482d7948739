import pytest

from telecmi_mcp._search.text.abjads import latin_pattern, phonetic_keys
from telecmi_mcp._search.text.normalize import tokenize
from telecmi_mcp._search.text.phonetics import phonetic_key


@pytest.mark.parametrize(
    ("written", "latin"),
    [
        ("طارق", "tarek"),
        ("الغامدي", "alghamdi"),
        ("محمد", "mohammed"),
        ("خديجة", "khadija"),
        ("یوسف", "yousuf"),
        ("יעקב", "yaakov"),
        ("שפירא", "shapira"),
        ("กัญญา", "kanya"),
        ("วงศ์สวัสดิ์", "wongsawat"),
    ],
)
def test_arabic_hebrew_and_thai_words_match_their_latin_spellings(written: str, latin: str) -> None:
    (word,) = tokenize(written)
    assert latin_pattern(word).fullmatch(latin)
    assert phonetic_key(latin) in phonetic_keys(word)


@pytest.mark.parametrize(("written", "latin"), [("طارق", "karim"), ("محمد", "mahmoud khan"), ("יעקב", "david")])
def test_arabic_and_hebrew_words_do_not_match_other_names(written: str, latin: str) -> None:
    (word,) = tokenize(written)
    assert not latin_pattern(word).fullmatch(latin)
