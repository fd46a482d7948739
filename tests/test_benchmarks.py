"""The parts of the benchmarks that calculate and write, because a wrong number is not obvious."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from benchmarks.answers import as_tsv, compact
from benchmarks.book import Book, contact, contact_id, token
from benchmarks.environments import FASTMCP, OURS, PINS, SOURCES, A
from benchmarks.flame import name_drawing
from benchmarks.http_cost import WORKS
from benchmarks.http_cost import report as http_report
from benchmarks.http_search import Turn
from benchmarks.http_search import rows as search_rows
from benchmarks.http_servers import Cost, Server
from benchmarks.record import Record, Spread, percentile
from benchmarks.report import SECTIONS, report
from benchmarks.table import number, spread, table
from benchmarks.targets import TARGETS, Target, ratio
from paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CONSTRAINTS = ROOT / "constraints.txt"


def pinned(path: Path) -> dict[str, str]:
    """Return the versions of a file of exact requirements."""
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)", line) for line in path.read_text().splitlines()]
    assert all(found), path.name
    return {re.sub("[-_.]+", "-", each[1]).lower(): each[2] for each in found if each}


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 50.0), (99, 99.0), (99.5, 100.0), (100, 100.0)])
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([float(each) for each in range(100, 0, -1)], percent) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 1) == percentile([7.0], 99) == 7.0


def test_a_spread_has_the_middle_the_ends_and_the_number_of_rounds() -> None:
    assert Spread.of([5.0, 1.0, 2.0, 4.0]) == Spread(median=3.0, minimum=1.0, maximum=5.0, rounds=4)


def test_a_record_keeps_the_rounds_of_each_server_apart() -> None:
    record = Record()
    record.add("start", "A", 1.0)
    record.add("start", "A", 3.0)
    record.add("start", "B", 9.0)
    assert record.values("start", "A") == [1.0, 3.0]
    assert record.spread("start", "B") == Spread(9.0, 9.0, 9.0, 1)
    assert record.spread("start", "C") is record.spread("exit", "A") is None
    assert json.loads(json.dumps(record.as_json()))["rounds"] == {"start": {"A": [1.0, 3.0], "B": [9.0]}}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (7.0, "7"), (0.0449, "0.04"), (0.9612, "0.96"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_a_number_has_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_spread_is_written_with_its_ends_only_if_they_differ() -> None:
    assert spread(Spread(1.0, 0.5, 2.0, 3)) == "1 (0.50 to 2)"
    assert spread(Spread(1.001, 1.0009, 1.0011, 3)) == "1.00"
    assert spread(None) == "-"


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_a_target_divides_by_the_same_runs_figure_and_keeps_its_side_of_the_bound() -> None:
    record = Record()
    record.add("speed", "ours", 3.0)
    record.add("speed", "theirs", 2.0)
    at_least = Target("speed", "speed", 1.5, against=("theirs", "speed"), at_least=True, peer="ours")
    reached = at_least.reached(record)
    assert reached == 1.5
    assert at_least.is_met(1.5)
    assert not at_least.is_met(1.49)
    at_most = Target("speed", ("speed", "speed"), 6, peer="ours")
    assert at_most.reached(record) == 6.0
    assert at_most.is_met(6.0)
    assert not at_most.is_met(6.01)


def test_a_round_is_compared_with_the_same_round() -> None:
    assert ratio([1.0, 20.0, 3.0], [2.0, 40.0, 6.0]) == 0.5
    assert ratio([1.0, 2.0, 30.0], [2.0, 1.0, 5.0]) == 2.0


def test_figures_of_different_rounds_are_compared_by_their_medians() -> None:
    assert ratio([1.0, 2.0, 9.0], [4.0]) == 0.5


def test_a_target_without_a_measurement_is_not_reached() -> None:
    assert {target.reached(Record()) for target in TARGETS} == {None}


def test_every_target_is_about_figures_that_a_table_shows() -> None:
    shown = {figure for section in SECTIONS for figure in section.figures}
    for target in TARGETS:
        figures = (target.figure,) if isinstance(target.figure, str) else target.figure
        assert {*figures, *([target.against[1]] if target.against else [])} <= shown, target.what


def test_a_report_says_what_failed_and_that_the_machine_was_busy() -> None:
    record = Record()
    record.failures["a server, start"] = "it | fell\nover"
    busy, quiet = (99.0, 99.0, 99.0), (0.0, 0.0, 0.0)
    assert "| a server, start | it / fell over |" in report(record, before=quiet, after=busy)
    assert "busy before the run" in report(record, before=busy, after=quiet)
    assert "busy before the run" not in report(record, before=quiet, after=busy)


def test_tsv_is_one_line_of_facts_one_of_names_and_one_for_each_contact() -> None:
    page = {"contacts": [{"a": "1\t2", "b": None}, {"a": "", "b": "3"}], "count": 2, "has_more": False}
    assert as_tsv(page) == "count 2\thas_more False\na\tb\n1 2\t\n\t3"


def test_compact_json_has_no_spaces_and_no_escapes_for_letters() -> None:
    assert compact({"a": ["é", None]}) == '{"a":["é",null]}'


def test_the_contact_list_returns_every_contact_once() -> None:
    book, seen, state = Book(map(contact, range(25))), [], ""
    while state is not None:
        asked = {"token": token(23), "limit": 10} | ({"page_state": state} if state else {})
        answer = json.loads(book.answer(asked))
        assert answer["count"] == 23
        seen += answer["contacts"]
        state = answer.get("page_state")
        assert state is None or len(state) == 64
    assert seen == [contact(place) for place in range(23)]


def test_the_contact_list_has_only_the_contacts_of_the_tokens_organisation() -> None:
    book = Book(map(contact, range(25)))
    assert json.loads(book.answer({"token": token(23), "contact_id": contact_id(22)}))["contacts"] == [contact(22)]
    assert json.loads(book.answer({"token": token(23), "contact_id": contact_id(23)}))["code"] == 404
    assert json.loads(book.answer({"token": token(23), "page_state": "nowhere"}))["code"] == 404


def test_three_of_four_contacts_have_one_unknown_field() -> None:
    assert [list(contact(place).values()).count(None) for place in range(8)] == [0, 1, 1, 1] * 2


def test_the_versions_of_the_peers_are_exact_and_the_official_sdk_is_that_of_this_project() -> None:
    ours = pinned(CONSTRAINTS)
    for path in PINS.values():
        for name, version in pinned(path).items():
            assert path != PINS["official"] or ours.get(name, version) == version, name
    package = json.loads((SOURCES / "package.json").read_text())
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version) for version in package["dependencies"].values())


def test_a_flamegraph_is_titled_with_what_was_drawn_and_not_with_a_command_line(tmp_path: Path) -> None:
    drawing = tmp_path / "list.svg"
    drawing.write_text('<svg><text id="title" x="50%">/there/py-spy record</text><text id="details"> </text></svg>')

    name_drawing(drawing, "telecmi-mcp, list_contacts")

    assert drawing.read_text() == (
        '<svg><text id="title" x="50%">telecmi-mcp, list_contacts</text><text id="details"> </text></svg>'
    )


def test_the_share_of_a_server_over_http_is_the_median_of_the_rounds_and_not_the_ratio_of_the_medians() -> None:
    servers = [Server(name, 0, 0, "") for name in (A, FASTMCP, OURS)]
    costs = {
        A: [Cost(1.0, 100.0), Cost(2.0, 50.0), Cost(4.0, 25.0)],
        FASTMCP: [Cost(4.0, 1.0)] * 3,
        OURS: [Cost(0.5, 200.0), Cost(0.5, 200.0), Cost(3.0, 100.0)],
    }
    lines = http_report({(name, work): some for name, some in costs.items() for work in WORKS}, servers).splitlines()
    (row,) = [line for line in lines if line.startswith(f"| get_contact | 2026-07-28 | {OURS} ")]
    assert row.split(" | ")[3:] == ["0.50", "0.50", "0.12", "4 |"]


def test_the_price_of_a_contact_that_is_read_live_is_the_difference_of_the_limits() -> None:
    few, many = Turn(5.0, 2.0, 1.0), Turn(8.5, 2.0, 8.0)
    found = {"search, limit 1": [few] * 3, "search, limit 10": [many] * 3, "count": [Turn(1.0, 0.0, 0.0)] * 3}
    assert list(search_rows("memory", found)) == [
        ["memory", "search, limit 1", "1", "5", "2"],
        ["memory", "search, limit 10", "8", "8.50", "2"],
        ["memory", "count", "-", "1", "0"],
        ["memory", "search without live reading", "0", "4.50", "2"],
        ["memory", "each contact read live", "1", "0.50", "0"],
    ]
