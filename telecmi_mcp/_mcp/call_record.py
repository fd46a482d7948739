"""Records the result of a call, for the audit.

The handlers write the record; the middleware that wraps them reads it. Without an audit there is no record, and each
function here costs one lookup of a context variable. A record holds ids of contacts and nothing else of them.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from telecmi_mcp.errors import TelecmiError

OK = "ok"
DEFECT = "defect"
CANCELLED = "cancelled"
PROTOCOL_ERROR = "protocol_error"


@dataclass(slots=True)
class CallRecord:
    """Result of one call.

    Attributes:
        code: ``ok``, the code of an error, or another of the words above.
        contact_ids: Ids of the contacts in the answer.
        unlisted: Number of contacts whose values the answer shows, or a file got, without their ids.
        refusal: Error to raise instead of answering, in the form of the method's other errors.
    """

    code: str = OK
    contact_ids: Sequence[str] = ()
    unlisted: int = 0
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


def record_contacts(contacts: Sequence[Mapping[str, Any]], unlisted: int = 0) -> None:
    """Record whose values an answer shows; see ``Answer`` for the arguments."""
    record = _CURRENT.get()
    if record is not None:
        record.contact_ids = [each.get("contact_id") or each["id"] for each in contacts]
        record.unlisted = unlisted


def record_failure(code: str) -> None:
    """Record the code of the error."""
    record = _CURRENT.get()
    if record is not None:
        record.code = code
