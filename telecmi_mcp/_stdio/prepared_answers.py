"""The first messages of a session and their answers, as long as each message is known to the letter.

The answers are prepared: ``_early.json`` holds what the server says through the SDK, and ``tests/early.py`` writes it.
Whatever is not exactly as expected here (a name, a type, a version, an escape) is left to the SDK.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from telecmi_mcp import __version__
from telecmi_mcp._config.variables import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Any other setting might change the answers: one that is not named here must have its default.
_WITHOUT_INFLUENCE = {
    "token",
    "token_file",
    "user_id",
    "password",
    "password_file",
    "base_url",
    "timeout",
    "rate_limit",
    "index",
    "index_max_age",
    "text",
    "structured",  # it has: see _without_output_schemas
    "preconnect",
    "log_level",
}
_PREPARED = Path(__file__).with_name("prepared_answers.json")
_SDK = ("mcp", "mcp_types")

LONGEST = 16 * 1024
_DEEPEST = 64
_MOST = 8
_LONGEST_ID = 64
_MOST_DIGITS = 15

# Shapes: a type, several, or an object; names with "?" may be missing, "*" is any name, and nothing else may be there.
_TOKEN = (int, str)
_INFO = {"name": str, "version": str, "title?": str, "description?": str, "websiteUrl?": str}
_CAPABILITIES = {
    "roots?": {"listChanged?": bool},
    "sampling?": {"context?": dict, "tools?": dict},
    "elicitation?": {"form?": dict, "url?": dict},
    "experimental?": {"*": dict},
    "extensions?": {"*": dict},
}
_HELLO = {"protocolVersion": str, "capabilities": _CAPABILITIES, "clientInfo": _INFO}
_PLAIN = {"_meta?": {"progressToken?": _TOKEN}}
_VERSION = "io.modelcontextprotocol/protocolVersion"
_ENVELOPE = {
    "_meta": {
        _VERSION: str,
        "io.modelcontextprotocol/clientCapabilities": _CAPABILITIES,
        "io.modelcontextprotocol/clientInfo?": _INFO,
        "progressToken?": _TOKEN,
    }
}
_REQUEST = {"jsonrpc": str, "id": (int, str), "method": str, "params?": dict}
_NOTIFICATION = {"jsonrpc": str, "method": str, "params?": {}}


class EarlyAnswers:
    """Says to the first messages of a session what the server would say, until there is one that it does not know.

    Args:
        results: For each protocol version, the result of each method.

    Attributes:
        told: The answers that were given, by the request's id as text.
    """

    def __init__(self, results: Mapping[str, Mapping[str, Any]]) -> None:
        self._results = results
        self._version = ""
        self.told: dict[str, bytes] = {}

    def answer(self, line: bytes) -> bytes | None:
        """Return the line that answers; nothing where no answer is due; ``None`` where the SDK has to be asked."""
        message = _read(line)
        if _fits(message, _NOTIFICATION):
            return b"" if self._has_greeted() and message["method"] == "notifications/initialized" else None
        if not _fits(message, _REQUEST) or not self._is_new(message["id"]):
            return None
        version = self._version_of(message["method"], message.get("params", {}))
        result = self._results.get(version, {}).get(message["method"])
        if result is None:
            return None
        self._version = version
        answer = _write({"jsonrpc": "2.0", "id": message["id"], "result": result})
        self.told[str(message["id"])] = answer
        return answer

    def _has_greeted(self) -> bool:
        return "initialize" in self._results.get(self._version, {})

    def _is_new(self, request_id: int | str) -> bool:
        text = str(request_id)
        short = 0 < len(text) <= _LONGEST_ID and text.isascii() and text.isprintable()
        return short and text not in self.told and len(self.told) < _MOST

    def _version_of(self, method: str, params: Any) -> str:
        """Return the version that a request is to be answered in; "" for none that is known."""
        if method == "initialize":
            return params["protocolVersion"] if not self._version and _fits(params, _HELLO) else ""
        if self._has_greeted():
            return self._version if _fits(params, _PLAIN) else ""
        version = params["_meta"][_VERSION] if _fits(params, _ENVELOPE) else ""
        is_stateless = "server/discover" in self._results.get(version, {})
        return version if is_stateless and self._version in {"", version} else ""


def early_answers(values: Mapping[str, Any], path: Sequence[str] = sys.path) -> EarlyAnswers | None:
    """Return the answers that were prepared for this server, or nothing if it is not exactly the one.

    Args:
        values: The configuration, by the names of ``Settings``.
        path: Where Python looks for packages.
    """
    try:
        prepared = json.loads(_PREPARED.read_bytes())
        fits = prepared["telecmi-mcp"] == __version__ and any(_are_found(each, path) for each in prepared["mcp"])
    except (OSError, ValueError):  # left out by whoever packed this, or not readable
        return None
    if not (fits and _are_usual(values)):
        return None
    return EarlyAnswers(prepared["results"] if values["structured"] else _without_output_schemas(prepared["results"]))


def _are_usual(values: Mapping[str, Any]) -> bool:
    usual = values_of({})
    return all(name in _WITHOUT_INFLUENCE or value == usual[name] for name, value in values.items())


def _without_output_schemas(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for listed in (each["tools/list"] for each in results.values()):
        for tool in listed["tools"]:
            del tool["outputSchema"]
    return results


def _are_found(version: str, path: Sequence[str]) -> bool:
    """Whether the SDK's packages come in this version: importlib.metadata would say it too, in 15 ms."""
    return all(_is_found(name, version, path) for name in _SDK)


def _is_found(name: str, version: str, path: Sequence[str]) -> bool:
    folder = next((each for each in path if os.path.isdir(os.path.join(each, name))), None)  # noqa: PTH112, PTH118 - pathlib is slow
    return folder is not None and os.path.isdir(os.path.join(folder, f"{name}-{version}.dist-info"))  # noqa: PTH112, PTH118 - the same


def _read(line: bytes) -> Any:
    """Return the value of a line on which all readers of JSON agree; ``None`` for any other."""
    if len(line) > LONGEST or b"\\" in line or line.count(b"{") + line.count(b"[") > _DEEPEST:
        return None
    try:
        return json.loads(
            line.decode(),
            object_pairs_hook=_without_doubles,
            parse_int=_plain_number,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except ValueError:
        return None


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    return names if len(names) == len(pairs) else _refuse("a name that comes twice")


def _plain_number(text: str) -> int:
    return int(text) if len(text) <= _MOST_DIGITS and text != "-0" else _refuse(text)


def _refuse(what: str) -> NoReturn:
    raise ValueError(what)


def _write(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, tuple):
        return any(_fits(value, each) for each in shape)
    if isinstance(shape, type):
        return type(value) is shape  # true is no number
    if type(value) is not dict:
        return False
    needed = {name for name in shape if name[-1] not in "?*"}
    return needed <= value.keys() and all(
        (known := shape.get(name, shape.get(f"{name}?", shape.get("*")))) is not None and _fits(each, known)
        for name, each in value.items()
    )
