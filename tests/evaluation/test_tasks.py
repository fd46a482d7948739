"""The tasks: how many, of which kinds, and that no prompt and no code tells the answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest

from evals.book import make_book
from evals.claims import CANNOT
from evals.facts import FIELDS, fold, full_name
from evals.scorer import Scorer
from evals.task import Role
from evals.tasks import make_tasks

TASKS = make_tasks()
BY_NAME = {task.name: task for task in TASKS.values()}


def test_there_are_tasks_of_each_role_and_kind() -> None:
    assert len(TASKS) == len(BY_NAME) >= 72
    assert {task.role for task in TASKS.values()} == {*get_args(Role)}
    kinds = Counter(task.kind for task in TASKS.values())
    assert kinds.keys() == {
        "absent", "batch", "count", "direct", "duplicate", "file", "filter", "group", "missing", "misspelt", "order",
        "paging", "reverse", "several", "unanswerable", "write",
    }  # fmt: skip


def test_a_code_tells_nothing_of_the_kind_and_tasks_of_a_kind_do_not_stand_together() -> None:
    assert all(len(code) == 5 and int(code, 16) >= 0 for code in TASKS)
    kinds = [task.kind for task in TASKS.values()]
    assert sum(one == two for one, two in pairwise(kinds)) < len(kinds) / 4


def test_another_prompt_is_another_task() -> None:
    task = BY_NAME["direct-1"]
    assert replace(task, prompt=f"{task.prompt} Please.").code != task.code == replace(task, role="voice").code


def test_every_task_has_a_right_answer_and_a_plan() -> None:
    for task in TASKS.values():
        assert task.truth.required or task.truth.file, task.name
        assert task.plans, task.name


def test_a_prompt_does_not_hold_the_values_that_it_asks_for() -> None:
    for task in TASKS.values():
        asked = [
            claim for claim in task.truth.required if claim.kind == "fact" and claim.field not in task_words(task.name)
        ]
        assert not [claim.value for claim in asked if claim.value in fold(task.prompt)], task.name


def task_words(name: str) -> set[str]:
    """Return the fields that the prompt names itself, where everything about a contact is asked for."""
    is_everything = len({claim.field for claim in BY_NAME[name].truth.required}) == len(FIELDS)
    return {"first_name", "last_name", "company"} if is_everything else set()


def test_the_required_claims_are_the_whole_right_answer() -> None:
    scorer = Scorer(make_book(), len)
    for task in TASKS.values():
        if not task.truth.file:
            assert scorer.score(task.truth, task.truth.required, ()).is_right, task.name
            assert not scorer.score(task.truth, (), ()).is_right, task.name


@pytest.mark.parametrize("kind", ["unanswerable", "write"])
def test_what_cannot_be_done_is_answered_so(kind: str) -> None:
    assert {task.truth.required for task in TASKS.values() if task.kind == kind} == {frozenset({CANNOT})}


def test_batches_have_8_names_12_numbers_and_60_names() -> None:
    sizes = [len(BY_NAME[f"batch-{place}"].truth.required) for place in (1, 2, 3)]
    assert sizes == [8, 12, 60]


def test_a_question_about_one_contact_has_one_right_answer() -> None:
    book = make_book()
    for task in TASKS.values():
        people = {claim.subject for claim in task.truth.required if claim.kind in {"is", "fact", "lacks"}}
        if task.kind in {"direct", "misspelt", "missing"}:
            (holder,) = [contact for contact in book if contact["contact_id"] in people]
            assert [fold(full_name(each)) for each in book].count(fold(full_name(holder))) == 1, task.name
        if task.kind == "several":
            assert len({fold(full_name(each)) for each in book if each["contact_id"] in people}) == 1
            assert len(people) in {2, 3, 4}
