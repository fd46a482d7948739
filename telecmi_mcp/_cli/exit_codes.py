"""Exit codes of the commands; docs/commands.md describes them.

As with grep, 1 is an answer ("no"), and faults are higher. As with gh, 4 means that a sign-in is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from telecmi_mcp import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

NO = 1
USAGE = 2
FAULT = 3
SIGN_IN = 4
INTERRUPTED = 130
BROKEN_PIPE = 141
"""The reader of the output ended, such as head: what a shell reports of a program that SIGPIPE ends."""

_CODES: Final[Mapping[type[errors.TelecmiError], int]] = {
    errors.ContactNotFound: NO,
    errors.ClientConfigError: NO,
    errors.AccessKeyError: NO,
    errors.SchemaOutdated: NO,
    errors.ConfigurationError: USAGE,
    errors.InvalidArguments: USAGE,
    errors.InvalidCursor: USAGE,
    errors.SignInError: SIGN_IN,
    errors.AccessKeyMissing: SIGN_IN,
    errors.AccessKeyRejected: SIGN_IN,
    errors.TelecmiError: FAULT,
}


def exit_code_of(error: errors.TelecmiError) -> int:
    """Return the exit code of a command that an error ended: that of its class, or of the nearest base class."""
    return next(_CODES[each] for each in type(error).__mro__ if each in _CODES)
