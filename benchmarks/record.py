"""Keeps the results: for each figure and each server, one value a round."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Spread:
    """Summary of the rounds of one figure."""

    median: float
    minimum: float
    maximum: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(median(values), min(values), max(values), len(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that this percentage of the values does not exceed (the nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


@dataclass(frozen=True, slots=True)
class Record:
    """All rounds of all figures, and the failures."""

    rounds: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, figure: str, peer: str, *values: float) -> None:
        """Add the values of one or more rounds."""
        self.rounds[figure].setdefault(peer, []).extend(values)

    def values(self, figure: str, peer: str) -> list[float]:
        """Return the rounds of a figure of a server; an empty list if it was not measured."""
        return self.rounds.get(figure, {}).get(peer, [])

    def spread(self, figure: str, peer: str) -> Spread | None:
        """Return the summary of these rounds."""
        values = self.values(figure, peer)
        return Spread.of(values) if values else None

    def as_json(self) -> dict[str, Any]:
        """Return the record in JSON types."""
        return {"rounds": self.rounds, "failures": self.failures}
