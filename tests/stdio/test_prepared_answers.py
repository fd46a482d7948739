"""What is answered early: only what is known to the letter, and in the SDK's own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.lines import MODERN, initialize, request
from early import PREPARED, prepared, sdk, write
from telecmi_mcp._config.variables import ALL, values_of
from telecmi_mcp._stdio.prepared_answers import EarlyAnswers, early_answers

if TYPE_CHECKING:
    from pathlib import Path

RESULTS = json.loads(PREPARED.read_text(encoding="utf8"))["results"]
HANDSHAKES = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
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


def line(message: Any) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def hello(**changes: Any) -> dict[str, Any]:
    message = initialize()[0]
    return {**message, "params": {**message["params"], **changes}}


async def agree(*messages: Any) -> None:
    """Early and through the SDK, the answers to these messages are the same bytes, and there are some."""
    answers = EarlyAnswers(RESULTS)
    async with sdk() as ask:
        for message in messages:
            answer = answers.answer(line(message))
            assert answer is not None, message
            assert answer == await ask(line(message))


def is_left_to_the_sdk(message: Any, *, after: Any = ()) -> bool:
    answers = EarlyAnswers(RESULTS)
    for each in after:
        assert answers.answer(line(each)) is not None
    return answers.answer(message if isinstance(message, bytes) else line(message)) is None


async def test_what_is_prepared_is_what_the_server_says() -> None:
    assert PREPARED.read_text(encoding="utf8") == write(await prepared()), "run: make early"


@pytest.mark.parametrize("version", HANDSHAKES)
async def test_a_handshake_is_answered_in_the_sdks_bytes(version: str) -> None:
    greeting, done = initialize(version)
    without_params = {"jsonrpc": "2.0", "id": "x", "method": "tools/list"}
    await agree(greeting, done, request(1, "tools/list"), request("p", "ping"), without_params)


@pytest.mark.parametrize("messages", [[hello(), request(1, "tools/list")], [MODERN_LIST]])
async def test_without_structured_content_the_answers_are_the_servers_too(messages: list[Any]) -> None:
    answers = early_answers(values_of({"TELECMI_STRUCTURED": "off"}))
    assert answers is not None
    async with sdk(structured=False) as ask:
        for message in messages:
            assert answers.answer(line(message)) == await ask(line(message))


async def test_the_stateless_generation_is_answered_in_the_sdks_bytes() -> None:
    await agree(request(1, "server/discover", **MODERN), request(2, "tools/list", **MODERN))
    await agree(MODERN_LIST)


@pytest.mark.parametrize("capabilities", CAPABILITIES)
async def test_what_hosts_say_of_themselves_changes_nothing(capabilities: dict[str, Any]) -> None:
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
    {**hello(), "jsonrpc": "1.0", "method": "initialize2"},
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
    b"\xef\xbb\xbf" + GREETING,
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
def test_an_opening_that_is_not_known_to_the_letter_is_left_to_the_sdk(message: Any) -> None:
    assert is_left_to_the_sdk(message)


@pytest.mark.parametrize("message", ODD_LATER, ids=range(len(ODD_LATER)))
def test_so_is_whatever_follows_a_handshake(message: Any) -> None:
    assert is_left_to_the_sdk(message, after=[hello(), INITIALIZED])


@pytest.mark.parametrize("text", ODD_TEXT, ids=range(len(ODD_TEXT)))
def test_so_is_text_that_readers_of_json_may_take_differently(text: bytes) -> None:
    assert is_left_to_the_sdk(text)


@pytest.mark.parametrize(
    "message", [hello(), INITIALIZED, request(2, "tools/list"), request(2, "ping"), request(1, "tools/list", **MODERN)]
)
def test_so_is_what_the_other_generation_says_on_a_stateless_connection(message: Any) -> None:
    assert is_left_to_the_sdk(message, after=[MODERN_LIST])


def test_space_and_the_order_of_names_do_not_matter() -> None:
    turned = dict(reversed(hello().items()))
    spaced = b" \t" + json.dumps(turned, indent=1).replace("\n", "\r").encode() + b"\r"
    assert EarlyAnswers(RESULTS).answer(spaced) == EarlyAnswers(RESULTS).answer(GREETING)


def test_eight_answers_are_the_most() -> None:
    pings = [request(number, "ping") for number in range(1, 8)]
    assert is_left_to_the_sdk(request(9, "ping"), after=[hello(), INITIALIZED, *pings])


def installed(folder: Path, version: str) -> list[str]:
    for name in ("mcp", "mcp_types"):
        (folder / name).mkdir(parents=True)
        (folder / f"{name}-{version}.dist-info").mkdir()
    return [str(folder / "nowhere"), str(folder)]


def test_another_version_of_the_sdk_answers_itself(tmp_path: Path) -> None:
    known = json.loads(PREPARED.read_text(encoding="utf8"))["mcp"][0]
    assert early_answers(values_of({}), installed(tmp_path / "a", known)) is not None
    assert early_answers(values_of({}), installed(tmp_path / "b", f"{known}1")) is None
    assert early_answers(values_of({}), [*installed(tmp_path / "c", "9.9.9"), str(tmp_path / "a")]) is None
    assert early_answers(values_of({}), []) is None


VALUES = {
    "TELECMI_TOKEN": "t",
    "TELECMI_TOKEN_FILE": "f",
    "TELECMI_USER_ID": "1_1",
    "TELECMI_PASSWORD": "p",
    "TELECMI_PASSWORD_FILE": "f",
    "TELECMI_BASE_URL": "https://example.com",
    "TELECMI_TIMEOUT": "1",
    "TELECMI_RATE_LIMIT": "1",
    "TELECMI_INDEX": "off",
    "TELECMI_INDEX_MAX_AGE": "1",
    "TELECMI_TEXT": "table",
    "TELECMI_STRUCTURED": "off",
    "TELECMI_PRECONNECT": "off",
    "TELECMI_LOG_LEVEL": "DEBUG",
}


@pytest.mark.parametrize("variable", [setting.variable for setting in ALL])
def test_a_setting_that_might_change_the_answers_keeps_them_back(variable: str) -> None:
    needed = {"TELECMI_USER_ID": "1_1"} if "PASSWORD" in variable else {}
    values = values_of({variable: VALUES.get(variable, "off"), **needed})
    assert (early_answers(values) is not None) == (variable in VALUES)


def test_a_setting_that_nobody_thought_of_keeps_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {**values_of({}), "new": "on"}
    monkeypatch.setattr("telecmi_mcp._stdio.prepared_answers.values_of", lambda _: {**values, "new": "off"})
    assert early_answers(values) is None


def test_without_the_prepared_file_there_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for text in (None, "", '{"telecmi-mcp": "0", "mcp": []}'):
        if text is not None:
            (tmp_path / "early").write_text(text)
        monkeypatch.setattr("telecmi_mcp._stdio.prepared_answers._PREPARED", tmp_path / "early")
        assert early_answers(values_of({})) is None
