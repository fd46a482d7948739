"""Every task of the evaluation: ``python -m evals.tasks`` prints their codes and prompts, and no answer."""

from __future__ import annotations

from argparse import ArgumentTypeError
from functools import cache
from typing import TYPE_CHECKING

from evals.book import make_entries
from evals.book_tasks import book_tasks
from evals.person_tasks import person_tasks
from evals.refusal_tasks import refusal_tasks
from evals.scene import Scene

if TYPE_CHECKING:
    from evals.task import Task


@cache
def make_tasks() -> dict[str, Task]:
    """Return the tasks by their codes, in an order that mixes the kinds."""
    scene = Scene(make_entries())
    made = [*refusal_tasks(scene), *person_tasks(scene), *book_tasks(scene)]
    return {task.code: task for task in sorted(made, key=lambda task: task.code)}


def task_code(text: str) -> str:
    """Return the code of a task that a command line names.

    Raises:
        ArgumentTypeError: No task has this code.
    """
    if text not in make_tasks():
        raise ArgumentTypeError("no task has this code")
    return text


if __name__ == "__main__":
    for each in make_tasks().values():
        print(f"{each.code} ({each.role}): {each.prompt}")
