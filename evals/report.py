"""Adds up the scores of the oracle and of agents, compares them with the targets, and writes the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from benchmarks.table import NOTHING, table
from evals.attempt import Attempt
from evals.claims import CANNOT
from evals.scorer import Score, Scorer, Truth, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evals.transcripts import Transcript

MAX_CALLS_PERCENT: Final = 115
"""Calls of a run, in percent of those of the oracle."""
MAX_TOKENS: Final = 30_000
"""Tokens of all answers of a run."""
_WRONG: Final = tuple(verdict for verdict in Verdict if verdict.is_wrong)


@dataclass(frozen=True, slots=True)
class Judged:
    """An attempt and its score."""

    attempt: Attempt
    score: Score

    @property
    def is_unreached(self) -> bool:
        """True if the oracle had a way, and its answer is not right: a fault of the server or of the task."""
        return not self.attempt.needs and not self.score.is_right


@dataclass(frozen=True, slots=True)
class Totals:
    """A run in figures; calls and tokens are those of the tasks that the oracle can do.

    Attributes:
        possible: Number of tasks that the oracle can do.
        right: How many of them the run answered right.
        wrong: Number of claims of each wrong verdict, over all tasks.
        missing: Number of required claims that were not made.
        calls: Number of calls.
        oracle_calls: Calls of the oracle for the same tasks.
        tokens: Tokens of the answers.
        dead_ends: Calls that returned an error or nothing.
    """

    possible: int
    right: int
    wrong: Mapping[Verdict, int]
    missing: int
    calls: int
    oracle_calls: int
    tokens: int
    dead_ends: int

    @property
    def _calls_percent(self) -> float:
        return 100 * self.calls / self.oracle_calls if self.oracle_calls else 100 * self.calls

    def missed_targets(self) -> list[str]:
        """Return the targets that the run misses, in words."""
        checks = {
            f"{self.possible - self.right} possible tasks not right": self.right == self.possible,
            **{f"{count} times {verdict.value}": not count for verdict, count in self.wrong.items()},
            f"more than {MAX_CALLS_PERCENT} % of the oracle's calls": self._calls_percent <= MAX_CALLS_PERCENT,
            f"{MAX_TOKENS:,} tokens or more": self.tokens < MAX_TOKENS,
        }
        return [words for words, is_met in checks.items() if not is_met]


def judge(attempts: Iterable[Attempt], scorer: Scorer) -> dict[str, Judged]:
    """Score attempts, and return them by the codes of their tasks."""
    return {each.task.code: Judged(each, scorer.score(each.task.truth, each.claims, each.calls)) for each in attempts}


def total(run: Transcript, oracle: Mapping[str, Judged], scorer: Scorer) -> Totals:
    """Score a run beside the oracle. Where the oracle lacks a tool, "cannot" is a right answer too."""
    judged = judge((_attempt(run, each.attempt) for each in oracle.values()), scorer)
    possible = [code for code, each in oracle.items() if not each.attempt.needs]
    scores = [judged[code].score for code in possible]
    return Totals(
        possible=len(possible),
        right=sum(score.is_right for score in scores),
        wrong={verdict: sum(each.score.count(verdict) for each in judged.values()) for verdict in _WRONG},
        missing=sum(len(score.missing) for score in scores),
        calls=sum(score.calls for score in scores),
        oracle_calls=sum(oracle[code].score.calls for code in possible),
        tokens=sum(score.tokens for score in scores),
        dead_ends=sum(score.dead_ends for score in scores),
    )


def oracle_table(oracle: Mapping[str, Judged]) -> str:
    """Write a row for each kind of task."""
    head = ["kind", "tasks", "reached", "calls", "tokens", "the others need"]
    kinds = sorted({each.attempt.task.kind for each in oracle.values()})
    rows = [_row(kind, [each for each in oracle.values() if each.attempt.task.kind == kind]) for kind in kinds]
    return table(head, [*rows, _row("all", [*oracle.values()])])


def runs_table(runs: Mapping[str, tuple[Transcript, Totals]]) -> str:
    """Write a row for each run."""
    head = ["run", "date", "model", "tools", "right", *(verdict.value for verdict in _WRONG)]
    head += ["not said", "calls", "oracle's", "tokens", "dead ends", "targets"]
    return table(head, [_run_row(run, totals) for run, totals in runs.values()])


def _attempt(run: Transcript, oracle: Attempt) -> Attempt:
    attempt = run.attempts.get(oracle.task.code) or Attempt(oracle.task)
    if oracle.needs and CANNOT in attempt.claims:
        return replace(attempt, task=replace(attempt.task, truth=Truth(frozenset({CANNOT}))))
    return attempt


def _row(kind: str, judged: Sequence[Judged]) -> list[str]:
    needs = sorted({each.attempt.needs for each in judged} - {""})
    reached = sum(each.score.is_right for each in judged if not each.attempt.needs)
    calls, tokens = sum(each.score.calls for each in judged), sum(each.score.tokens for each in judged)
    return [kind, str(len(judged)), str(reached), str(calls), f"{tokens:,}", ", ".join(needs) or NOTHING]


def _run_row(run: Transcript, totals: Totals) -> list[str]:
    missed = totals.missed_targets()
    row = [
        run.name,
        run.date,
        run.model,
        "stale" if run.is_stale else "today's",
        f"{totals.right} of {totals.possible}",
    ]
    row += [str(totals.wrong[verdict]) for verdict in _WRONG]
    figures = (totals.missing, totals.calls, totals.oracle_calls, totals.tokens, totals.dead_ends)
    return [*row, *(f"{figure:,}" for figure in figures), "; ".join(missed) or "met"]
