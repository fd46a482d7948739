"""Tests that a table fits the terminal, that no id or number is cut, and where it has colours."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecmi_mcp._cli.contacts.table import print_contacts
from telecmi_mcp._cli.terminal import YELLOW, colored, cut, pad, width_of
from telecmi_mcp._models import Contact
from telecmi_mcp.sandbox import make_contacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTACTS = make_contacts(60)
ROWS: list[dict[str, str]] = [
    {"match": "exact", **{name: str(value) for name, value in contact.items()}} for contact in CONTACTS
]


class Terminal(io.TextIOWrapper):
    """A stream that a terminal of some width shows."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


def shown(
    monkeypatch: pytest.MonkeyPatch, columns: int, rows: Sequence[Mapping[str, str]], **variables: str
) -> list[str]:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))
    for name, value in {"NO_COLOR": "1", "TERM": "xterm", "WT_SESSION": "1", **variables}.items():
        monkeypatch.setenv(name, value)
    with redirect_stdout(Terminal()) as terminal:
        print_contacts(rows)
    return terminal.text().splitlines()


@pytest.mark.parametrize("columns", [70, 80, 100, 120, 144, 160, 240])
def test_rows_fit_the_terminal_and_ids_and_numbers_are_whole(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, columns, ROWS)
    assert max(map(width_of, lines)) <= columns
    text = "\n".join(lines)
    for contact in CONTACTS:
        assert contact["contact_id"] in text
        assert contact["phone_no"] in text
        assert contact["job_title"][:4] in text


def test_a_wide_terminal_has_one_line_for_each_contact_and_a_narrow_one_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (150, 240):
        assert len(shown(monkeypatch, columns, ROWS)) == 1 + len(ROWS)
    narrow = shown(monkeypatch, 80, ROWS)
    assert len(narrow) == 2 * (1 + len(ROWS))
    assert narrow[0].split() == ["match", "name", "phone_no", "company", "job_title"]
    assert narrow[1].split() == ["contact_id", "email_id"]
    assert narrow[3].split() == [CONTACTS[0]["contact_id"], CONTACTS[0]["email_id"]]


def test_the_columns_of_every_script_stand_below_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["Ana", "ज्योति", "செந்தில்", "王小明", "김민준", "Nguyễn"]
    lines = shown(monkeypatch, 240, [{"contact_id": "7", "first_name": name, "phone_no": "91"} for name in names])
    assert {width_of(line[: line.index("91")]) for line in lines[1:]} == {width_of(lines[0].split("phone_no")[0])}


def test_where_stdout_is_no_terminal_nothing_is_cut_and_there_is_no_header(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_contacts([{"contact_id": "7", "company": "x" * 300}])
    assert capsys.readouterr().out.split() == ["x" * 300, "7"]


def test_every_field_of_a_contact_is_in_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    header = shown(monkeypatch, 999, [{"contact_id": "7"}])[0].split()
    assert {*header} - {"name"} == {*Contact._fields} - {"first_name", "last_name"}


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("Ana", 3), ("é", 1), ("ज्योति", 5), ("王小明", 6), ("a\u200d", 1), ("ｱ", 1)]
)
def test_the_width_is_that_of_the_terminal(text: str, width: int) -> None:
    assert width_of(text) == width


@given(st.text(max_size=30), st.integers(1, 20))
def test_a_cut_text_fits_and_starts_as_the_whole_one(text: str, width: int) -> None:
    short = cut(text, width)
    assert width_of(short) <= width
    assert text.startswith(short.removesuffix("…"))
    assert width_of(pad(short, width)) == width


def test_an_ellipsis_that_the_encoding_lacks_is_a_full_stop() -> None:
    with redirect_stdout(Terminal("ascii")):
        assert cut("Priya Raman", 6) == "Priya."


@pytest.mark.parametrize(
    ("environ", "is_terminal", "is_colored"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    environ: dict[str, str], *, is_terminal: bool, is_colored: bool
) -> None:
    stream = Terminal() if is_terminal else io.StringIO()
    text = colored("partial", YELLOW, stream, environ={"WT_SESSION": "1", **environ})
    assert text == ("\x1b[33mpartial\x1b[0m" if is_colored else "partial")


@pytest.mark.skipif(sys.platform == "win32", reason="the variable of its terminal is tried above")
def test_a_match_that_is_not_certain_is_yellow(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"match": match, "contact_id": "7"} for match in ("exact", "fuzzy")]
    _, exact, fuzzy = shown(monkeypatch, 240, rows, NO_COLOR="")
    assert "\x1b" not in exact
    assert fuzzy.startswith("\x1b[33mfuzzy")
