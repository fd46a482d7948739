"""Names what a call asks for and how it ended, and writes each call of a local server to the audit.

The team server records calls in ``_team/policy/middleware.py``, which applies limits too.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from telecmi_mcp._audit.log import Entry
from telecmi_mcp._mcp.call_record import CANCELLED, DEFECT, OK, PROTOCOL_ERROR, recording
from telecmi_mcp._mcp.prompts import PROMPTS
from telecmi_mcp._mcp.resources import CONTACT, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

    from telecmi_mcp._audit.log import Audit
    from telecmi_mcp._mcp.call_record import CallRecord

UNKNOWN = "unknown"

_CONTACTS = CONTACT.uri.partition("{")[0]


def names_by_method(tools: Collection[str]) -> Mapping[str, Collection[str]]:
    """Return the methods that are calls, and the names that each of them can ask for.

    Args:
        tools: Names of the tools of the server.
    """
    return {
        "tools/call": tools,
        "prompts/get": {prompt.name for prompt in PROMPTS},
        "completion/complete": {CONTACT.name, *(prompt.name for prompt in PROMPTS)},
        "resources/read": {CONTACT.name, STATUS.name},
    }


class CallAudit:
    """Middleware of a server over stdio: writes an entry for each call. Lists and discovery are no calls.

    Args:
        audit: Gets the entries.
        tools: Names of the tools of the server.
        caller: Name of the user.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self, audit: Audit, *, tools: Collection[str], caller: str, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._audit = audit
        self._names = names_by_method(tools)
        self._caller = caller
        self._clock = clock

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Handle one message."""
        if ctx.method not in self._names or ctx.request_id is None:
            return await call_next(ctx)
        subject = subject_of(ctx.method, ctx.params or {}, self._names[ctx.method])
        started_at = self._clock()
        with recording() as record:
            try:
                with noting_failure(record):
                    return await call_next(ctx)
            finally:
                self._audit.write(entry_of(self._caller, ctx.method, subject, record, self._clock() - started_at))


def entry_of(caller: str, method: str, subject: str, record: CallRecord, seconds: float) -> Entry:
    """Return the entry of a call that has ended; a call that failed has shown no contact."""
    contact_ids, unlisted = (record.contact_ids, record.unlisted) if record.code == OK else ((), 0)
    return Entry(caller, method, subject, record.code, seconds, len(contact_ids), contact_ids, unlisted)


@contextmanager
def noting_failure(record: CallRecord) -> Iterator[None]:
    """Record the error that ends a call, unless the handler has recorded one."""
    try:
        yield
    except (MCPError, ValidationError):
        if record.code == OK:
            record.code = PROTOCOL_ERROR
        raise
    except Exception:
        record.code = DEFECT
        raise
    except BaseException:
        record.code = CANCELLED
        raise


def subject_of(method: str, params: Mapping[str, Any], names: Collection[str]) -> str:
    """Return the name of a call's tool, prompt or resource; never text of the caller."""
    if method == "completion/complete":
        ref = params.get("ref")
        params = ref if isinstance(ref, dict) else {}
    name, uri = params.get("name"), params.get("uri")
    if isinstance(uri, str):
        name = {STATUS.uri: STATUS.name}.get(uri.lower(), CONTACT.name if uri.lower().startswith(_CONTACTS) else "")
    return name if isinstance(name, str) and name in names else UNKNOWN
