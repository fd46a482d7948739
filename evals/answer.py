"""Records the answer to a task: ``python -m evals.answer RUN TASK '[{"none": true}]'``; see ``evals.claims``."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from evals.agent import RUNS, Run
from evals.claims import InvalidClaim, read_claims
from evals.tasks import task_code
from evals.transcripts import answer_line, append

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Check the form of the answer and record it."""
    parser = argparse.ArgumentParser(prog="python -m evals.answer", description=__doc__)
    parser.add_argument("run", help="name of the run")
    parser.add_argument("task", type=task_code, help="code of the task, as evals.tasks prints it")
    parser.add_argument("claims", type=_claims, help="the claims, as a JSON list")
    given = parser.parse_args(argv)
    append(Run(RUNS, given.run).transcript, answer_line(given.task, given.claims))
    return 0


def _claims(text: str) -> list[object]:
    try:
        claims: list[object] = json.loads(text)
        read_claims(claims)
    except InvalidClaim as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError:
        raise argparse.ArgumentTypeError("use a JSON list of claims") from None
    return claims


if __name__ == "__main__":
    raise SystemExit(main())
