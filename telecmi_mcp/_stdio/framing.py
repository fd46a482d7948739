"""Parses lines of bytes as JSON-RPC messages and serialises messages as lines; accepts any bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from telecmi_mcp._mcp.output import serialise
from telecmi_mcp._mcp.revisions import may_lack_id

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE_BYTES = 1024 * 1024

_EDGE_BYTES = 512
_ID = rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{0,200}")'
# SDKs write the id next to "jsonrpc" at the start, or at the end of the line.
_ID_AT_START = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*' + _ID)
_ID_AT_END = re.compile(_ID + rb"\s*\}\s*$")


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line above the bound, of which only the first and the last bytes are kept."""

    start: bytes
    end: bytes


class InvalidLine(JSONRPCError):
    """The answer to a line that is no message; other errors are messages of the client."""


class LineSplitter:
    """Splits a stream of bytes into lines of bounded length; a longer line uses no more memory."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._start = b""
        self._end = b""

    def feed(self, data: bytes) -> Iterator[bytes | TooLong]:
        """Yield the lines that the data completes, without the line ends."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._add(piece)
            yield self.finish()
        self._add(rest)

    def finish(self) -> bytes | TooLong:
        """Return the current line as far as it was received, and start the next one."""
        line = TooLong(self._start, self._end) if self._size > self._limit else b"".join(self._parts)
        self._parts, self._size = [], 0
        return line

    def _add(self, piece: bytes) -> None:
        if self._size <= self._limit < self._size + len(piece):
            whole = b"".join([*self._parts, piece])
            self._start, self._end, self._parts = whole[:_EDGE_BYTES], whole[-_EDGE_BYTES:], []
        elif self._size > self._limit:
            self._end = (self._end + piece)[-_EDGE_BYTES:]
        else:
            self._parts.append(piece)
        self._size += len(piece)


def read_message(line: bytes | TooLong) -> JSONRPCMessage:
    """Return the message of a line, or the error that answers an invalid one, with the id None if that is unknown."""
    if isinstance(line, TooLong):
        return _error(INVALID_REQUEST, "The message is longer than 1 MiB.", _id_at_edge(line.start, line.end))
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _invalid_line(line)
    # For the SDK a request whose id is no string or integer is a notification, which is never answered.
    return _read_notification(message, line) if isinstance(message, JSONRPCNotification) else message


def _read_notification(notification: JSONRPCNotification, line: bytes) -> JSONRPCMessage:
    members = json.loads(line)
    if "id" not in members:
        return notification
    request_id = _readable_id(members["id"])
    if request_id is None:
        return _error(INVALID_REQUEST, "The id of a request must be a string or an integer.", None)
    return JSONRPCRequest.model_validate({**members, "id": request_id}, by_name=False)


def _invalid_line(line: bytes) -> InvalidLine:
    try:
        message = json.loads(line.decode())
    except (json.JSONDecodeError, UnicodeDecodeError):
        return _error(PARSE_ERROR, "The line is not JSON in UTF-8: send one message a line.", None)
    except (ValueError, RecursionError):
        known = _id_at_edge(line[:_EDGE_BYTES], line[-_EDGE_BYTES:])
        return _error(INVALID_REQUEST, "The message is nested too deeply, or has too long a number.", known)
    if isinstance(message, list):
        return _error(INVALID_REQUEST, "Send one message a line: this server takes no batches.", None)
    known = _readable_id(message.get("id")) if isinstance(message, dict) else None
    if known is not None and _has_other_params(message):
        return _error(INVALID_PARAMS, "Pass params as an object.", known)
    return _error(INVALID_REQUEST, "The line is not a JSON-RPC 2.0 message of MCP.", known)


def _id_at_edge(start: bytes, end: bytes) -> str | int | None:
    found = _ID_AT_START.match(start) or _ID_AT_END.search(end)
    request_id: str | int | None = json.loads(found[1]) if found else None
    return request_id


def _readable_id(value: object) -> str | int | None:
    """Return an id that can be repeated; 1.0 is the integer 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return None if isinstance(value, str) and not value.isprintable() else value


def _has_other_params(message: dict[str, object]) -> bool:
    """Whether a message would be a request if its params were an object."""
    is_request = message.get("jsonrpc") == "2.0" and isinstance(message.get("method"), str)
    return is_request and not isinstance(message.get("params", {}), dict)


def _error(code: int, message: str, request_id: str | int | None) -> InvalidLine:
    return InvalidLine(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


def write_error(error: InvalidLine, version: str) -> bytes:
    """Return the answer to an invalid line, in the form of a protocol version; "" if that is not known yet."""
    left_out = {"id"} if error.id is None and may_lack_id(version) else None
    return error.model_dump_json(by_alias=True, exclude_unset=True, exclude=left_out).encode() + b"\n"


def write_message(message: JSONRPCMessage) -> bytes:
    """Return the message as one line."""
    if isinstance(message, JSONRPCResponse):
        members = {"jsonrpc": message.jsonrpc, "id": message.id, "result": message.result}
    else:
        members = message.model_dump(by_alias=True, exclude_unset=True)
    return serialise(members) + b"\n"
