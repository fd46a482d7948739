"""Plain texts: names in every script pass, and characters that could end a quotation do not."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._plain_text import is_plain_argument, is_plain_name
from telecmi_mcp._sanitize import clean

NAMES: dict[str, list[str]] = json.loads((Path(__file__).parent / "samples" / "names.json").read_text("utf-8"))
EMOJI = "emoji"
ZWNJ, ZWJ = "\u200c", "\u200d"
MARKS = frozenset("'\u2019.-&/(),")
SCRIPTS = frozenset("\u05f3\u05f4\u05be\xb7\u30fb\u0f0b\u1361\u058a\u2010\u2011")


@pytest.mark.parametrize("script", sorted(NAMES.keys() - {EMOJI}))
def test_the_names_of_a_script_are_names(script: str) -> None:
    assert [name for name in NAMES[script] if not (is_plain_name(name) and is_plain_argument(name))] == []


@pytest.mark.parametrize("name", NAMES[EMOJI])
def test_emoji_are_not_names(name: str) -> None:
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["O'Neil & Sons (Pvt.), Ltd.", "A/S Jo\u2019s", "Jean-Paul 2", "Li\xa0Wei"])
def test_punctuation_of_names_is_allowed(name: str) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize(
    "name", [f"a{ZWJ}b", f"{ZWNJ}a", f"a{ZWNJ}", f"\u0915{ZWJ}\u0915", "a\u200bb", "a\u202eb", "a\tb", ""]
)
def test_an_invisible_character_is_allowed_only_in_a_spelling_that_needs_it(name: str) -> None:
    assert not is_plain_name(name)
    assert not is_plain_argument(name)


def test_every_ascii_character_follows_the_two_lists() -> None:
    letters = {chr(code) for code in range(128) if chr(code).isalnum()} | {" "}
    ascii_text = [chr(code) for code in range(128)]
    assert {char for char in ascii_text if is_plain_name(f"a{char}a")} == letters | set("'.-&/(),")
    assert {char for char in ascii_text if is_plain_argument(f"a{char}a")} == letters | set("'.-&/(),@+_:?")


@given(st.text(max_size=100))
def test_a_name_is_clean_short_and_made_of_letters_marks_numbers_and_little_else(text: str) -> None:
    if is_plain_name(text):
        assert clean(text, limit=80) == text
        for char in text:
            assert unicodedata.category(char)[0] in "LMNZ" or char in MARKS | SCRIPTS | {ZWJ, ZWNJ, "\u180e"}
        assert is_plain_argument(text)
