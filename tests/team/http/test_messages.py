"""Bodies that are no request: each is answered, with the caller's id where it can be read, and never with a 500."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from team.http.asking import NEWEST, VERSIONS, error_in, headers_of, opened_client, post, request, result_in
from telecmi_mcp._team.http.messages import InvalidMessage, Message, read_message

if TYPE_CHECKING:
    from collections.abc import Mapping

NULL_IDS = ("2024-11-05", "2025-03-26", "2025-06-18")
WRONG_ID = "Correct id: the id of a request is a string or an integer."


@pytest.mark.parametrize("wrong", ["null", "1.5", "true", "false", "{}", "[]", "[1]", '{"a":1}', "-0.1", "1e999"])
@pytest.mark.parametrize("version", [None, *VERSIONS])
@pytest.mark.parametrize("method", ["tools/list", "initialize", "notifications/initialized", "no/such"])
async def test_a_request_with_an_unusable_id_gets_an_error(version: str | None, wrong: str, method: str) -> None:
    message = request(method, version, request_id="WRONG")
    async with opened_client() as client:
        body = json.dumps(message).replace('"WRONG"', wrong).encode()
        answer = await post(client, body, headers_of(version, message))
    assert error_in(answer) == (400, -32600, WRONG_ID)
    assert answer.json().get("id", "none") == (None if version in NULL_IDS else "none")


@pytest.mark.parametrize(
    ("given", "returned"),
    [
        ("1.0", 1),
        ("1e2", 100),
        ("-7", -7),
        ("0", 0),
        ('""', ""),
        ('"\\ud800"', "\ud800"),
        ('"null"', "null"),
        ("9" * 4_000, int("9" * 4_000)),
        ("1e300", int(1e300)),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_string_or_an_integer_is_an_id_in_any_spelling(version: str, given: str, returned: object) -> None:
    message = request("tools/list", version, request_id="GIVEN")
    unknown = request("no/such", version, request_id="GIVEN")
    async with opened_client() as client:
        for each in (message, unknown):
            body = json.dumps(each).replace('"GIVEN"', given).encode()
            answer = await post(client, body, headers_of(version, each))
            assert answer.json()["id"] == returned
            assert type(answer.json()["id"]) is type(returned)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"nonsense", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping"} x', -32700),
        (b'{"jsonrpc": "2.0", "id": NaN, "method": "ping"}', -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": Infinity}}', -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}', -32700),
        ('{"jsonrpc": "2.0", "id": 1, "method": "ping"}'.encode("utf-16"), -32700),
        (b'{"jsonrpc": "2.0", "id": ' + b"9" * 5_000 + b', "method": "ping"}', -32700),
        (b"[" * 100_000, -32700),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', -32600),
        (b"5", -32600),
        (b"null", -32600),
        (b'"text"', -32600),
        (b"true", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "2.0"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "x"}}', -32600),
        (b'{"jsonrpc": "2.0", "method": 5}', -32600),
        (b'{"jsonrpc": "2.0", "method": "notifications/initialized", "params": []}', -32602),
    ],
)
@pytest.mark.parametrize("version", [None, *VERSIONS])
async def test_what_is_no_message_is_refused_in_a_sentence(version: str | None, body: bytes, code: int) -> None:
    async with opened_client() as client:
        answer = await post(client, body, headers_of(version))
    assert error_in(answer)[:2] == (400, code)
    assert answer.json().get("id", "none") == (None if version in NULL_IDS else "none")


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"jsonrpc": "1.0"}, -32600, "jsonrpc"),
        ({"jsonrpc": None}, -32600, "jsonrpc"),
        ({"jsonrpc": 2.0}, -32600, "jsonrpc"),
        ({"method": 5}, -32600, "method"),
        ({"method": None}, -32600, "method"),
        ({"params": []}, -32602, "params"),
        ({"params": "secret"}, -32602, "params"),
        ({"params": 0}, -32602, "params"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_the_id_is_returned_where_it_can_be_read(
    version: str, change: Mapping[str, Any], code: int, word: str
) -> None:
    message = request("tools/list", version, request_id="mine")
    async with opened_client() as client:
        answer = await post(client, {**message, **change}, headers_of(version, message))
    status, found, sentence = error_in(answer)
    assert (status, found, answer.json()["id"]) == (400, code, "mine")
    assert sentence.startswith(f"Correct {word}: ")


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_byte_order_mark_is_skipped_and_the_last_of_repeated_names_counts(version: str) -> None:
    message = request("tools/list", version)
    body = b"\xef\xbb\xbf" + json.dumps(message).encode().replace(b'"id": 1', b'"id": null, "id": 1')
    async with opened_client() as client:
        assert result_in(await post(client, body, headers_of(version, message)))["tools"]


@pytest.mark.parametrize(
    ("method", "params", "place"),
    [
        ("tools/call", {}, "params.name"),
        ("tools/call", {"name": 7}, "params.name"),
        ("tools/call", {"name": "list_contacts", "_meta": {"progressToken": ["secret"]}}, "params._meta.progressToken"),
        ("tools/list", {"cursor": {"secret": 1}}, "without cursor"),
        ("prompts/get", {"name": "find_contact", "arguments": {"secret": 5}}, "params.arguments"),
        ("resources/read", {}, "params.uri"),
        ("completion/complete", {"ref": "secret", "argument": {"name": "a", "value": "b"}}, "params.ref"),
        ("tools/list", {"_meta": "secret"}, "params._meta"),
        ("initialize", {"protocolVersion": 5, "capabilities": {}, "clientInfo": {}}, "params.clientInfo.name"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_wrong_params_are_named_by_the_protocols_own_names_and_without_a_value(
    version: str, method: str, params: dict[str, Any], place: str
) -> None:
    if version == NEWEST and (method == "initialize" or isinstance(params.get("_meta"), str)):
        return  # the first is no method of that version, the second no envelope: other tests have them
    message = request(method, version, **params)
    if version == NEWEST:
        message["params"]["_meta"] |= params.get("_meta", {})
    headers = headers_of(version, message)
    if not isinstance(params.get("name"), str):
        headers.pop("mcp-name", None)
    async with opened_client() as client:
        answer = await post(client, message, headers)
    if version == NEWEST and params.get("name") == 7:
        assert error_in(answer)[:2] == (400, -32020)  # no header can be equal to it
        return
    status, code, sentence = error_in(answer)
    assert (status, code) == (400 if version == NEWEST else 200, -32602)
    assert place in sentence
    assert "secret" not in answer.text


@pytest.mark.parametrize("version", VERSIONS)
async def test_lone_surrogates_deep_arguments_and_unknown_names_get_an_answer(version: str) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    async with opened_client() as client:
        for arguments in ({"contact_id": "\ud800"}, {"contact_id": deep}, {"\udfff": 1}, {"contact_id": "x" * 100_000}):
            message = request("tools/call", version, name="get_contact", arguments=arguments)
            answer = await post(client, message, headers_of(version, message))
            assert result_in(answer)["isError"]
        message = request("\ud800", version)
        answer = await post(
            client, message, headers_of(version, message, mcp_method=None if version != NEWEST else "x")
        )
        assert error_in(answer)[1] == (-32020 if version == NEWEST else -32601)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON_VALUES,
        "id": JSON_VALUES,
        "method": st.just("ping") | JSON_VALUES,
        "params": JSON_VALUES,
        "result": JSON_VALUES,
    },
)


@given(MEMBERS | JSON_VALUES)
def test_every_json_value_is_a_message_or_has_a_sentence(value: Any) -> None:
    found = read_message(json.dumps(value).encode())
    if isinstance(found, Message):
        assert value["jsonrpc"] == "2.0"
        assert (found.method, found.params or None) == (value["method"], value.get("params") or None)
        assert found.request_id == value.get("id")
    else:
        assert isinstance(found, InvalidMessage)
        assert 0 < len(found.sentence) <= 200


@given(st.binary(max_size=200))
def test_any_bytes_are_read(body: bytes) -> None:
    assert read_message(body)
