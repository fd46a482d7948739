"""Calls a tool for a task, prints the answer, and records both: ``python -m evals.call RUN TASK TOOL '{...}'``."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from evals.agent import RUNS, Run
from evals.scorer import Call
from evals.tasks import task_code
from evals.transcripts import append, call_line

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Call the tool; return 1 if the answer is an error."""
    parser = argparse.ArgumentParser(prog="python -m evals.call", description=__doc__)
    parser.add_argument("run", help="name of the run")
    parser.add_argument("task", type=task_code, help="code of the task, as evals.tasks prints it")
    parser.add_argument("tool", help="name of the tool")
    parser.add_argument("arguments", type=_object, help="arguments of the tool, as a JSON object")
    given = parser.parse_args(argv)
    call = call_recorded(Run(RUNS, given.run), given.task, given.tool, given.arguments)
    print(call.text)
    return int(call.is_error)


def call_recorded(run: Run, task: str, tool: str, arguments: dict[str, object]) -> Call:
    """Call a tool and record the call."""
    answer = run.ask({"tool": tool, "arguments": arguments})
    call = Call(tool, arguments, answer["text"], is_error=answer["is_error"])
    append(run.transcript, call_line(task, call))
    return call


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('use a JSON object, such as \'{"query": "Priya"}\'')
    return value


if __name__ == "__main__":
    raise SystemExit(main())
