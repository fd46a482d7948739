"""The status page: what it says, and that no name on it is more than a name."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from team.admin.statuses import HOSTILE, full_status
from telecmi_mcp import errors
from telecmi_mcp._mcp.call_record import CANCELLED
from telecmi_mcp._team.admin.advice import advice_for
from telecmi_mcp._team.admin.page import PLOT_HEIGHT, PLOT_WIDTH, bars_of, duration, latency, render, style_hash
from telecmi_mcp._team.admin.status import Lines
from telecmi_mcp._team.policy.activity import Tally

EMPTY_ELEMENTS = {"meta", "br", "rect", "line"}
INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Outline(HTMLParser):
    """The elements, attributes and texts of a page; an element that is not closed in order is an error."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in EMPTY_ELEMENTS:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_text_on_one_line_and_changes_nothing_else(name: str) -> None:
    plain, page = Outline(render(full_status("amal"))), render(full_status(name))
    hostile = Outline(page)
    assert hostile.elements == plain.elements
    assert hostile.attributes == plain.attributes
    assert not INVISIBLE.search(page)
    changed = [now for before, now in zip(plain.texts, hostile.texts, strict=True) if before != now]
    assert len(changed) == 2  # in the tables of callers and of keys
    assert all(1 <= len(text) <= 64 for text in changed)
    assert "49" not in changed[0]


def test_the_page_has_no_script_no_link_and_only_the_style_that_the_policy_names() -> None:
    page = render(full_status(*HOSTILE))
    outline = Outline(page)
    assert not {"script", "a", "img", "link", "iframe", "form", "object"} & set(outline.elements)
    assert not {each for each in outline.attributes if each.startswith("on") or each in {"style", "href", "src"}}
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style_hash() == f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}"
    assert not re.search(r"url\(|@import", style)


def test_the_page_says_what_a_person_looks_for() -> None:
    text = re.sub(r"\s+", " ", " ".join(Outline(render(full_status("amal"))).texts))
    for words in (
        "replica 408dcf3cad2e, up 1 d 2 h. 2026-11-26 21:51:11 UTC.",
        "Time of a call 50 ms 95 of 100: 1.2 s",
        "34 failed",
        "rate_limited : 33 calls last 30 s ago Lower a limit & wait.",
        "1 4,211 4,212 complete , being read 5 min 40 s ago 12 s ago",
        "and 8 that were used less recently",
        "amal a1b2c3d4 3 d 1 h never",
        "amal 3 s ago 812 14",
        "and 3 that called less recently",
    ):
        assert words in text


def test_what_is_not_there_is_said() -> None:
    empty = replace(
        full_status(), database="none", telecmi="not asked", errors=[], copies=Lines(), callers=Lines(), ending=Lines()
    )
    page = render(replace(empty, calls=Tally(0, 0, None, None), calls_per_minute=[(0, 0)] * 60))
    assert page.count("None") == 3
    assert "end within" not in page
    assert "<rect" not in page
    page = render(replace(empty, database="away", copies=None, callers=None, ending=None))
    assert page.count("cannot be read") == 2
    assert "unreachable" in page


def test_bars_stand_on_the_line_one_on_the_other_within_the_plot() -> None:
    bars = bars_of([(0, 0), (3, 1), (0, 2)])
    assert len(bars) == 2
    full, failed = bars
    assert (full.failed_y, full.answered_height + full.failed_height) == (0, PLOT_HEIGHT)
    assert full.failed_y + full.failed_height == full.answered_y
    assert full.answered_y + full.answered_height == PLOT_HEIGHT
    assert (failed.failed_y, failed.failed_height, failed.answered_height) == (PLOT_HEIGHT / 2, PLOT_HEIGHT / 2, 0)
    assert 0 < full.x < failed.x < failed.x + failed.width <= PLOT_WIDTH


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.2, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min 59 s"),
        (3_605, "1 h"),
        (93_784, "1 d 2 h"),
        (None, "never"),
    ],
)
def test_a_duration_has_one_or_two_units(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_latency_is_in_milliseconds_below_a_second() -> None:
    assert [latency(each) for each in (0.0404, 1.26, None)] == ["40 ms", "1.3 s", "\N{EN DASH}"]


def every_error(base: type[errors.TelecmiError]) -> list[type[errors.TelecmiError]]:
    return [each for child in base.__subclasses__() for each in (child, *every_error(child))]


def test_each_error_has_an_advice_and_none_speaks_to_a_caller() -> None:
    codes = {error.code for error in every_error(errors.TelecmiError)}
    for code in codes | {CANCELLED, "defect", "protocol_error", "account_rate", "surplus", "a code of tomorrow"}:
        advice = advice_for(code)
        assert advice.endswith(".")
        assert not re.search(r"The user must|Ask the administrator of this server|page_state|list_contacts", advice), (
            code
        )
