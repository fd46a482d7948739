"""Runs the oracle, scores the transcripts again, and prints the tables: ``python -m evals [--exact] [FILE ...]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from evals.book import make_book
from evals.oracle import attempt_all
from evals.report import Judged, judge, oracle_table, runs_table, total
from evals.scorer import Scorer
from evals.session import open_session
from evals.tasks import make_tasks
from evals.tokens import count_exactly, estimate
from evals.transcripts import STORED, read_transcript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evals.attempt import Attempt
    from evals.transcripts import Transcript


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 if the oracle fails at a task, or a run that is not stale misses a target."""
    arguments = _arguments(argv)
    tasks = make_tasks()
    runs = [read_transcript(path, tasks) for path in arguments.files or sorted(STORED.glob("*.jsonl"))]
    attempts = anyio.run(_ask_oracle)
    scorer = Scorer(make_book(), count_exactly(_texts(attempts, runs)) if arguments.exact else estimate)
    oracle = judge(attempts, scorer)
    totals = {run.name: (run, total(run, oracle, scorer)) for run in runs}
    print(f"The oracle; tokens are {'those of o200k' if arguments.exact else 'estimated'}.\n\n{oracle_table(oracle)}")
    print(f"\n{runs_table(totals) if totals else 'No transcript is stored.'}")
    faults = [
        *_faults(oracle),
        *(run.name for run, found in totals.values() if found.missed_targets() and not run.is_stale),
    ]
    for fault in faults:
        print(f"failed: {fault}")
    return 1 if faults else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="transcripts; by default those of evals/transcripts")
    parser.add_argument("--exact", action="store_true", help="count o200k tokens; the tokenizer comes from PyPI")
    return parser.parse_args(argv)


async def _ask_oracle() -> list[Attempt]:
    async with open_session() as session:
        return await attempt_all(make_tasks().values(), session)


def _texts(attempts: Sequence[Attempt], runs: Sequence[Transcript]) -> list[str]:
    made = [*attempts, *(attempt for run in runs for attempt in run.attempts.values())]
    return [*dict.fromkeys(call.text for attempt in made for call in attempt.calls)]


def _faults(oracle: dict[str, Judged]) -> list[str]:
    return [f"the oracle, {each.attempt.task.name}" for each in oracle.values() if each.is_unreached]


if __name__ == "__main__":
    raise SystemExit(main())
