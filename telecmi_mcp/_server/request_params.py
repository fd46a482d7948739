"""Reads the params of requests as hosts send them, and answers params that do not fit in this server's own words."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    INVALID_PARAMS,
    LOG_LEVEL_META_KEY,
    METHOD_NOT_FOUND,
    PROTOCOL_VERSION_META_KEY,
)
from pydantic import ValidationError

from telecmi_mcp._mcp.tools.coercion import decode_json
from telecmi_mcp.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server import ServerRequestContext
    from mcp.server.context import CallNext, HandlerResult
    from mcp_types import PaginatedRequestParams

_WITH_ARGUMENTS = ("tools/call", "prompts/get")
_KINDS = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}
_EXPECTED = {
    "_meta": "an object",
    "argument": "an object",
    "arguments": "an object of strings",  # of a prompt: a tool checks its own
    "capabilities": "an object",
    "clientInfo": "an object",
    "context": "an object",
    "name": "a string",
    "progressToken": "a string or an integer",
    "protocolVersion": "a string",
    "params": "an object",
    "ref": "a reference of the type ref/prompt or ref/resource",
    "uri": "a string",
    "value": "a string",
    "version": "a string",
    CLIENT_CAPABILITIES_META_KEY: "an object",
    CLIENT_INFO_META_KEY: "an object",
    LOG_LEVEL_META_KEY: "a log level",
    PROTOCOL_VERSION_META_KEY: "a string",
}
"""For each name in the params of the protocol's requests what it holds, in words."""

_UNREADABLE: ContextVar[str] = ContextVar("unreadable_arguments", default="")


async def read_params(
    find_handler: Callable[[str], object], ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Take a JSON text of an object for the object ``arguments``, and name the params that the SDK refuses.

    Args:
        find_handler: Returns the handler of a method; ``None`` for a method that the server does not have.
        ctx: The request.
        call_next: Handles it.
    """
    ctx = _without_null_token(ctx)
    given = (ctx.params or {}).get("arguments") if ctx.method in _WITH_ARGUMENTS else None
    token = None
    if given is not None and not isinstance(given, dict):
        decoded = decode_json(given) if isinstance(given, str) else None
        arguments, unreadable = (decoded, "") if isinstance(decoded, dict) else ({}, _description(given))
        ctx = replace(ctx, params={**(ctx.params or {}), "arguments": arguments})
        token = _UNREADABLE.set(unreadable)
    try:
        return await call_next(ctx)
    except ValidationError as error:
        if ctx.method != "initialize" and find_handler(ctx.method) is None:
            raise MCPError(METHOD_NOT_FOUND, "Method not found") from None
        raise MCPError(INVALID_PARAMS, _sentence(ctx.method, error)) from None
    finally:
        if token is not None:
            _UNREADABLE.reset(token)


def _without_null_token(ctx: ServerRequestContext[Any, Any]) -> ServerRequestContext[Any, Any]:
    """Return a request whose progress token is left out if it is null, like every other null."""
    meta = (ctx.params or {}).get("_meta")
    if not isinstance(meta, dict) or meta.get("progressToken", "") is not None:
        return ctx
    kept = {name: value for name, value in meta.items() if name != "progressToken"}
    return replace(ctx, params={**(ctx.params or {}), "_meta": kept})


def raise_if_unreadable(name: str) -> None:
    """Refuse the current call of a tool or prompt if its ``arguments`` are no object.

    Raises:
        InvalidArguments: They are something else.
    """
    kind = _UNREADABLE.get()
    if kind:
        raise InvalidArguments(hint="Pass arguments as a JSON object", fact=f"{name} was called with {kind}")


def raise_if_paged(ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None) -> None:
    """Refuse any cursor, the empty one too: no list of this server has a second page.

    Raises:
        MCPError: The request has a cursor.
    """
    if params is not None and params.cursor is not None:
        raise MCPError(INVALID_PARAMS, _unpaged(ctx.method))


def _unpaged(method: str) -> str:
    return f"Call {method} without cursor: the list has one page."


def _description(value: Any) -> str:
    """Return in words what came, without the value."""
    if not isinstance(value, str):
        return _KINDS.get(type(value), "another type")
    if not value.strip():
        return "empty text"
    decoded = decode_json(value)
    if decoded is None:
        return "the text null" if value.strip() == "null" else "text that is not JSON"
    return f"JSON text of {_KINDS[type(decoded)]}"


def _sentence(method: str, error: ValidationError) -> str:
    """Name the first param that does not fit, as the protocol names it; never a value, and no text of pydantic."""
    details = error.errors(include_url=False, include_context=False, include_input=False)[0]
    names = [str(part) for part in details["loc"]]
    if "cursor" in names:
        return _unpaged(method)
    path = [name for name in ("params", *names[names[:1] == ["params"] :]) if name in _EXPECTED]
    if "ref" in path:  # below it are the names of a union's members
        path = path[: path.index("ref") + 1]
    is_missing = details["type"] == "missing" and names[-1:] == path[-1:]
    came = "without it" if is_missing else "with another value"
    return f"Pass {'.'.join(path)} as {_EXPECTED[path[-1]]}: {method} was called {came}."
