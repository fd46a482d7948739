import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.text.normalize import fold
from telecmi_mcp._search.text.romanise import romanise

INDIC_TEXT = st.text(st.characters(min_codepoint=0x0900, max_codepoint=0x0D7F))


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
def test_nine_indic_scripts_are_romanised(written: str, latin: str) -> None:
    assert romanise(fold(written)) == latin


@given(INDIC_TEXT)
def test_romanised_text_has_no_indic_letters(text: str) -> None:
    assert not any("\u0900" <= char <= "\u0d7f" for char in romanise(fold(text)))
