"""Holds the result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telecmi_mcp.errors import TelecmiError

MAX_SHOWN_CHARS = 120
"""Longest part of a result that came from outside."""


class Verdict(StrEnum):
    """Verdict of a check; the worst is last."""

    GOOD = "good"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of one check.

    Attributes:
        about: What was checked, in a word or two.
        verdict: Whether it works.
        says: The finding, without a final period and without secrets.
        advice: What to do, as one sentence; "" if there is nothing to do.
    """

    about: str
    verdict: Verdict
    says: str
    advice: str = ""


def advice_of(error: TelecmiError) -> str:
    """Return the hint of an error as advice to the user: errors address a model ("The user must ...")."""
    rest = error.hint.removeprefix("The user must ")
    return f"{rest[:1].upper()}{rest[1:]}."
