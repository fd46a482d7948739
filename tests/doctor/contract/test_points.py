"""The points of the report are those of docs/telecmi.md."""

from __future__ import annotations

import re

from paths import ROOT
from telecmi_mcp._doctor.contract import POINTS

UNKNOWN = (ROOT / "docs" / "telecmi.md").read_text(encoding="utf8").split("## Unknown\n")[1].split("\n## ")[0]


def test_the_points_have_names_of_their_own_and_the_order_of_the_page() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS)
    assert [point.number for point in POINTS] == sorted(point.number for point in POINTS)


def test_the_page_lists_the_points_of_each_number_and_a_column_for_reports() -> None:
    rows = [line.strip("| ").split(" | ") for line in UNKNOWN.splitlines() if re.match(r"\| \d", line)]
    listed = [(int(number), name) for number, _, names, _ in rows for name in re.findall("`([^`]+)`", names)]
    assert (
        list(dict.fromkeys((point.number, re.sub(r"^type\..*", "type.FIELD", point.name)) for point in POINTS))
        == listed
    )
    assert all(seen for *_, seen in rows)
