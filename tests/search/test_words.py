from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.normalize import fold, words
from telecmi_mcp._search.phones import ascii_digits, significant
from telecmi_mcp._search.phonetics import key, sound
from telecmi_mcp._search.romanise import is_indic, romanise
from telecmi_mcp._search.similarity import similarity, sound_distance, spelling_distance

ANY_TEXT = st.text(st.characters(codec=None, categories=None)) | st.text()
INDIC_TEXT = st.text(st.characters(min_codepoint=0x0900, max_codepoint=0x0D7F))
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("VLČKOVÁ", "vlckova"),
        ("Straße", "strasse"),
        ("Søren Łukasz Ægir", "soren lukasz aegir"),
        ("MEŞHUR İpek Işık", "meshur ipek isik"),  # noqa: RUF001 - the letters under test
        ("Ｐｒｉｙａ", "priya"),  # noqa: RUF001 - the letters under test
        ("Pri\u200dya\u202e \ud800Rao\ufeff", "priya rao"),
        ("e\u0301te\u0301", "ete"),
        ("क\u093cलम", "क\u093cलम"),
    ],
)
def test_folding_leaves_what_distinguishes_words(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_folding_keeps_indic_vowel_signs_that_are_marks() -> None:
    assert fold("कि") == "कि"
    assert fold("கு") == "கு"


@given(ANY_TEXT)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(ANY_TEXT)
def test_words_hold_no_space_and_no_mark_of_the_vocabulary(text: str) -> None:
    assert all(word and not set(word) & set(" ^~@") for word in words(text))


@given(INDIC_TEXT)
def test_words_of_words_are_the_same_words(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dr. Anil-Kumar  O'Brien", ("dr", "anil", "kumar", "obrien")),
        ("Domino\u2019s", ("dominos",)),
        ("T.G BANSHIDHAR", ("t", "g", "banshidhar")),
        ("Дмитрий", ("дмитрии",)),
        ("\t\n\x00", ()),
    ],
)
def test_words_are_cut_at_what_is_no_letter(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("written", "latin"),
    [
        ("संजय कपूर", "sanjay kapur"),
        ("सुंदरम", "sundaram"),
        ("शंभु", "shambhu"),
        ("ज़हीर फ़ैज़", "zahir faiz"),
        ("लड़का", "laraka"),
        ("অমিতাভ রায়", "amitabh ray"),
        ("উৎপল", "utpal"),
        ("ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "guraprit singh"),
        ("ਪੱਪੂ", "papu"),
        ("નરેન્દ્ર પટેલ", "narendra patel"),
        ("ନବୀନ", "nabina"),
        ("கோபால்", "kopal"),
        ("தமிழ்", "tamizh"),
        ("லட்சுமி", "lakshumi"),
        ("సుబ్బారావు", "subbaravu"),
        ("ಕರ್ನಾಟಕ", "karnataka"),
        ("ഗോപാലൻ", "gopalan"),
        ("१२३ ௪௫", "123 45"),
    ],
)
def test_nine_scripts_are_romanised(written: str, latin: str) -> None:
    assert romanise(fold(written)) == latin


@given(INDIC_TEXT)
def test_nothing_indic_is_left_after_romanising(text: str) -> None:
    assert not is_indic(romanise(fold(text)))


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
def test_spellings_of_one_name_sound_the_same(one: str, other: str) -> None:
    assert sound(one) == sound(other)


def test_chaudhary_and_chowdhury_share_their_consonants() -> None:
    assert key("chaudhary") == key("chowdhury")


@pytest.mark.parametrize(("one", "other"), [("ram", "rom"), ("sita", "gita"), ("mohan", "rohan")])
def test_different_names_sound_different(one: str, other: str) -> None:
    assert sound(one) != sound(other)


@given(ANY_TEXT)
def test_every_word_has_a_sound_and_a_key(text: str) -> None:
    for word in words(text):
        assert isinstance(sound(word), str)
        assert len(key(word)) <= len(sound(word)) + 1


@given(WORD)
def test_a_key_is_the_consonants_of_the_sound(word: str) -> None:
    said, consonants = sound(word), key(word)
    assert not set(consonants[1:]) & set("aiueoym")
    assert (consonants[:1] == "a") == (said[:1] in set("aiu"))
    assert all(one != other for one, other in pairwise(consonants))


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("+91 82585-13053", "8258513053"),
        ("0091 8258513053", "8258513053"),
        ("08258513053", "8258513053"),
        ("8258513053", "8258513053"),
        ("+91 (82585) 13053", "8258513053"),
        ("+44 (0)20 7946 0958", "442079460958"),
        ("९८७६५४३२१०", "9876543210"),
        ("+1 906 320 1722", "19063201722"),
        ("no number", ""),
        ("9" * 500, "9" * 32),
    ],
)
def test_a_number_is_the_same_however_it_is_written(number: str, digits: str) -> None:
    assert significant(number) == digits


@given(ANY_TEXT)
def test_a_number_is_made_of_digits_only(text: str) -> None:
    assert all(char in "0123456789" for char in significant(text))
    assert len(ascii_digits(text)) == len(text)


@given(WORD, WORD)
def test_likeness_is_mutual_and_never_complete(one: str, other: str) -> None:
    likeness = similarity(one, other, least=0.66)
    assert likeness == similarity(other, one, least=0.66)
    assert 0 <= likeness < 1


@given(WORD, WORD, WORD)
def test_distances_are_those_of_no_detour(one: str, other: str, between: str) -> None:
    direct = sound_distance(sound(one), sound(other), most=99)
    assert direct <= sound_distance(sound(one), sound(between), most=99) + sound_distance(
        sound(between), sound(other), most=99
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
def test_edits_are_counted(one: str, other: str, edits: float) -> None:
    assert spelling_distance(one, other, most=99) == pytest.approx(edits)


@pytest.mark.parametrize("nonsense", ["ttfpl", "zsbth", "fbwrgdt"])
@pytest.mark.parametrize("name", ["deepali", "subodh", "birgit", "teofila"])
def test_consonants_alone_are_like_no_name(nonsense: str, name: str) -> None:
    assert similarity(nonsense, name, least=0.66) < 0.66
