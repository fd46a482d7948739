import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._search.text.normalize import fold, tokenize

ANY_TEXT = st.text(st.characters(codec=None, categories=None)) | st.text()
INDIC_TEXT = st.text(st.characters(min_codepoint=0x0900, max_codepoint=0x0D7F))


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
def test_fold_removes_case_accents_width_and_invisible_characters(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_fold_keeps_the_vowel_signs_of_indic_scripts() -> None:
    assert fold("कि") == "कि"
    assert fold("கு") == "கு"


@given(ANY_TEXT)
def test_fold_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(ANY_TEXT)
def test_no_token_is_empty_or_contains_a_space_or_a_mark_of_the_index(text: str) -> None:
    assert all(token and not set(token) & set(" ^~@") for token in tokenize(text))


@given(INDIC_TEXT)
def test_tokenize_is_idempotent_for_indic_scripts(text: str) -> None:
    tokens = tokenize(text)
    assert tokenize(" ".join(tokens)) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Dr. Anil-Kumar  O'Brien", ("dr", "anil", "kumar", "obrien")),
        ("Domino\u2019s", ("dominos",)),
        ("T.G BANSHIDHAR", ("t", "g", "banshidhar")),
        ("Дмитрий", ("dmitrii",)),
        ("Γεωργία Οικονόμου", ("georgia", "oikonomou")),
        ("さいとう みつる", ("saito", "mitsuru")),
        ("ｱｷﾗ", ("akira",)),
        ("සුනිල්", ("sunil",)),
        ("王小明", ("王", "小", "明")),
        ("임정식", ("임", "정", "식")),
        ("أحمد", ("احمد",)),
        ("דָּוִד", ("דוד",)),
        ("\t\n\x00", ()),
    ],
)
def test_a_text_is_split_into_folded_and_transliterated_tokens(text: str, tokens: tuple[str, ...]) -> None:
    assert tokenize(text) == tokens
