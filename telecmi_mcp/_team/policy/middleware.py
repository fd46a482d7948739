"""The middleware that every call of a team's server passes: the caller's limits, the audit, the metrics."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from telecmi_mcp._mcp.call_record import DEFECT, OK, recording
from telecmi_mcp._mcp.prompts import PROMPTS
from telecmi_mcp._mcp.resources import CONTACT, STATUS
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp._team.policy.audit import Entry
from telecmi_mcp._team.policy.metrics import CANCELLED
from telecmi_mcp._team.policy.quotas import Quota
from telecmi_mcp.errors import CallLimitReached, ConcurrencyLimitReached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult

    from telecmi_mcp._mcp.call_record import CallRecord
    from telecmi_mcp._team.auth.callers import Caller
    from telecmi_mcp._team.config.settings import TeamSettings
    from telecmi_mcp._team.policy.audit import Audit
    from telecmi_mcp._team.policy.metrics import Metrics
    from telecmi_mcp._team.policy.quotas import Quotas
    from telecmi_mcp.errors import TelecmiError

PROTOCOL_ERROR = "protocol_error"
UNKNOWN = "unknown"

_CONTACTS = CONTACT.uri.partition("{")[0]
_NAMES = {
    "tools/call": {tool.name for tool in TOOLS},
    "prompts/get": {prompt.name for prompt in PROMPTS},
    "completion/complete": {CONTACT.name, *(prompt.name for prompt in PROMPTS)},
    "resources/read": {CONTACT.name, STATUS.name},
}


class CallMiddleware:
    """Lets the calls of each caller through within the limits, and tells of each what became of it.

    Lists and discovery pass untold. A call over a limit is refused where its own errors are made, so its refusal has
    their form: a tool error, or an error of the protocol for what is no tool.

    Args:
        settings: The limits.
        quotas: Counts calls a minute, for all replicas.
        caller_now: Tells who calls.
        audit: Gets a line for each call.
        meters: Count and measure them.
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
        self._under_way: dict[str, int] = {}

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Let one message through."""
        if ctx.method not in _NAMES or ctx.request_id is None:
            return await call_next(ctx)
        caller, begun = self._caller_now(), self._metrics.clock()
        with recording() as outcome:
            try:
                with _explained(outcome), self._place(caller.name) as has_place:
                    outcome.refusal = await self._refusal(caller.name, has_place=has_place)
                    return await call_next(ctx)
            finally:
                self._tell(caller, ctx, outcome, self._metrics.clock() - begun)

    async def _refusal(self, name: str, *, has_place: bool) -> TelecmiError | None:
        if not has_place:
            self._metrics.count_limit("caller_concurrency")
            return ConcurrencyLimitReached()
        wait = await self._quotas.take(Quota(f"caller:{name}", self._settings.caller_rate_limit))
        if wait:
            self._metrics.count_limit("caller_rate")
            return CallLimitReached(wait)
        return None

    @contextmanager
    def _place(self, name: str) -> Iterator[bool]:
        """Hold one of the caller's places, if there is one."""
        under_way, most = self._under_way.get(name, 0), self._settings.caller_concurrency
        if most and under_way >= most:
            yield False
            return
        self._under_way[name] = under_way + 1
        try:
            yield True
        finally:
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]

    def _tell(self, caller: Caller, ctx: ServerRequestContext[Any, Any], outcome: CallRecord, seconds: float) -> None:
        subject = _subject(ctx.method, ctx.params or {})
        contacts = outcome.contacts if outcome.code == OK else 0
        entry = Entry(caller.name, ctx.method, subject, outcome.code, seconds, contacts)
        self._audit.write(entry)
        self._metrics.count_call(entry)


@contextmanager
def _explained(outcome: CallRecord) -> Iterator[None]:
    """Note what ends a call that was not answered, where that is not noted yet."""
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


def _subject(method: str, params: Mapping[str, Any]) -> str:
    """What a call is about, by a name of ours; what the caller wrote is never repeated."""
    if method == "completion/complete":
        ref = params.get("ref")
        params = ref if isinstance(ref, dict) else {}
    name, uri = params.get("name"), params.get("uri")
    if isinstance(uri, str):
        name = {STATUS.uri: STATUS.name}.get(uri.lower(), CONTACT.name if uri.lower().startswith(_CONTACTS) else "")
    return name if isinstance(name, str) and name in _NAMES[method] else UNKNOWN
