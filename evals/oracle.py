"""Answers each task with the fewest calls through the real server, so that its figures are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.answers import data_of
from evals.attempt import Attempt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evals.plans import Answered, Plan, Step
    from evals.scorer import Call
    from evals.session import Session
    from evals.task import Task


async def attempt_all(tasks: Iterable[Task], session: Session) -> list[Attempt]:
    """Answer each task by the first plan whose tools and parameters the server has."""
    return [await _attempt(task, session) for task in tasks]


async def _attempt(task: Task, session: Session) -> Attempt:
    plan = next((plan for plan in task.plans if not lacking(plan, session)), None)
    if plan is None:
        return Attempt(task, needs=lacking(task.plans[0], session))
    calls, answers = await _carry_out(plan, session)
    claims = () if any(call.is_error for call in calls) else plan.read(answers)
    return Attempt(task, calls=tuple(calls), claims=tuple(claims))


def lacking(plan: Plan, session: Session) -> str:
    """Return the tool, the parameter or the words of the instructions that the server lacks for a plan; "" if none."""
    if plan.instructions not in session.instructions:
        return f'"{plan.instructions}" in the instructions'
    for step in plan.steps:
        if step.tool not in session.tools:
            return step.tool
        known = session.tools[step.tool].input_schema["properties"]
        for name in step.arguments:
            if name not in known:
                return f"{name} of {step.tool}"
    return ""


async def _carry_out(plan: Plan, session: Session) -> tuple[list[Call], list[Answered]]:
    calls: list[Call] = []
    answers: list[Answered] = []
    for step in plan.steps:
        made = await _pages(step, session) if plan.is_paged else [await session.call(step.tool, step.arguments)]
        calls += made
        answers += [(step, data_of(call.text)) for call in made]
    return calls, answers


async def _pages(step: Step, session: Session) -> list[Call]:
    calls = [await session.call(step.tool, step.arguments)]
    while (page := data_of(calls[-1].text)).get("has_more"):
        calls.append(await session.call(step.tool, {**step.arguments, "page_state": page["page_state"]}))
    return calls
