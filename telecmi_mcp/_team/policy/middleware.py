"""Applies the caller's limits to every call, and records each in the audit and the metrics."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from telecmi_mcp._mcp.call_record import DEFECT, OK, recording
from telecmi_mcp._mcp.prompts import PROMPTS
from telecmi_mcp._mcp.resources import CONTACT, STATUS
from telecmi_mcp._mcp.toolsets import toolset_of
from telecmi_mcp._team.policy.audit import Entry
from telecmi_mcp._team.policy.metrics import CANCELLED
from telecmi_mcp._team.policy.permissions import allowed_list, permission_error
from telecmi_mcp._team.policy.quotas import Quota
from telecmi_mcp.errors import CallLimitReached, ConcurrencyLimitReached

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

    from telecmi_mcp._mcp.call_record import CallRecord
    from telecmi_mcp._mcp.tools.tool import Tool
    from telecmi_mcp._team.auth.callers import Caller
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.policy.audit import Audit
    from telecmi_mcp._team.policy.metrics import Metrics
    from telecmi_mcp._team.policy.quotas import Quotas
    from telecmi_mcp.errors import TelecmiError

PROTOCOL_ERROR = "protocol_error"
UNKNOWN = "unknown"

_CONTACTS = CONTACT.uri.partition("{")[0]
_NAMES: Mapping[str, Collection[str]] = {
    "prompts/get": {prompt.name for prompt in PROMPTS},
    "completion/complete": {CONTACT.name, *(prompt.name for prompt in PROMPTS)},
    "resources/read": {CONTACT.name, STATUS.name},
}


class CallMiddleware:
    """Admits calls within the limits of their caller, lists the caller's tools, and records the outcome of each call.

    List and discovery calls are not recorded. The handler of a call raises the error of an exceeded limit, so that it
    has the right form: a tool error, or an error of the protocol for other methods.

    Args:
        settings: The limits.
        quotas: Counts calls a minute for all replicas.
        caller_now: Returns the caller of the current request.
        audit: Gets an entry for each call.
        metrics: Counts and measures calls.
    """

    def __init__(
        self,
        settings: TeamSettings,
        quotas: Quotas,
        *,
        caller_now: Callable[[], Caller],
        audit: Audit,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._quotas = quotas
        self._caller_now = caller_now
        self._audit = audit
        self._metrics = metrics
        self._tools = toolset_of(settings.common.tools, settings.common.tool_prefix).by_name
        self._names = {**_NAMES, "tools/call": self._tools}
        self._active: dict[str, int] = {}

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Handle one message."""
        if ctx.method == "tools/list":
            return allowed_list(self._caller_now(), await call_next(ctx))
        if ctx.method not in self._names or ctx.request_id is None:
            return await call_next(ctx)
        caller, started_at = self._caller_now(), self._metrics.clock()
        tool = self._tool(ctx.method, ctx.params or {})
        calls = _calls(tool, ctx.params or {})
        with recording() as outcome:
            try:
                with _noting_failure(outcome), self._slot(caller.name) as has_slot:
                    outcome.refusal = await self._limit(caller.name, calls, has_slot=has_slot)
                    outcome.refusal = outcome.refusal or permission_error(caller, ctx.method, tool)
                    return await call_next(ctx)
            finally:
                self._record_call(caller.name, ctx, outcome, self._metrics.clock() - started_at)

    async def _limit(self, name: str, calls: int, *, has_slot: bool) -> TelecmiError | None:
        """Return the error of a limit that the caller has reached."""
        if not has_slot:
            self._metrics.count_limit("caller_concurrency")
            return ConcurrencyLimitReached()
        wait = await self._quotas.take(Quota(f"caller:{name}", self._settings.caller_rate_limit), calls)
        if wait:
            self._metrics.count_limit("caller_rate")
            return CallLimitReached(wait)
        return None

    @contextmanager
    def _slot(self, name: str) -> Iterator[bool]:
        """Hold one of the caller's slots, and yield whether there was one."""
        active, most = self._active.get(name, 0), self._settings.caller_concurrency
        if most and active >= most:
            yield False
            return
        self._active[name] = active + 1
        try:
            yield True
        finally:
            self._active[name] -= 1
            if not self._active[name]:
                del self._active[name]

    def _tool(self, method: str, params: Mapping[str, Any]) -> Tool | None:
        """Return the tool that a message calls."""
        name = params.get("name")
        return self._tools.get(name) if method == "tools/call" and isinstance(name, str) else None

    def _record_call(
        self, caller: str, ctx: ServerRequestContext[Any, Any], outcome: CallRecord, seconds: float
    ) -> None:
        subject = _subject(ctx.method, ctx.params or {}, self._names[ctx.method])
        contacts = outcome.contacts if outcome.code == OK else 0
        entry = Entry(caller, ctx.method, subject, outcome.code, seconds, contacts)
        self._audit.write(entry)
        self._metrics.count_call(entry)


def _calls(tool: Tool | None, params: Mapping[str, Any]) -> int:
    """Return for how many calls a message counts."""
    arguments = params.get("arguments")
    return tool.cost(arguments) if tool and isinstance(arguments, dict) else 1


@contextmanager
def _noting_failure(outcome: CallRecord) -> Iterator[None]:
    """Record the error that ends a call, unless the handler has recorded one."""
    try:
        yield
    except (MCPError, ValidationError):
        if outcome.code == OK:
            outcome.code = PROTOCOL_ERROR
        raise
    except Exception:
        outcome.code = DEFECT
        raise
    except BaseException:
        outcome.code = CANCELLED
        raise


def _subject(method: str, params: Mapping[str, Any], names: Collection[str]) -> str:
    """Return the name of a call's tool, prompt or resource; never text of the caller."""
    if method == "completion/complete":
        ref = params.get("ref")
        params = ref if isinstance(ref, dict) else {}
    name, uri = params.get("name"), params.get("uri")
    if isinstance(uri, str):
        name = {STATUS.uri: STATUS.name}.get(uri.lower(), CONTACT.name if uri.lower().startswith(_CONTACTS) else "")
    return name if isinstance(name, str) and name in names else UNKNOWN
