"""Early answers: only to messages that are known exactly, and the same JSON as the server's own answers."""

from __future__ import annotations

import inspect
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from e2e.lines import MODERN, initialize, request
from paths import ROOT
from snapshots import ADVERTISED
from telecmi_mcp import Settings, create_server, open_app
from telecmi_mcp._config.variables import ALL, values_of
from telecmi_mcp._mcp.revisions import HANDSHAKE_VERSIONS, STATELESS_VERSIONS
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp._server.sessions import serve_session
from telecmi_mcp._stdio import early_answers as module
from telecmi_mcp._stdio.early_answers import (
    EarlyAnswers,
    advertised_for,
    early_answers,
    reason_off,
)
from telecmi_mcp._stdio.framing import read_message, write_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ADVERTISES = json.loads(ADVERTISED.read_text(encoding="utf8"))
INFO = {"name": "n", "version": "1", "title": "t", "description": "d", "websiteUrl": "https://example.com"}
CAPABILITIES = [
    {},
    {"roots": {}, "sampling": {}, "elicitation": {}},
    {"roots": {"listChanged": True}, "elicitation": {"form": {"applyDefaults": True}, "url": {}}},
    {"sampling": {"context": {}, "tools": {}}, "experimental": {"x": {"y": [1, None, "ü"]}}},
    {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}},
]
IDS = [0, -1, 7, 10**14, "1", "a b", "0b0e9a3c-6f2a-4a52-8e7f-a8b1b1b0f3d1"]
MODERN_LIST = request(1, "tools/list", **MODERN)
INITIALIZED = initialize()[1]
EXPORTS = {"TELECMI_EXPORT_FOLDER": str(ROOT)}


def line(message: Any) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def hello(**changes: Any) -> dict[str, Any]:
    message = initialize()[0]
    return {**message, "params": {**message["params"], **changes}}


@asynccontextmanager
async def sdk(**output: Any) -> AsyncIterator[Any]:
    """Open the server in memory, and yield a function from a line to the line that answers it, if one does."""
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    server = create_server(lambda: open_app(Settings()), **output)

    async def ask(line: bytes) -> bytes:
        message = read_message(line)
        await to_server.send(SessionMessage(message))
        if not hasattr(message, "id"):
            return b""
        with anyio.fail_after(30):
            answer = (await from_server.receive()).message
        assert isinstance(answer, JSONRPCResponse | JSONRPCError)
        return write_message(answer)

    async with anyio.create_task_group() as tasks, to_server, from_server:
        tasks.start_soon(serve_session, server, from_client, to_client)
        yield ask
        tasks.cancel_scope.cancel()


async def agree(*messages: Any, **output: Any) -> None:
    """The early answers to these messages and the server's are the same JSON, and there are some."""
    advertised = advertised_for(ADVERTISES, tools=output.get("tools", "all"), tool_prefix=output.get("tool_prefix", ""))
    answers = EarlyAnswers(advertised, structured=output.get("structured", True), exports=output.get("exports", False))
    async with sdk(**output) as ask:
        for message in messages:
            early, own = answers.answer(line(message)), await ask(line(message))
            assert early is not None, message
            assert as_json(early) == as_json(own)
            assert early.count(b"\n") == bool(early)


def as_json(line: bytes) -> str:
    """The JSON value of a line as text, whatever the order of its names."""
    return json.dumps(json.loads(line), sort_keys=True) if line else ""


def is_left_to_the_sdk(message: Any, *, after: Any = ()) -> bool:
    answers = EarlyAnswers(ADVERTISES)
    for each in after:
        assert answers.answer(line(each)) is not None
    return answers.answer(message if isinstance(message, bytes) else line(message)) is None


def test_every_version_of_the_protocol_that_the_sdk_speaks_is_known() -> None:
    assert HANDSHAKE_VERSIONS == HANDSHAKE_PROTOCOL_VERSIONS
    assert STATELESS_VERSIONS == MODERN_PROTOCOL_VERSIONS


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("text", ["json", "table"])
async def test_a_handshake_is_answered_as_by_the_server(version: str, structured: bool, text: str) -> None:
    greeting, done = initialize(version)
    without_params = {"jsonrpc": "2.0", "id": "x", "method": "tools/list"}
    messages = (greeting, done, request(1, "tools/list"), request("p", "ping"), without_params)
    await agree(*messages, structured=structured, text=text)


@pytest.mark.parametrize("version", [*HANDSHAKE_VERSIONS, *STATELESS_VERSIONS])
@pytest.mark.parametrize("structured", [True, False])
async def test_the_tool_that_writes_files_is_listed_as_by_the_server(version: str, structured: bool) -> None:
    handshake = [*initialize(version), request(1, "tools/list")]
    messages = [MODERN_LIST] if version in STATELESS_VERSIONS else handshake
    await agree(*messages, structured=structured, exports=True)


@pytest.mark.parametrize("version", [*HANDSHAKE_VERSIONS, *STATELESS_VERSIONS])
@pytest.mark.parametrize("output", [{"tools": "chatgpt"}, {"tool_prefix": "crm_"}])
async def test_the_choice_and_the_names_of_the_tools_are_as_of_the_server(version: str, output: Any) -> None:
    stateless = [request(1, "server/discover", **MODERN), request(2, "tools/list", **MODERN)]
    handshake = [*initialize(version), request(1, "tools/list")]
    await agree(*(stateless if version in STATELESS_VERSIONS else handshake), **output)


@pytest.mark.parametrize(
    ("environ", "last"),
    [
        ({}, TOOLS[-1].name),
        (EXPORTS, "export_contacts"),
        ({"TELECMI_TOOL_PREFIX": "crm_"}, f"crm_{TOOLS[-1].name}"),
        ({**EXPORTS, "TELECMI_TOOL_PREFIX": "crm_"}, "crm_export_contacts"),
        ({**EXPORTS, "TELECMI_TOOLS": "chatgpt"}, "fetch"),
    ],
)
def test_the_settings_decide_which_tool_is_listed_last(environ: dict[str, str], last: str) -> None:
    answers = early_answers(values_of(environ))
    assert answers is not None
    listed = json.loads(answers.answer(line(MODERN_LIST)) or b"")
    assert listed["result"]["tools"][-1]["name"] == last


@pytest.mark.parametrize("structured", [True, False])
async def test_a_stateless_session_is_answered_as_by_the_server(structured: bool) -> None:
    await agree(request(1, "server/discover", **MODERN), request(2, "tools/list", **MODERN), structured=structured)
    await agree(MODERN_LIST, structured=structured)


def test_nothing_but_the_output_format_and_the_tools_can_change_an_answer() -> None:
    known = ["opened", "text", "structured", "exports", "tools", "tool_prefix"]
    assert [*inspect.signature(create_server).parameters] == known


@pytest.mark.parametrize("capabilities", CAPABILITIES)
async def test_what_clients_say_of_themselves_changes_no_answer(capabilities: dict[str, Any]) -> None:
    await agree(hello(capabilities=capabilities, clientInfo=INFO))
    meta = {"io.modelcontextprotocol/clientCapabilities": capabilities, "io.modelcontextprotocol/clientInfo": INFO}
    await agree(request(1, "tools/list", _meta={**MODERN["_meta"], **meta, "progressToken": 3}))


@pytest.mark.parametrize("request_id", IDS)
async def test_an_id_comes_back_as_it_was(request_id: int | str) -> None:
    await agree({**hello(), "id": request_id})


async def test_tools_may_be_listed_before_the_handshake_is_confirmed() -> None:
    await agree(hello(), request(1, "tools/list", _meta={"progressToken": "p"}), request(2, "ping"), INITIALIZED)


ODD_IDS: list[Any] = [None, True, 1.0, 10**15, [], "", "ü", "a\nb", 'a"b', "x" * 65]
ODD_FIRST = [
    hello(protocolVersion="2023-01-01"),
    hello(protocolVersion="2026-07-28"),
    hello(protocolVersion=1),
    hello(capabilities=None),
    hello(capabilities={"roots": True}),
    hello(capabilities={"roots": {"listChanged": 1}}),
    hello(capabilities={"unheard": {}}),
    hello(clientInfo={"name": "n"}),
    hello(clientInfo={**INFO, "icons": []}),
    hello(more=1),
    {**hello(), "params": []},
    *({**hello(), "jsonrpc": odd} for odd in ["1.0", "2", "2.0 ", "", None, 2.0, ["2.0"]]),
    {name: value for name, value in hello().items() if name != "jsonrpc"},
    {**hello(), "more": 1},
    {**hello(), "method": "no/such/method"},
    *({**hello(), "id": odd} for odd in ODD_IDS),
    {name: value for name, value in hello().items() if name != "id"},
    {name: value for name, value in hello().items() if name != "params"},
    [hello()],
    [],
    "text",
    None,
    request(1, "tools/list"),
    request(1, "ping"),
    INITIALIZED,
    request(1, "server/discover"),
    request(1, "ping", **MODERN),
    request(1, "tools/list", **MODERN, cursor="c"),
    request(1, "tools/list", _meta={**MODERN["_meta"], "io.modelcontextprotocol/protocolVersion": "2099-01-01"}),
    request(1, "tools/list", _meta={**MODERN["_meta"], "io.modelcontextprotocol/protocolVersion": "2025-11-25"}),
    request(1, "tools/list", _meta={**MODERN["_meta"], "io.modelcontextprotocol/logLevel": "debug"}),
    request(1, "tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "2026-07-28"}),
    {**hello(), "params": {**hello()["params"], **MODERN}},
]
ODD_LATER = [
    hello(),
    {**hello(), "id": 1},
    request(0, "tools/list"),
    request("0", "ping"),
    request(1, "tools/list", cursor="c"),
    request(1, "tools/list", cursor=None),
    request(1, "tools/list", _meta={"progressToken": None}),
    request(1, "tools/call", name="get_contact"),
    request(1, "server/discover", **MODERN),
    MODERN_LIST,
    {**INITIALIZED, "id": 1},
    {**INITIALIZED, "params": {"_meta": {}}},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 0}},
    {"jsonrpc": "2.0", "id": 5, "result": {}},
]
GREETING = line(hello())
ODD_TEXT = [
    b"",
    b"  ",
    b"{",
    b"\xff",
    GREETING.decode().encode("utf-16"),
    GREETING.replace(b'"id": 0', b'"id": 0, "id": 0'),
    GREETING.replace(b'"id": 0', b'"id": -0'),
    GREETING.replace(b'"id": 0', b'"id": 0.0'),
    GREETING.replace(b'"id": 0', b'"id": NaN'),
    GREETING.replace(b'"id": 0', b'"id": "\\u0061"'),
    GREETING.replace(b"{}", b'{"experimental": {"x": {"y": 1e999}}}'),
    GREETING.replace(b"{}", b'{"experimental": {"x": {"y": ' + b"[" * 300 + b"]" * 300 + b"}}}"),
    GREETING.replace(b"{}", b'{"experimental": {"x": {"y": ' + b"9" * 5000 + b"}}}"),
    GREETING.replace(b'"lines"', b'"' + b"x" * 20_000 + b'"'),
]


@pytest.mark.parametrize("message", ODD_FIRST, ids=range(len(ODD_FIRST)))
def test_a_first_message_that_is_not_known_exactly_is_left_to_the_sdk(message: Any) -> None:
    assert is_left_to_the_sdk(message)


@pytest.mark.parametrize("message", ODD_LATER, ids=range(len(ODD_LATER)))
def test_a_later_message_that_is_not_known_exactly_is_left_to_the_sdk(message: Any) -> None:
    assert is_left_to_the_sdk(message, after=[hello(), INITIALIZED])


@pytest.mark.parametrize("text", ODD_TEXT, ids=range(len(ODD_TEXT)))
def test_text_that_readers_of_json_may_read_differently_is_left_to_the_sdk(text: bytes) -> None:
    assert is_left_to_the_sdk(text)


@pytest.mark.parametrize(
    "message", [hello(), INITIALIZED, request(2, "tools/list"), request(2, "ping"), request(1, "tools/list", **MODERN)]
)
def test_a_handshake_on_a_stateless_connection_is_left_to_the_sdk(message: Any) -> None:
    assert is_left_to_the_sdk(message, after=[MODERN_LIST])


def test_a_byte_order_mark_changes_no_answer() -> None:
    assert EarlyAnswers(ADVERTISES).answer(b"\xef\xbb\xbf" + GREETING) == EarlyAnswers(ADVERTISES).answer(GREETING)


def test_spaces_and_the_order_of_names_change_no_answer() -> None:
    turned = dict(reversed(hello().items()))
    spaced = b" \t" + json.dumps(turned, indent=1).replace("\n", "\r").encode() + b"\r"
    assert EarlyAnswers(ADVERTISES).answer(spaced) == EarlyAnswers(ADVERTISES).answer(GREETING)


def test_at_most_eight_answers_are_early() -> None:
    pings = [request(number, "ping") for number in range(1, 8)]
    assert is_left_to_the_sdk(request(9, "ping"), after=[hello(), INITIALIZED, *pings])


@pytest.mark.parametrize("variable", [setting.variable for setting in ALL])
def test_only_their_own_setting_switches_them_off(variable: str) -> None:
    needed = {"TELECMI_USER_ID": "1_1"} if "PASSWORD" in variable else {}
    values = values_of({variable: VALUES.get(variable, "off"), **needed})
    is_on = variable != "TELECMI_EARLY_ANSWERS"
    assert (early_answers(values) is not None) is is_on
    assert reason_off(values) == ("" if is_on else "TELECMI_EARLY_ANSWERS is off")


VALUES = {
    "TELECMI_AUDIT_FILE": str(ROOT / "audit.log"),
    "TELECMI_TOKEN": "t",
    "TELECMI_TOKEN_FILE": "f",
    "TELECMI_USER_ID": "1_1",
    "TELECMI_PASSWORD": "p",
    "TELECMI_PASSWORD_FILE": "f",
    "TELECMI_BASE_URL": "https://example.com",
    "TELECMI_TIMEOUT": "1",
    "TELECMI_RATE_LIMIT": "1",
    "TELECMI_INDEX_MAX_AGE": "1",
    "TELECMI_TEXT": "table",
    "TELECMI_MASK": "phone_no",
    "TELECMI_TOOLS": "chatgpt",
    "TELECMI_CONTACT_URL": "https://example.com/{contact_id}",
    **EXPORTS,
    "TELECMI_LOG_LEVEL": "DEBUG",
    "TELECMI_LOG_FORMAT": "json",
}


@pytest.mark.parametrize("text", [None, "", "[]", '{"tools": []}'])
def test_without_a_readable_file_they_are_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "advertised.json"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(module, "_ADVERTISED", path)
    assert early_answers(values_of({})) is None
    assert reason_off(values_of({})) == "the installation has no readable advertised.json"


def test_on_windows_they_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCKING", True)
    assert early_answers(values_of({})) is None
    assert "Windows" in reason_off(values_of({}))
