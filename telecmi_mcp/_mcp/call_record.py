"""What became of a call, for a host that wants to know: noted where the answer is made, read where the call came in.

On the desk nobody wants to, and noting costs one look at a context variable.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telecmi_mcp.errors import TelecmiError

OK = "ok"
DEFECT = "defect"


@dataclass(slots=True)
class CallRecord:
    """What became of one call.

    Attributes:
        code: ``ok``, the code of our error, or ``defect``.
        contacts: How many contacts the answer holds.
        refusal: Why the call must not be answered; it becomes the error that every other one would.
    """

    code: str = OK
    contacts: int = 0
    refusal: TelecmiError | None = None


_WANTED: ContextVar[CallRecord | None] = ContextVar("outcome", default=None)


@contextmanager
def recording() -> Iterator[CallRecord]:
    """Learn the outcome of the call that is made within the context."""
    outcome = CallRecord()
    token = _WANTED.set(outcome)
    try:
        yield outcome
    finally:
        _WANTED.reset(token)


def raise_if_rejected() -> None:
    """Raise the refusal, if there is one."""
    outcome = _WANTED.get()
    if outcome is not None and outcome.refusal is not None:
        raise outcome.refusal


def record_contacts(count: int) -> None:
    """Note how many contacts the answer holds."""
    outcome = _WANTED.get()
    if outcome is not None:
        outcome.contacts = count


def record_failure(code: str) -> None:
    """Note why there is no answer."""
    outcome = _WANTED.get()
    if outcome is not None:
        outcome.code = code
