"""Names the faults that ``telecmi-mcp sandbox --fault`` plays; each is a choice of the sandbox's quirks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from telecmi_mcp.sandbox import Sandbox

_REFUSALS = 3
_SLOW_S = 5


class Fault(NamedTuple):
    """A fault of TeleCMI or of an account.

    Attributes:
        summary: What the sandbox does, in the imperative.
        quirks: The quirks that differ from the documented ones.
        is_token_revoked: Whether the token that the sandbox shows is rejected too.
    """

    summary: str
    quirks: Mapping[str, Any] = {}
    is_token_revoked: bool = False


FAULTS: Final[Mapping[str, Fault]] = {
    "expired-token": Fault("reject the token that is shown; a sign-in gives another one", is_token_revoked=True),
    "not-provisioned": Fault(
        "reject every token, also a new one", {"fresh_token": "not_provisioned"}, is_token_revoked=True
    ),
    "locked": Fault("reject every sign-in, as for a locked user", {"lockout_after": 0}),
    "429": Fault(
        f"reject the first {_REFUSALS} requests as too many, with Retry-After",
        {"rate_limit": "http", "rate_limit_refusals": _REFUSALS, "retry_after": "2"},
    ),
    "503": Fault(
        f"reject the first {_REFUSALS} requests as unavailable",
        {"rate_limit": "http", "rate_limit_code": 503, "rate_limit_refusals": _REFUSALS},
    ),
    "slow": Fault(f"answer each request after {_SLOW_S} s", {"answer_seconds": _SLOW_S}),
    "empty-pages": Fault("put an empty page between two others", {"page_size": "empty_between"}),
    "short-pages": Fault("put fewer contacts on a page than requested", {"page_size": "short"}),
    "endless-pages": Fault("repeat the cursors, so that the list has no end", {"repeating_cursor": "cycle"}),
    "no-count": Fault("leave out the number of contacts", {"count": "missing"}),
    "wrong-count": Fault("count one contact more on each page", {"count": "drifting"}),
    "malformed": Fault("leave out the id of the second contact", {"malformed_contact": "no_id"}),
}


def describe_faults() -> str:
    """Return a line for each fault, for the help."""
    return "faults:\n" + "".join(f"  {name:<17} {fault.summary}\n" for name, fault in FAULTS.items())


def play_faults(sandbox: Sandbox, names: Sequence[str]) -> None:
    """Make a sandbox play faults; where two contradict each other, the later one counts."""
    from telecmi_mcp.sandbox import SANDBOX_TOKEN, Quirks

    faults = [FAULTS[name] for name in names]
    sandbox.quirks = Quirks(**{name: value for fault in faults for name, value in fault.quirks.items()})
    if any(fault.is_token_revoked for fault in faults):
        sandbox.revoke(SANDBOX_TOKEN)
