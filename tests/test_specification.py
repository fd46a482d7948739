"""The page of the specification names tests that exist, and has a test or a reason for each requirement."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import NamedTuple

import pytest

from paths import ROOT

PAGE = (ROOT / "docs" / "specification.md").read_text(encoding="utf8")
HEAD = ["requirement", "level", "where", "held by"]
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT"}
REVISIONS = {"2025-11-25": ["2025-11-25"], "2026-07-28": ["2026-07-28"], "both": ["2025-11-25", "2026-07-28"]}
REASONS = ("Does not apply: ", "Not followed: ", "Not met yet: ")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


class Row(NamedTuple):
    """One requirement of the page."""

    requirement: str
    level: str
    where: str
    held_by: str

    @property
    def places(self) -> set[tuple[str, str]]:
        """The pages with a revision that the requirement stands in."""
        named = [place.rpartition(", ") for place in self.where.split(" · ")]
        return {(page, revision) for page, _, name in named for revision in REVISIONS[name]}

    @property
    def tests(self) -> list[tuple[str, str]]:
        """Files and names of the tests that the row names."""
        return TEST.findall(self.held_by)


def tables() -> list[list[list[str]]]:
    """Return the tables of the page, each with its head."""
    blocks = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    cells = [[[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()] for block in blocks]
    return [[head, *rows] for head, _, *rows in cells]


ROWS = [Row(*row) for head, *rows in tables() if head == HEAD for row in rows]
COUNTS = {
    (page, revision): (int(sentences), int(ours))
    for head, *rows in tables()
    if head[0] == "page"
    for page, *numbers in rows
    for revision, sentences, ours in zip(REVISIONS["both"], numbers[::2], numbers[1::2], strict=True)
    if sentences
}


@cache
def expectations_of(path: str) -> dict[str, bool]:
    """Return the tests of a file, each with whether it is expected to fail."""
    file = ROOT / path
    body = ast.parse(file.read_text(encoding="utf8")).body if file.exists() else []
    return {
        each.name: any("xfail" in ast.unparse(decorator) for decorator in each.decorator_list)
        for each in body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def faults(row: Row) -> list[str]:
    """Return what is wrong with the last cell of a row."""
    missing = [f"{path}::{name} does not exist" for path, name in row.tests if name not in expectations_of(path)]
    if missing:
        return missing
    is_expected_to_fail = any(expectations_of(path)[name] for path, name in row.tests)
    if is_expected_to_fail is not row.held_by.startswith("Not met yet: "):
        return ["expected to fail, and not said to be so" if is_expected_to_fail else "said to fail, and does not"]
    has_reason = any(row.held_by.removeprefix(reason) not in {row.held_by, ""} for reason in REASONS)
    names_only_tests = bool(row.tests) and not TEST.sub("", row.held_by).replace("<br>", "")
    return [] if has_reason or names_only_tests else ["neither tests nor a reason"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.requirement[:60])
def test_a_requirement_has_tests_that_exist_or_a_reason(row: Row) -> None:
    assert faults(row) == []
    assert row.level in LEVELS
    assert row.places <= {*COUNTS, *(("schema", revision) for revision in REVISIONS["both"])}


def test_no_requirement_stands_twice_on_a_page() -> None:
    seen = [(row.requirement, place) for row in ROWS for place in row.places]
    assert len(seen) == len(set(seen))


def test_every_page_that_requires_something_of_a_server_has_rows() -> None:
    named = {place for row in ROWS for place in row.places if place[0] != "schema"}
    assert named == {place for place, (_, ours) in COUNTS.items() if ours}


def test_the_numbers_of_sentences_add_up() -> None:
    sentences, ours = (sum(numbers) for numbers in zip(*COUNTS.values(), strict=True))
    prose = " ".join(PAGE.split())
    total, left_in, left_out, *parts = (
        int(number)
        for pattern in (
            r"capitals, (\d+) of them",
            r"(\d+) concern a server",
            r"The other (\d+) are left out",
            r"(\d+) are about clients",
            r"(\d+) about authorization",
            r"(\d+) define the words",
        )
        for number in re.findall(pattern, prose)
    )
    assert (total, left_in) == (sentences, ours)
    assert left_out == sum(parts) == sentences - ours


OWN = "tests/test_specification.py"


@pytest.mark.parametrize(
    ("held_by", "fault"),
    [
        (f"`{OWN}::test_the_numbers_of_sentences_add_up`", None),
        ("Does not apply: there are none.", None),
        (f"`{OWN}::test_that_was_renamed`", f"{OWN}::test_that_was_renamed does not exist"),
        ("`tests/no_such_file.py::test_it`", "tests/no_such_file.py::test_it does not exist"),
        ("", "neither tests nor a reason"),
        ("Not followed: ", "neither tests nor a reason"),
        ("some day", "neither tests nor a reason"),
        (f"Mostly `{OWN}::test_the_numbers_of_sentences_add_up`", "neither tests nor a reason"),
        (f"Not met yet: `{OWN}::test_the_numbers_of_sentences_add_up`", "said to fail, and does not"),
        (f"`{OWN}::test_a_test_that_is_expected_to_fail`", "expected to fail, and not said to be so"),
        (f"Not met yet: `{OWN}::test_a_test_that_is_expected_to_fail`", None),
    ],
)
def test_a_fault_of_a_row_is_noticed(held_by: str, fault: str | None) -> None:
    assert faults(Row("x", "MUST", "basic/index, both", held_by)) == ([fault] if fault else [])


@pytest.mark.xfail(strict=True, reason="the test above needs one")
def test_a_test_that_is_expected_to_fail() -> None:
    pytest.fail("as expected")
