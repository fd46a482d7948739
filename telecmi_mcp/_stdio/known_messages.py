"""Reads messages strictly: parses only JSON that every reader parses alike, and compares it with closed shapes."""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_LINE_BYTES = 16 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Hosts on Windows may write it before the first message; it is no part of the JSON."""

_MAX_NESTING = 64
_MAX_DIGITS = 15

# A shape is a type, a text, a tuple of shapes, or an object of names and shapes. A name that ends with "?" may be
# missing, "*" is any name, and no other name may be present.
_TOKEN = (int, str)
_INFO = {"name": str, "version": str, "title?": str, "description?": str, "websiteUrl?": str}
_CAPABILITIES = {
    "roots?": {"listChanged?": bool},
    "sampling?": {"context?": dict, "tools?": dict},
    "elicitation?": {"form?": dict, "url?": dict},
    "experimental?": {"*": dict},
    "extensions?": {"*": dict},
}
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
REQUEST = {"jsonrpc": "2.0", "id": (int, str), "method": str, "params?": dict}
NOTIFICATION = {"jsonrpc": "2.0", "method": str, "params?": {}}
INITIALIZE_PARAMS = {"protocolVersion": str, "capabilities": _CAPABILITIES, "clientInfo": _INFO}
PLAIN_PARAMS = {"_meta?": {"progressToken?": _TOKEN}}
STATELESS_PARAMS = {
    "_meta": {
        VERSION_KEY: str,
        "io.modelcontextprotocol/clientCapabilities": _CAPABILITIES,
        "io.modelcontextprotocol/clientInfo?": _INFO,
        "progressToken?": _TOKEN,
    }
}


def read_line(line: bytes) -> Any:
    """Return the JSON value of a line; ``None`` for a line that two readers of JSON might read differently."""
    line = line.removeprefix(BYTE_ORDER_MARK)
    if len(line) > MAX_LINE_BYTES or b"\\" in line or line.count(b"{") + line.count(b"[") > _MAX_NESTING:
        return None
    try:
        return json.loads(
            line.decode(),
            object_pairs_hook=_unique_names,
            parse_int=_short_integer,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except ValueError:
        return None


def matches(value: Any, shape: Any) -> bool:
    """Whether a JSON value has a shape."""
    if isinstance(shape, tuple):
        return any(matches(value, each) for each in shape)
    if isinstance(shape, type):
        return type(value) is shape  # true is not an integer
    if isinstance(shape, str):
        return bool(value == shape)
    if type(value) is not dict:
        return False
    required = {name for name in shape if name[-1] not in "?*"}
    return required <= value.keys() and all(
        (inner := shape.get(name, shape.get(f"{name}?", shape.get("*")))) is not None and matches(each, inner)
        for name, each in value.items()
    )


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    return names if len(names) == len(pairs) else _refuse("a repeated name")


def _short_integer(text: str) -> int:
    return int(text) if len(text) <= _MAX_DIGITS and text != "-0" else _refuse(text)


def _refuse(what: str) -> NoReturn:
    raise ValueError(what)
