"""Says what an administrator can do about each kind of error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telecmi_mcp import errors
from telecmi_mcp._mcp.call_record import CANCELLED, DEFECT, PROTOCOL_ERROR
from telecmi_mcp._team.policy.activity import ACCOUNT_RATE, SURPLUS

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTHING = "Nothing: the caller got a sentence that says what to change."
_TELECMI = "If it goes on, ask TeleCMI about an outage, and check TELECMI_BASE_URL and the proxy settings."
_NETWORK = "Check the network of this machine, TELECMI_BASE_URL and the proxy settings."
_PATIENCE = "Nothing, unless it comes often: it is over with the next call."

# Errors say what their reader can do, who is a caller. Where an administrator can do something else, it is here.
_ADVICE = {
    CANCELLED: "Nothing: the caller or a proxy ended the call. If it comes often, compare the time limits of the proxy "
    "and of callers with TELECMI_TIMEOUT.",
    PROTOCOL_ERROR: "Nothing here: the caller's program sends messages that do not fit the protocol.",
    DEFECT: "Report it to the maintainers of telecmi-mcp, with the lines of the log.",
    ACCOUNT_RATE: "Raise TELECMI_ACCOUNT_RATE_LIMIT if TeleCMI allows more, or TELECMI_INDEX_MAX_AGE.",
    SURPLUS: "Nothing: no caller saw these bytes. If it comes often, ask TeleCMI, or who runs a proxy before it.",
    "sign_in": "Set TELECMI_TOKEN_FILE, or run telecmi-mcp team sign-in for the caller.",
    "index_unusable": "Make the cache folder of this replica writable, or set TELECMI_INDEX to memory.",
    "not_signed_in": "Set TELECMI_TOKEN_FILE or TELECMI_PASSWORD_FILE, and restart the replicas.",
    "caller_not_signed_in": "Run telecmi-mcp team sign-in for the caller.",
    "token_refused": "Put a new token into the settings, or run telecmi-mcp team sign-in for the caller.",
    "password_refused": "Check the user id and the password, and run telecmi-mcp team sign-in again.",
    "store_unusable": "Run telecmi-mcp team sign-in again for the callers of whom the log tells.",
    "too_many_calls": "Raise TELECMI_CALLER_RATE_LIMIT if callers need more calls.",
    "too_many_at_once": "Raise TELECMI_CALLER_CONCURRENCY if callers need more calls at once.",
    "rate_limited": "Lower TELECMI_ACCOUNT_RATE_LIMIT, or ask TeleCMI for a higher limit.",
    "database_away": "Start PostgreSQL, or check the network to it and TELECMI_DATABASE_URL.",
    "database_unusable": "Look at the log of this replica and at that of PostgreSQL: rights, disk, schema.",
    "issuer_away": "Check the identity provider, TELECMI_OAUTH_ISSUER and TELECMI_OAUTH_JWKS_URL.",
    "sync_failed": "Report it to the maintainers of telecmi-mcp, with the lines of the log.",
    "mirror_taken": _PATIENCE,
    "contacts_incomplete": _PATIENCE,
    "interrupted": _PATIENCE,
    "deadline_exceeded": _TELECMI,
    "unavailable": _TELECMI,
    "service_failed": _TELECMI,
    "unreadable_answer": _TELECMI,
    "network": _NETWORK,
    "unreachable": _NETWORK,
    "not_found": _NOTHING,
    "invalid_arguments": _NOTHING,
    "resource_not_found": _NOTHING,
    "cursor_refused": _NOTHING,
    "refused": _NOTHING,
    "lookup_unfinished": _NOTHING,
}


def advice_for(code: str) -> str:
    """Return what to do about an error: this page's advice, or that of the error itself."""
    if code in _ADVICE:
        return _ADVICE[code]
    hint = next((each.hint for each in _every_error(errors.TelecmiError) if each.code == code), "Look at the log")
    return f"{hint}."


def _every_error(base: type[errors.TelecmiError]) -> Iterator[type[errors.TelecmiError]]:
    for error in base.__subclasses__():
        yield error
        yield from _every_error(error)
