"""Records the result of a call, for the audit of the team server.

The handlers write the record; the middleware that wraps them reads it. On stdio nothing reads it, and writing costs
one lookup of a context variable.
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
    """Result of one call.

    Attributes:
        code: ``ok``, the code of an error, or ``defect``.
        contacts: Number of contacts in the answer.
        refusal: Error to raise instead of answering, in the form of the method's other errors.
    """

    code: str = OK
    contacts: int = 0
    refusal: TelecmiError | None = None


_CURRENT: ContextVar[CallRecord | None] = ContextVar("call_record", default=None)


@contextmanager
def recording() -> Iterator[CallRecord]:
    """Yield the record of the call that is made within the context."""
    record = CallRecord()
    token = _CURRENT.set(record)
    try:
        yield record
    finally:
        _CURRENT.reset(token)


def raise_if_rejected() -> None:
    """Raise the refusal of the current call, if there is one."""
    record = _CURRENT.get()
    if record is not None and record.refusal is not None:
        raise record.refusal


def record_contacts(count: int) -> None:
    """Record the number of contacts in the answer."""
    record = _CURRENT.get()
    if record is not None:
        record.contacts = count


def record_failure(code: str) -> None:
    """Record the code of the error."""
    record = _CURRENT.get()
    if record is not None:
        record.code = code
