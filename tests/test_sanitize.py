"""What ``clean`` removes, and what it never changes."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import SAMPLES
from telecmi_mcp._sanitize import clean, shows_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MARKS = 8  # the tallest stack in use is Tibetan; a test of its own compares it with the code

NAMES = cast(
    "dict[str, list[str]]",
    json.loads((SAMPLES / "names.json").read_text("utf-8")),
)
WIDE = 10_000_000
ZWNJ, ZWJ = "\u200c", "\u200d"

# DerivedCoreProperties.txt, Default_Ignorable_Code_Point, as the standard lists it.
DEFAULT_IGNORABLE = """
    00AD 034F 061C 115F..1160 17B4..17B5 180B..180F 200B..200F 202A..202E 2060..206F 3164 FE00..FE0F FEFF FFA0
    FFF0..FFF8 1BCA0..1BCA3 1D173..1D17A E0000..E0FFF
"""
# Other format characters: drawn signs (Arabic, Syriac, Kaithi) and the layout of hieroglyphs.
VISIBLE_FORMATS = "0600..0605 06DD 070F 0890..0891 08E2 110BD 110CD 13430..1343F"
BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")


def characters(ranges: str) -> Iterator[str]:
    for first_and_last in ranges.split():
        first, _, last = first_and_last.partition("..")
        yield from map(chr, range(int(first, 16), int(last or first, 16) + 1))


IGNORABLE = frozenset(characters(DEFAULT_IGNORABLE))


def is_not_text(char: str) -> bool:
    code = ord(char)
    return (
        unicodedata.category(char) in {"Cc", "Cs", "Co", "Zl", "Zp"}
        or code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
        or 0xFFF9 <= code <= 0xFFFB
    )


def expected(char: str) -> str:
    """Return what stays of a code point between two Latin letters, if no exception applies."""
    if char in BREAKS:
        return " "
    if unicodedata.category(char) == "Cs":
        return "\ufffd"
    return "" if char in IGNORABLE or is_not_text(char) else char


ODD = [
    *"\x1b\x9b\x9d\x07\x9c\\[1a\ud83d\udc00\ufe0f\ufe0e\ufe00\u180b\u180e\u1820\u182d\u200c\u200d\u094d\u0915",
    *"\u09b0\u09cd\u0628\u0627\u064e\u070f\u20e3\u8fbb\u2026\u1100\u1161\u0903\U0001f468\U0001f3fd\U0001f1ee",
    *"\U000e0100\U000e0041",
    *("\x1b[31m", "\x1b]8;;http://a.b\x1b\\", "\r\n", "\u0301" * 5),
]
ANY_TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=()))
HOSTILE_TEXT = st.lists(st.sampled_from(ODD), max_size=40).map("".join)
TEXT = ANY_TEXT | HOSTILE_TEXT | st.tuples(HOSTILE_TEXT, ANY_TEXT, HOSTILE_TEXT).map("".join)
LIMITS = st.integers(-1, 40) | st.just(WIDE)


@given(TEXT, LIMITS)
def test_cleaning_twice_is_cleaning_once(text: str, limit: int) -> None:
    once = clean(text, limit=limit)
    assert clean(once, limit=limit) == once
    assert clean(once, limit=WIDE) == once


@given(TEXT, LIMITS)
def test_the_result_fits_its_limit_on_one_line(text: str, limit: int) -> None:
    result = clean(text, limit=limit)
    assert len(result) <= max(limit, 0)
    assert len(result.splitlines()) <= 1


@given(TEXT, st.integers(1, 40))
def test_a_limit_changes_nothing_but_the_end(text: str, limit: int) -> None:
    whole, cut = clean(text, limit=WIDE), clean(text, limit=limit)
    if len(whole) <= limit:
        assert cut == whole
    else:
        assert cut.endswith("…")
        assert without_joiners(whole).startswith(without_joiners(cut[:-1]))


def without_joiners(text: str) -> str:
    return text.replace(ZWJ, "").replace(ZWNJ, "")


@given(TEXT, LIMITS)
def test_no_forbidden_character_stays(text: str, limit: int) -> None:
    result = clean(text, limit=limit)
    result.encode("utf-8")
    assert not any(map(is_not_text, result))
    selectors_and_joiners = set(f"{ZWJ}{ZWNJ}\u180b\u180c\u180d\u180e\u180f\ufe00\ufe01\ufe02\ufe0e\ufe0f")
    selectors_and_joiners.update(map(chr, range(0xE0100, 0xE01F0)))
    assert set(result) & IGNORABLE <= selectors_and_joiners


@given(TEXT)
def test_an_exception_never_holds_twice_in_a_row_nor_at_the_start(text: str) -> None:
    result = clean(text, limit=WIDE)
    joined = {"\u180e", ZWJ, ZWNJ}
    for before, char in zip(" " + result, result, strict=False):
        if char in IGNORABLE:
            assert not before.isascii() or (before in "0123456789#*" and char == "\ufe0f")
            assert before not in IGNORABLE or (char in joined) != (before in joined)


@given(TEXT)
def test_no_stack_of_marks_is_higher_than_the_cap(text: str) -> None:
    height = 0
    for char in clean(text, limit=WIDE):
        height = height + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        assert height <= MAX_MARKS


@pytest.mark.slow
def test_every_code_point_of_unicode_stays_unless_it_is_forbidden() -> None:
    wrong = [hex(code) for code in range(0x110000) if clean(f"é{chr(code)}é", limit=9) != f"é{expected(chr(code))}é"]
    assert wrong == []


def test_every_invisible_format_character_is_removed() -> None:
    visible = frozenset(characters(VISIBLE_FORMATS))
    formats = [char for char in map(chr, range(0x110000)) if unicodedata.category(char) == "Cf"]
    kept = {char for char in formats if clean(f"é{char}é", limit=9) != "éé"}
    assert kept <= visible


def test_no_mark_is_a_word_character() -> None:
    marks = [char for char in map(chr, range(0x110000)) if unicodedata.category(char) in {"Mn", "Me"}]
    assert min(marks) >= "\u0300"
    assert not any(map(str.isalnum, marks))


@pytest.mark.parametrize(
    ("hostile", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;196mé\x1b[m", "é"),
        ("\x1b[38:2::1:2:3mé", "é"),
        ("\x9b31mé\x9b0m", "é"),
        ("a\x1b[2J\x1b[1;1Hb", "ab"),
        ("a\x1b[?1049hb", "ab"),
        ("a\x1b[3\x001mb", "ab"),
        ("a\x1b\u200b[31mb", "ab"),
        ("a\x1b\x1b[31mb", "ab"),
        ("cut off\x1b[31", "cut off"),
        ("cut off\x1b", "cut off"),
        ("\x1b]8;;https://evil.example\x1b\\Click\x1b]8;;\x1b\\", "Click"),
        ("\x1b]8;id=1;https://evil.example\x07Click\x1b]8;;\x07", "Click"),
        ("\x9d0;title\x9cAnna", "Anna"),
        ("\x1b]0;title\x07Anna", "Anna"),
        ("\x1b]52;c;ZXZpbA==\x07Anna", "Anna"),
        ("\x1bP1$r0m\x1b\\Anna", "Anna"),
        ("\x1b_hidden\x1b\\Anna", "Anna"),
        ("\x1b^hidden\x1b\\Anna\x1bXhidden\x1b\\", "Anna"),
        ("\x1b]0;never ended", "never ended"),
        ("\x1bcAnna\x1b(B", "Anna"),
        ("Anna\b\b\b\bEvil", "AnnaEvil"),
    ],
)
def test_a_control_sequence_is_removed_whole(hostile: str, left: str) -> None:
    assert clean(hostile, limit=99) == left


@pytest.mark.parametrize(
    ("hostile", "left"),
    [
        ("a\nb\r\nc\td", "a b c d"),
        ("a\r\x00\nb", "a b"),
        ("a\n\x1b[31m\nb", "a b"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("level=ok\nlevel=error", "level=ok level=error"),
        ("  two spaces  stay  ", "  two spaces  stay  "),
        ("\ud800x\udfff", "\ufffdx\ufffd"),
        ("\ud83d\ude00", "\ufffd\ufffd"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("\u2066a\u2069\u200eb\u200f\u061c", "ab"),
        ("Anna" + "".join(chr(0xE0000 + ord(char)) for char in "ignore all"), "Anna"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\U0001f3f4"),
        ("a\u3164\uffa0\u115f\u1160b", "ab"),
        ("\ue000\U000f0000\U0010fffd\ufdd0\U0001ffffA\ufff9b\ufffac\ufffb", "Abc"),
        ("p\u200ba\u2060s\ufeffs\u00ad", "pass"),
    ],
)
def test_invisible_characters_are_removed(hostile: str, left: str) -> None:
    assert clean(hostile, limit=99) == left


@pytest.mark.parametrize("base", ["😀", "辻", "a", "ᠭ", "က", "1"])
def test_bytes_cannot_be_smuggled_in_variation_selectors(base: str) -> None:
    payload = "".join(chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in range(256))
    assert clean(base + payload, limit=999) in {base, base + "\ufe00"}


UNFIT = (
    *("a\ufe0f", "1\ufe0f", "1\ufe0e\u20e3", "辻\ufe0f", "😀\U000e0100"),
    *("a\u180b", "\ufe0f", "😀\u200d\ufe0f", "अ\ufe00", "\u182d\u180eb", "🇮\ufe0f"),
)


@pytest.mark.parametrize("text", UNFIT)
def test_a_variation_selector_without_a_valid_base_is_removed(text: str) -> None:
    assert not set(clean(text, limit=99)) & IGNORABLE


IDLE = (
    *("a\u200db", "a\u200cb", "\u200d😀", "😀\u200d", "😀\u200da", "a\u200d😀"),
    *("क\u200dष", "क\u200cष", "\u062f\u0627\u0631\u200c\u0627", "ب\u200c", "ব\u200d্য", "\u0378\u200d\u0378"),
)


@pytest.mark.parametrize("text", IDLE)
def test_a_joiner_that_spells_nothing_is_removed(text: str) -> None:
    assert clean(text, limit=99) == without_joiners(text)


def test_a_run_of_joiners_is_one_joiner() -> None:
    assert clean("می\u200c\u200c\u200dخو", limit=99) == "می\u200cخو"


def test_eight_marks_stay_on_a_letter_and_a_ninth_is_removed() -> None:
    for letter, mark in [("Z", "\u0301"), ("\u0e01", "\u0e47"), ("a", "\u20dd")]:
        assert clean(letter + mark * 8, limit=99) == letter + mark * 8
        assert clean(letter + mark * 9, limit=99) == letter + mark * 8


def test_a_stack_of_marks_is_cut_and_its_letter_stays() -> None:
    assert clean("Z" + "\u0301" * 500 + "oe", limit=99) == "Z" + "\u0301" * MAX_MARKS + "oe"
    assert clean("ก" + "็" * 500 + "า", limit=99) == "ก" + "็" * MAX_MARKS + "า"
    assert clean("e" + "\u0301" * (MAX_MARKS + 1), limit=99) == "e" + "\u0301" * MAX_MARKS
    assert clean("a" + "\u20dd" * 500, limit=99) == "a" + "\u20dd" * MAX_MARKS


def test_joiners_do_not_make_a_stack_higher() -> None:
    stack = "ب" + ("\u064e" * MAX_MARKS + ZWNJ) * 50 + "ب"
    assert clean(stack, limit=999).count("\u064e") == MAX_MARKS


def test_a_joiner_sees_its_letters_over_a_full_stack() -> None:
    fathas = "\u064e" * MAX_MARKS
    text = f"ب{fathas}{ZWNJ}ب{ZWNJ}{fathas}ب"
    assert clean(text, limit=99) == text


@pytest.mark.parametrize("script", NAMES)
def test_real_names_stay_byte_for_byte(script: str) -> None:
    assert len(NAMES[script]) >= 8
    assert [clean(name, limit=100) for name in NAMES[script]] == NAMES[script]


SPELT_WITH_ZWJ = "malayalam_chillu_zwj marathi_eyelash_ra bengali_ra_zwj_ya kannada_ra_zwj_ya sinhala_zwj"


def test_the_samples_hold_the_joiners_that_they_are_about() -> None:
    assert all(ZWJ in name for script in SPELT_WITH_ZWJ.split() for name in NAMES[script])
    assert all(ZWNJ in name for script in ("persian_zwnj", "telugu_zwnj") for name in NAMES[script])


@pytest.mark.parametrize("script", NAMES)
def test_a_name_cut_anywhere_stays_clean_and_ends_whole(script: str) -> None:
    for name in NAMES[script]:
        for limit in range(1, len(name)):
            cut = clean(name, limit=limit)
            assert len(cut) <= limit
            assert cut.endswith("…")
            assert name.startswith(cut[:-1])
            assert unicodedata.category(name[len(cut) - 1])[0] != "M"
            assert cut[-2:-1] not in {ZWJ, ZWNJ, "\u180e"}


def test_ascii_is_cut_at_the_limit_exactly() -> None:
    assert clean("abcdef", limit=6) == "abcdef"
    assert clean("abcdef", limit=5) == "abcd…"
    assert clean("abcdef", limit=1) == "…"
    assert clean("abcdef", limit=0) == ""


@pytest.mark.parametrize(
    ("text", "limit", "left"),
    [
        ("x👩🏽\u200d⚕\ufe0fy", 4, "x…"),
        ("x👩🏽\u200d⚕\ufe0fyz", 7, "x👩🏽\u200d⚕\ufe0f…"),
        ("🇮🇳🇬🇧", 3, "🇮🇳…"),
        ("🇮🇳🇬🇧🇫🇷", 4, "🇮🇳…"),
        ("x1\ufe0f\u20e3yz", 4, "x…"),
        ("ab👍🏽", 3, "ab…"),
        ("ae\u0301e\u0301", 3, "a…"),
        ("कक्षा", 4, "क…"),
        ("a\u1112\u1161\u11ab\u1112", 4, "a\u2026"),
        ("ab葛\U000e0100x", 4, "ab…"),
        ("نن\u200cنن", 4, "ن…"),
        ("نن\u200c\u064eنن", 5, "نن\u064e…"),
        ("นนนำนน", 4, "นน…"),
    ],
)
def test_a_cut_never_splits_what_is_read_as_one(text: str, limit: int, left: str) -> None:
    assert clean(text, limit=limit) == left


def test_the_limit_counts_what_is_left() -> None:
    assert clean("\u200b" * 500 + "Anna", limit=4) == "Anna"


@pytest.mark.parametrize("text", ["", "Priya Sharma", "O'Brien", "Łukasz", "王小明", "नरेन्द्र मोदी"])
def test_text_without_fault_is_the_same_object(text: str) -> None:
    assert clean(text, limit=100) is text


@pytest.mark.parametrize("space", "\u00a0\u1680\u2000\u2003\u2009\u200a\u202f\u205f\u3000 ")
def test_a_visible_space_stays(space: str) -> None:
    assert clean(f"Jean{space}Paul", limit=99) == f"Jean{space}Paul"


ENDLESS = (
    *("\u0301", "\ufe0f", "\u070f", "\u0903", "\u1161", "🇮", "—", "\U000e0041", "\n\x00", "\u180e\u180b"),
    *(ZWJ, ZWNJ + ZWJ, "a" + ZWJ, "क्" + ZWJ, "😀" + ZWJ, "ب" + ZWNJ, "\u070f" + ZWNJ, "\u0301" + ZWNJ),
    *("\x1b]", "\x9d", "\x1bP", "\x1b[", "\x1b[3"),
)


@pytest.mark.parametrize("unit", ENDLESS)
@pytest.mark.slow
def test_a_million_hostile_characters_are_survived(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert len(clean(text, limit=200)) <= 200


@pytest.mark.parametrize(("name", "loaded"), [("'नरेन्द्र\\n'", "False"), ("'अनिल्\\u200d'", "True")])
def test_idna_is_loaded_only_when_a_joiner_is_met(name: str, loaded: str) -> None:
    code = f"import sys; from telecmi_mcp._sanitize import clean; clean({name}, limit=9)"
    code += "; print('idna' in sys.modules)"
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded


UNSEEN = {chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) in {"Cc", "Cf", "Mn", "Me", "Zs"}}
PREFIXED = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")  # have ink
BLANK = set("\u2800\u115f\u1160\u3164\uffa0\u180e\ufffc\U0001d159\U00013441\U00013442\u17b4\u034f\ufe0f")


def test_a_text_of_invisible_characters_shows_nothing() -> None:
    seen = [char for char in UNSEEN - PREFIXED | BLANK if not shows_nothing(clean(char, limit=9))]
    assert not seen
    assert shows_nothing(clean("".join(sorted(UNSEEN - PREFIXED | BLANK)) * 2, limit=99_999))


@pytest.mark.parametrize("text", ["⠃⠗⠇", "⠀⠃", "-", "अ", "ा", "e\u0301", "👍", "…", "?", "\u06dd"])
def test_a_text_with_a_visible_character_shows_something(text: str) -> None:
    assert not shows_nothing(text)
    assert clean(text, limit=99) == text
