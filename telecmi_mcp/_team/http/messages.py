"""Reads the body of a POST as one JSON-RPC message, and tells what is wrong with one that is none.

Every text that JSON allows is taken. The id of a request is kept wherever it can be read, so that a caller can match
the error to its request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeGuard

from mcp_types import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR


def _reject_constant(_: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(parse_constant=_reject_constant)  # NaN and the infinities are no JSON
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a notification.

    Attributes:
        method: The method.
        params: The parameters, if there are any.
        request_id: The id of a request; ``None`` for a notification.
    """

    method: str
    params: dict[str, Any] | None
    request_id: str | int | None


@dataclass(frozen=True, slots=True)
class InvalidMessage:
    """A body that is neither a request nor a notification.

    Attributes:
        code: Code of the JSON-RPC error.
        sentence: What is wrong and what to do.
        request_id: The id, if it can be read.
    """

    code: int
    sentence: str
    request_id: str | int | None = None


_NOT_JSON = InvalidMessage(
    PARSE_ERROR, "Send one JSON object in UTF-8: the body is no JSON, or its nesting or a number in it is too large."
)
_BATCH = InvalidMessage(INVALID_REQUEST, "Send one message in each request: this server takes no batches.")
_NO_OBJECT = InvalidMessage(INVALID_REQUEST, "Send a JSON-RPC request or notification: the body is no JSON object.")
_RESPONSE = InvalidMessage(
    INVALID_REQUEST, "Send requests and notifications only: this server sends no requests that have responses."
)
_WRONG_ID = InvalidMessage(INVALID_REQUEST, "Correct id: the id of a request is a string or an integer.")


def read_message(body: bytes) -> Message | InvalidMessage:
    """Return the message in a body, or what is wrong with it."""
    try:
        decoded = _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return _NOT_JSON
    if isinstance(decoded, dict):
        return _read_object(decoded)
    return _BATCH if isinstance(decoded, list) else _NO_OBJECT


def _read_object(message: dict[str, Any]) -> Message | InvalidMessage:
    given, method, params = message.get("id", _ABSENT), message.get("method", _ABSENT), message.get("params")
    if method is _ABSENT and ("result" in message or "error" in message):
        return _RESPONSE
    request_id = _readable_id(given)
    if given is not _ABSENT and request_id is None:
        return _WRONG_ID
    if message.get("jsonrpc") != "2.0":
        return InvalidMessage(INVALID_REQUEST, 'Correct jsonrpc: every message has "jsonrpc": "2.0".', request_id)
    if not isinstance(method, str):
        return InvalidMessage(INVALID_REQUEST, "Correct method: every message has one, a string.", request_id)
    if not _are_params(params):
        return InvalidMessage(INVALID_PARAMS, "Correct params: use a JSON object.", request_id)
    return Message(method, params, request_id)


def _readable_id(value: object) -> str | int | None:
    """Return an id: a string, or an integer in any of its spellings in JSON, such as ``1.0``."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def _are_params(value: object) -> TypeGuard[dict[str, Any] | None]:
    return value is None or isinstance(value, dict)
