"""The values of the flags of ``telecmi-mcp team key``."""

from __future__ import annotations

from datetime import timedelta

import pytest

from telecmi_mcp._cli.team.key_values import duration, grace_time, words
from telecmi_mcp.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", timedelta(days=90)),
        ("24h", timedelta(hours=24)),
        ("30m", timedelta(minutes=30)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_duration_has_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert duration("--expires", text) == expected


@pytest.mark.parametrize(
    "text", ["", "90", "d", "0d", "-1d", "1.5h", "90D", " 90d", "90d\n", "3651d", "9999999d", "\u0661d"]
)
def test_another_text_is_refused_by_the_name_of_the_flag(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^Correct --grace: use a duration such as 90d, 24h or 30m"):
        grace_time("--grace", text)


def test_only_a_grace_time_may_be_nothing() -> None:
    assert grace_time("--grace", "0") == timedelta(0)
    with pytest.raises(ConfigurationError):
        duration("--expires", "0")


def test_words_come_in_their_own_order_and_are_known() -> None:
    assert words("--tools", "b, a,b", ("a", "b", "c")) == ("a", "b")
    for bad in ("", "a,,b", "d", "a;b"):
        with pytest.raises(ConfigurationError, match=r"^Correct --tools: use some of a,b,c\.$"):
            words("--tools", bad, ("a", "b", "c"))
