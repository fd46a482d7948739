"""Maps errors to errors of the protocol, and logs defects without their text."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from telecmi_mcp._mcp.call_record import DEFECT, raise_if_rejected, record_failure
from telecmi_mcp._mcp.resources import MAX_URI
from telecmi_mcp._mcp.revisions import SERVED_VERSIONS
from telecmi_mcp.errors import (
    CallLimitReached,
    ContactNotFound,
    InvalidArguments,
    ResourceNotFound,
    TelecmiError,
    ToolNotAllowed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp.server import ServerRequestContext
    from mcp.shared.inbound import InboundLadderRejection

    from telecmi_mcp._app import App

_log = logging.getLogger(__name__)

INTERNAL = "Report this to the maintainers of telecmi-mcp: the call failed because of a defect in the server."

_RESOURCE_NOT_FOUND = -32002  # up to 2025-11-25; from 2026-07-28 on it is INVALID_PARAMS (SEP-2164)


def check_rate_limit(app: App, *, calls: int = 1) -> None:
    """Count a call, or a call that counts for several.

    Raises:
        CallLimitReached: The rate limit is reached.
    """
    wait = app.rate_limit.try_acquire(calls)
    if wait:
        raise CallLimitReached(wait)


@contextmanager
def protocol_errors(ctx: ServerRequestContext[App, Any], *, uri: str = "") -> Iterator[None]:
    """Raise errors as errors of the protocol, because only the results of tools have a place for them."""
    try:
        raise_if_rejected()
        yield
    except (ResourceNotFound, ContactNotFound) as error:
        record_failure(error.code)
        code = INVALID_PARAMS if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS else _RESOURCE_NOT_FOUND
        # A longer text, or one that is not ASCII, is no URI and is not repeated.
        data = {"uri": uri} if len(uri) <= MAX_URI and uri.isascii() and uri.isprintable() else None
        raise MCPError(code, str(error), data) from None
    except (InvalidArguments, ToolNotAllowed) as error:
        record_failure(error.code)
        raise MCPError(INVALID_PARAMS, str(error)) from None
    except TelecmiError as error:
        _log.info("%s: %s", ctx.method, error.code)
        record_failure(error.code)
        raise MCPError(INTERNAL_ERROR, str(error)) from None
    except Exception as error:  # noqa: BLE001 - the text of a defect must not reach the model
        log_defect(ctx.method, error)
        record_failure(DEFECT)
        raise MCPError(INTERNAL_ERROR, INTERNAL) from None


def as_protocol_error(rejection: InboundLadderRejection) -> MCPError:
    """Return the error of a request whose ``_meta`` the SDK has rejected; -32022 names every version that is served."""
    data = rejection.data
    if rejection.code == UNSUPPORTED_PROTOCOL_VERSION:
        data = {**data, "supported": list(SERVED_VERSIONS)}
    return MCPError(rejection.code, rejection.message, data)


def log_defect(name: str, error: Exception) -> None:
    """Log the type and the place of a defect; never its text, which may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    _log.error("%s failed with %s at %s", name, type(error).__name__, where)
