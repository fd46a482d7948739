"""Gives each caller the view of an account that its mask allows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from telecmi_mcp._mask import NO_MASK, Mask
from telecmi_mcp._team.auth.callers import LOOKUP_MASKED, UNMASKED
from telecmi_mcp._team.policy.quotas import Quota
from telecmi_mcp.errors import CallLimitReached, InvalidArguments

if TYPE_CHECKING:
    from telecmi_mcp._app import App
    from telecmi_mcp._team.auth.callers import Caller
    from telecmi_mcp._team.policy.quotas import Quotas

WHOLE_VALUES_PER_HOUR: Final = 20
"""Whole masked values that a caller with ``lookup:masked`` may look up in an hour, found or not."""

_HOUR_S = 3600.0


def view_of(app: App, caller: Caller, quotas: Quotas) -> App:
    """Return the app for a caller: masked by the server's mask and the caller's, unless a scope lifts both."""
    mask = NO_MASK if UNMASKED in caller.scopes else Mask(app.settings.mask) | Mask(caller.mask)
    view = app.with_mask(mask)
    if not mask or LOOKUP_MASKED not in caller.scopes:
        return view
    return replace(view, admit_whole_values=partial(_admit, quotas, caller.name))


async def _admit(quotas: Quotas, name: str, number: int) -> None:
    if number > WHOLE_VALUES_PER_HOUR:
        fact = f"no more than {WHOLE_VALUES_PER_HOUR} masked values are looked up in an hour"
        raise InvalidArguments(hint="Pass fewer numbers and addresses", fact=fact)
    wait = await quotas.take(Quota(f"whole:{name}", WHOLE_VALUES_PER_HOUR, period_s=_HOUR_S), number)
    if wait:
        raise CallLimitReached(wait)
