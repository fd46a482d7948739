"""Result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHOWN = 120


class Verdict(StrEnum):
    """How it is with one thing, the worst last."""

    GOOD = "good"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found about one thing.

    Attributes:
        about: The thing, in a word or two.
        verdict: How it is with it.
        says: The fact, without the closing stop; never a secret.
        advice: The one thing to do, a whole sentence; "" where there is nothing to do.
    """

    about: str
    verdict: Verdict
    says: str
    advice: str = ""
