"""The targets of telecmi-mcp: ratios within one run, because machines are noisy, and a few absolute numbers."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.answers import AS_TABLE, COMPACT
from benchmarks.environments import OURS, A

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.record import Record


@dataclass(frozen=True, slots=True)
class Target:
    """One figure, what it is divided by, and its bound.

    Attributes:
        figure: The figure of ``peer``; several are added.
        against: The server and the figure to divide by; ``None`` for an absolute number.
        bound: Its maximum, or its minimum.
    """

    what: str
    figure: str | tuple[str, ...]
    bound: float
    against: tuple[str, str] | None = None
    at_least: bool = False
    peer: str = OURS
    unit: str = ""

    def reached(self, record: Record) -> float | None:
        """Return the number to compare with the bound; ``None`` if a part of it was not measured."""
        figures = (self.figure,) if isinstance(self.figure, str) else self.figure
        ours = [sum(values) for values in zip(*(record.values(figure, self.peer) for figure in figures), strict=False)]
        if self.against is None or not ours:
            return median(ours) if ours else None
        theirs = record.values(self.against[1], self.against[0])
        return ratio(ours, theirs) if theirs else None

    def is_met(self, reached: float) -> bool:
        """Whether a number is within the bound."""
        return reached >= self.bound if self.at_least else reached <= self.bound


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' ratios, because other work slows both sides of a round.

    Figures of different rounds are compared by their medians.
    """
    if len(ours) == len(theirs):
        return median(mine / other for mine, other in zip(ours, theirs, strict=True))
    return median(ours) / median(theirs)


def _of_a(what: str, figure: str, bound: float, *, at_least: bool = False) -> Target:
    return Target(f"{what}, against A", figure, bound, against=(A, figure), at_least=at_least)


def _of_page(what: str, half: str, bound: float, *, peer: str = OURS) -> Target:
    compact = (COMPACT, "page_text_tokens")
    return Target(f"{what}, tokens against compact JSON", f"page_{half}_tokens", bound, against=compact, peer=peer)


TARGETS = (
    _of_a("start to tools/list", "start", 0.10),
    _of_a("first answer at once", "first", 1.0),
    Target("first answer a second later, against A's warm call", "first_later", 1.1, against=(A, "get_p50")),
    Target("the same, against A's call after another second", "first_later", 1.1, against=(A, "rested")),
    _of_a("exit after the end of input", "exit", 0.30),
    _of_a("memory at rest", "idle_memory", 1.0),
    Target("growth of memory over the calls", "growth", 4, unit=" MiB"),
    _of_a("get p50", "get_p50", 0.65),
    _of_a("get p99", "get_p99", 0.75),
    _of_a("list of 100 p50", "list_p50", 0.55),
    _of_a("16 calls at once", "rate_16", 1.6, at_least=True),
    Target("paging 100,000, speed against the bare httpx2 loop", "share_100000", 0.5, at_least=True),
    Target("40 ms away: first call after a second, against a warm one", "far_first", 1.1, against=(OURS, "far_warm")),
    Target("40 ms away: call after 60 s, against a warm one", "far_idle", 1.1, against=(OURS, "far_warm")),
    Target(
        "tools/list: names, descriptions and all schemas", ("tools_in_tokens", "tools_out_tokens"), 1800, unit=" tokens"
    ),
    _of_page("page, structured half", "structured", 0.96),
    _of_page("page, text half", "text", 0.96),
    _of_page("page, text half with TELECMI_TEXT=table", "text", 0.72, peer=AS_TABLE),
    Target("sync at 100 ms, time against the bare loop", "sync_share", 1.10),
    Target("search p95 among 10,000", "search_p95_10000", 10, unit=" ms"),
    Target("search p95 among 100,000", "search_p95_100000", 30, unit=" ms"),
)
