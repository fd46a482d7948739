"""Composes the answers to the first messages of a session without the SDK, from what the server advertises.

``advertised.json`` holds what is ours: name, instructions, capabilities and tools. ``make snapshots`` writes it from
the code. This module adds what each protocol version requires. It leaves every message that it does not know exactly
(a name, a type, a version, an escape) to the SDK.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telecmi_mcp import __version__
from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS, SERVED_VERSIONS, STATELESS_VERSIONS, fit_to_version
from telecmi_mcp._stdio.descriptors import BLOCKING
from telecmi_mcp._stdio.known_messages import (
    INITIALIZE_PARAMS,
    NOTIFICATION,
    PLAIN_PARAMS,
    REQUEST,
    STATELESS_PARAMS,
    VERSION_KEY,
    matches,
    read_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADVERTISED = Path(__file__).with_name("advertised.json")
_MAX_ANSWERS = 8
_MAX_ID_CHARACTERS = 64


def reason_off(values: Mapping[str, Any]) -> str:
    """Return why the server gives no early answers, for people; "" if it gives them.

    Args:
        values: The configuration, by the names of ``Settings``.
    """
    if values["early_answers"] == "off":
        return "TELECMI_EARLY_ANSWERS is off"
    if BLOCKING:
        return "Windows cannot wait for pipes"
    return "" if read_advertised() else f"the installation has no readable {_ADVERTISED.name}"


def early_answers(values: Mapping[str, Any]) -> EarlyAnswers | None:
    """Return the early answers of a server with this configuration; ``None`` if they are off."""
    advertised = None if values["early_answers"] == "off" or BLOCKING else read_advertised()
    if advertised is None:
        return None
    exports = values["export_folder"] is not None and values["tools"] == "all"
    offered = advertised_for(advertised, tools=values["tools"], tool_prefix=values["tool_prefix"])
    return EarlyAnswers(offered, structured=values["structured"], exports=exports)


def advertised_for(advertised: Mapping[str, Any], *, tools: str, tool_prefix: str) -> Mapping[str, Any]:
    """Return what a server with these settings advertises.

    Args:
        advertised: Content of ``advertised.json``.
        tools: ``all`` or ``chatgpt``.
        tool_prefix: Text before the name of every tool.
    """
    if tools == "chatgpt":
        return {**advertised, **advertised["chatgpt"]}
    if not tool_prefix:
        return advertised
    from telecmi_mcp._mcp.tool_names import ToolNames  # here, as nothing else may delay the first answer

    listed = [*advertised["tools"], advertised["exportTool"]]
    names = ToolNames.with_prefix(tool_prefix, [tool["name"] for tool in listed])
    named: Mapping[str, Any] = names.in_json(advertised)
    return named


def results(
    advertised: Mapping[str, Any], version: str, *, structured: bool, exports: bool = False
) -> dict[str, dict[str, Any]]:
    """Return the result of each method that is known in a protocol version; none in an unknown version.

    Args:
        advertised: Content of ``advertised.json``.
        version: Protocol version.
        structured: Whether tools have output schemas.
        exports: Whether there is the tool that writes files.
    """
    server = {**advertised["serverInfo"], "version": __version__}
    shared = {"capabilities": advertised["capabilities"], "instructions": advertised["instructions"]}
    left_out = set() if structured else {"outputSchema"}
    offered = [*advertised["tools"], *([advertised["exportTool"]] if exports else [])]
    tools = [{name: value for name, value in tool.items() if name not in left_out} for tool in offered]
    if version in HANDSHAKE_VERSIONS:
        hello = {**shared, "protocolVersion": version, "serverInfo": server}
        known = {"initialize": hello, "ping": {}, "tools/list": {"tools": tools}}
        return {method: fit_to_version(version, result) for method, result in known.items()}
    if version in STATELESS_VERSIONS:
        envelope = {
            **advertised["cache"],
            "resultType": "complete",
            "_meta": {"io.modelcontextprotocol/serverInfo": server},
        }
        discovered = {**shared, **envelope, "supportedVersions": list(SERVED_VERSIONS)}
        return {"server/discover": discovered, "tools/list": {**envelope, "tools": tools}}
    return {}


class EarlyAnswers:
    """Answers the first messages of a session as the server would, up to the first message that it does not know.

    Args:
        advertised: Content of ``advertised.json``.
        structured: Whether tools have output schemas.
        exports: Whether there is the tool that writes files.

    Attributes:
        sent: Lines of the answers that were given, by the request's id as text.
    """

    def __init__(self, advertised: Mapping[str, Any], *, structured: bool = True, exports: bool = False) -> None:
        self._advertised = advertised
        self._exports = exports
        self._structured = structured
        self._version = ""
        self.sent: dict[str, bytes] = {}

    def answer(self, line: bytes) -> bytes | None:
        """Return the line that answers; an empty line if no answer is due; ``None`` for what only the SDK knows."""
        message = read_line(line)
        if matches(message, NOTIFICATION):
            return b"" if self._has_initialized and message["method"] == "notifications/initialized" else None
        if not matches(message, REQUEST) or not self._is_new(message["id"]):
            return None
        version = self._version_of(message["method"], message.get("params", {}))
        known = results(self._advertised, version, structured=self._structured, exports=self._exports)
        result = known.get(message["method"])
        if result is None:
            return None
        self._version = version
        answer = _line({"jsonrpc": "2.0", "id": message["id"], "result": result})
        self.sent[str(message["id"])] = answer
        return answer

    @property
    def _has_initialized(self) -> bool:
        return self._version in HANDSHAKE_VERSIONS

    def _is_new(self, request_id: int | str) -> bool:
        text = str(request_id)
        is_short = 0 < len(text) <= _MAX_ID_CHARACTERS and text.isascii() and text.isprintable()
        return is_short and text not in self.sent and len(self.sent) < _MAX_ANSWERS

    def _version_of(self, method: str, params: Any) -> str:
        """Return the protocol version of the answer to a request; "" if it is not known for certain."""
        if method == "initialize":
            is_first = not self._version and matches(params, INITIALIZE_PARAMS)
            return params["protocolVersion"] if is_first and params["protocolVersion"] in HANDSHAKE_VERSIONS else ""
        if self._has_initialized:
            return self._version if matches(params, PLAIN_PARAMS) else ""
        version = params["_meta"][VERSION_KEY] if matches(params, STATELESS_PARAMS) else ""
        return version if version in STATELESS_VERSIONS and self._version in {"", version} else ""


def read_advertised() -> dict[str, Any] | None:
    """Return the content of ``advertised.json``; ``None`` if it cannot be read."""
    try:
        advertised = json.loads(_ADVERTISED.read_bytes())
    except (OSError, ValueError):
        return None
    return advertised if isinstance(advertised, dict) and advertised.keys() >= _PARTS else None


_PARTS = {"serverInfo", "instructions", "capabilities", "cache", "tools", "exportTool", "chatgpt"}


def _line(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
