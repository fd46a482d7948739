"""What somebody did for one task, the oracle or an agent: the calls and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.claims import Claim
    from evals.scorer import Call
    from evals.task import Task


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a task.

    Attributes:
        calls: The calls, in order.
        claims: The answer; empty if there is none.
        needs: What the server lacks for every plan of the oracle; "" if it lacks nothing, and for an agent.
    """

    task: Task
    calls: tuple[Call, ...] = ()
    claims: tuple[Claim, ...] = ()
    needs: str = ""
