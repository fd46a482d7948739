"""A task: what a person asks an agent, the right answer, and the cheapest ways to it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from evals.plans import Plan
    from evals.scorer import Truth

Role: TypeAlias = Literal["sales", "support", "operations", "voice"]
_CODE_LENGTH: Final = 5


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        name: Kind and number; an agent sees only the code, because the kind would tell it the answer.
        role: Whose agent is asked.
        prompt: What the agent is asked; the claims that it must make follow from it.
        truth: The right answer, computed from the book.
        plans: Ways of the oracle, the cheapest first; it takes the first whose tools are there.
    """

    name: str
    role: Role
    prompt: str
    truth: Truth
    plans: tuple[Plan, ...]

    @property
    def code(self) -> str:
        """The name by which an agent knows the task; another prompt gives another code."""
        return sha256(f"{self.name}: {self.prompt}".encode()).hexdigest()[:_CODE_LENGTH]

    @property
    def kind(self) -> str:
        """The kind of the task, which is the first part of its name."""
        return self.name.partition("-")[0]
