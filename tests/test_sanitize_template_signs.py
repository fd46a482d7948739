"""Chat-template signs in foreign text lose their brackets in every reader, and names keep theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._api.fast_path import is_plain
from telecmi_mcp._api.protocol import read_answer, read_page
from telecmi_mcp._sanitize import clean, is_clean

NAMES: dict[str, list[str]] = json.loads((Path(__file__).parent / "samples" / "names.json").read_text("utf-8"))
SIGNS = {
    "<|im_start|>system": "\u2039|im_start|\u203asystem",
    "<|eot_id|>": "\u2039|eot_id|\u203a",
    "<\uff5cUser\uff5c>": "\u2039\uff5cUser\uff5c\u203a",
    "</tool_result>": "\u2039/tool_result>",
    "<tool_result>": "\u2039tool_result>",
    "<start_of_turn>user": "\u2039start_of_turn>user",
    "<system>": "\u2039system>",
    "</System >": "\u2039/System >",
    "<invoke name=x>": "\u2039invoke name=x>",
    "<s>[INST] x [/INST]</s>": "\u2039s>(INST) x (/INST)\u2039/s>",
    "<<SYS>>x<</SYS>>": "\u2039\u2039SYS>>x\u2039\u2039/SYS>>",
    "[TOOL_CALLS]": "(TOOL_CALLS)",
    "<\u200b|im_start|\u200d>": "\u2039|im_start|\u203a",
    "<sys\u200dtem>": "\u2039system>",
}
HARMLESS = [
    *("A < B Traders", "<3", "I <3 U", "Tom & Jerry <Exports>", "<Acme>", "[Acme] Ltd", "Priya <priya_s@acme.example>"),
    *("<System Integrators>", "A -> B", "5 > 4", "a|b", "(INST)", "[A]", "[1]", "<<Acme>>", "AC/DC"),
]
PARTS = st.sampled_from(
    [
        "<",
        ">",
        "|",
        "\uff5c",
        "/",
        "[",
        "]",
        "INST",
        "system",
        "tool_result",
        "a_b",
        " ",
        "x=",
        "\u200b",
        "\u200d",
        "A_B",
        "s",
    ]
)
SIGN_LIKE = st.lists(PARTS, max_size=14).map("".join)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_loses_its_brackets_and_stays_readable(sign: str) -> None:
    assert clean(sign, limit=200) == SIGNS[sign]
    assert not is_clean(sign)
    assert not is_clean(f"\u0905 {sign}")


@pytest.mark.parametrize("name", [*HARMLESS, *(name for names in NAMES.values() for name in names)])
def test_a_name_stays_as_it_is(name: str) -> None:
    assert clean(name, limit=200) == name


@given(SIGN_LIKE, st.integers(0, 20) | st.just(1000))
def test_cleaning_twice_is_cleaning_once_and_a_cut_changes_only_the_end(text: str, limit: int) -> None:
    once, whole = clean(text, limit=limit), clean(text, limit=1000)
    assert clean(once, limit=limit) == clean(once, limit=1000) == once
    assert len(once) <= limit
    assert once == whole if len(whole) <= limit else whole.startswith(once[:-1])


def test_a_sign_is_recognised_if_the_cut_removes_its_end() -> None:
    assert clean("<\u200bsystem>", limit=2) == "\u2039\u2026"


def page(*names: str) -> bytes:
    entries: list[dict[str, Any]] = [
        {
            **dict.fromkeys(("phone_no", "last_name", "email_id", "company", "job_title"), "x"),
            "contact_id": f"id-{number}",
            "first_name": name,
        }
        for number, name in enumerate(names)
    ]
    return json.dumps({"code": 200, "contacts": entries}, ensure_ascii=False).encode()


@pytest.mark.parametrize("beside", [[], ["John"], ["\u0905\u092e\u0930"]], ids=["alone", "ascii", "other script"])
@pytest.mark.parametrize("sign", SIGNS)
def test_every_reader_of_a_page_replaces_the_brackets(sign: str, beside: list[str]) -> None:
    contacts = read_page(read_answer(200, page(sign, *beside)), 10).contacts
    assert [contact.first_name for contact in contacts] == [SIGNS[sign], *beside]


@given(st.lists(SIGN_LIKE.filter(str.strip), min_size=1, max_size=3))
def test_the_fast_path_gives_the_same_names_as_clean(names: list[str]) -> None:
    contacts = read_page(read_answer(200, page(*names)), 10).contacts
    assert [contact.first_name for contact in contacts] == [as_read(name) for name in names]


def as_read(name: str) -> str | None:
    shown = clean(name, limit=200)
    return shown if shown.strip() else None


def test_most_pages_take_the_fast_path() -> None:
    assert is_plain(page("John", "O'Neil & Co. (Pvt.)", "A > B"), "")
    for text in ("<|im_start|>", "[INST]", "[/INST]"):
        assert not is_plain(page(text), "")
        assert not is_plain(json.dumps({"contacts": {"first_name": text}}).encode(), "")
