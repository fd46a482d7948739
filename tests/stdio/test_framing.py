"""Lines and messages of the stdio transport; the whole of it is tried in e2e/ with real processes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import JSONRPCError, JSONRPCRequest, JSONRPCResponse

from telecmi_mcp._stdio.framing import InvalidLine, LineSplitter, TooLong, read_message, write_error, write_message


@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), min_size=1), st.integers(1, 9))
def test_lines_are_the_same_however_the_bytes_arrive(lines: list[bytes], size: int) -> None:
    stream = b"\n".join(lines)
    splitter = LineSplitter()
    found = [line for start in range(0, len(stream), size) for line in splitter.feed(stream[start : start + size])]
    assert [*found, splitter.finish()] == lines


@given(st.integers(0, 3000), st.integers(1, 900))
def test_a_line_is_too_long_exactly_above_the_limit(length: int, size: int) -> None:
    splitter = LineSplitter(limit=1500)
    line = bytes(65 + place % 26 for place in range(length))
    found = [got for start in range(0, length, size) for got in splitter.feed(line[start : start + size])]
    found += [*splitter.feed(b"\nnext"), splitter.finish()]
    assert found == [TooLong(line[:512], line[-512:]) if length > 1500 else line, b"next"]


PADDING = "x" * 1_100_000


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        ('{"jsonrpc":"2.0","id":7,"method":"m","params":{"a":"' + PADDING + '"}}', 7),
        ('{ "jsonrpc": "2.0", "id": "seven", "method":"m","params":{"a":"' + PADDING + '"}}', "seven"),
        ('{"method":"m","params":{"id":1,"a":"' + PADDING + '"},"jsonrpc":"2.0","id":8}', 8),
        ('{"method":"m","params":{"a":"' + PADDING + '","id":9}}', None),
        ('{"method":"m","id":9,"params":{"a":"' + PADDING + '"}}', None),
        (PADDING, None),
    ],
)
def test_a_line_that_is_too_long_is_answered_with_its_request_id(line: str, request_id: Any) -> None:
    splitter = LineSplitter()
    (too_long,) = splitter.feed(line.encode() + b"\n")
    answer = read_message(too_long)
    assert isinstance(answer, JSONRPCError)
    assert (answer.id, answer.error.code) == (request_id, -32600)


@pytest.mark.parametrize(
    ("line", "request_id", "code"),
    [
        (b"hello", None, -32700),
        (b'{"jsonrpc":"2.0","id":1', None, -32700),
        (b"\xff\xfe", None, -32700),
        (b"[" * 100_000, None, -32600),
        (b'{"jsonrpc":"2.0","id":8,"method":"m","params":{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}}", 8, -32600),
        (b'{"jsonrpc":"2.0","id":9,"method":1,"params":{"a":' + b"9" * 5_000 + b"}}", 9, -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"m"}'.encode("utf-16"), None, -32700),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 5_000 + b',"method":"m"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":1.75,"method":"m","params":{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}}", None, -32600),
        (b'{"jsonrpc":"2.0","id":12e5,"method":"m","params":{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}}", None, -32600),
        (b'{"jsonrpc":"2.0","id":8,"error":{"code":1}}', None, -32600),
        (b'{"jsonrpc":"2.0","id":8,"result":5}', None, -32600),
        (b"[]", None, -32600),
        (b"1", None, -32600),
        (b'{"jsonrpc":"2.0","id":1}', 1, -32600),
        (b'{"jsonrpc":"1.0","id":"a","method":"m"}', "a", -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"m"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":1e400,"method":"m"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"m"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"m"}', None, -32600),
        (b'{"jsonrpc":"2.0","\\u0069d":[1],"method":"m"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":4.0,"method":1}', 4, -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, -32600),
        (b'{"jsonrpc":"2.0","id":"\\ud800","method":1}', None, -32600),
        (b'{"jsonrpc":"2.0","id":3,"method":"m","params":{"a":"\\ud800"}}', 3, -32600),
        (b'{"jsonrpc":"2.0","id":4,"method":"m","params":[]}', 4, -32602),
        (b'{"jsonrpc":"2.0","id":"a","method":"m","params":"x"}', "a", -32602),
        (b'{"jsonrpc":"2.0","id":4,"params":[]}', 4, -32600),
        (b'{"jsonrpc":"1.0","id":4,"method":"m","params":[]}', 4, -32600),
    ],
)
def test_a_malformed_line_is_answered(line: bytes, request_id: Any, code: int) -> None:
    answer = read_message(line)
    assert isinstance(answer, InvalidLine)
    assert (answer.id, answer.error.code) == (request_id, code)
    assert json.loads(write_error(answer, "2025-06-18"))["id"] == request_id


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18"])
def test_the_older_revisions_get_null_for_an_unknown_id_as_in_json_rpc(version: str) -> None:
    assert b'"id":null' in write_error(no_message(b"no JSON"), version)


@pytest.mark.parametrize("version", ["", "2025-11-25", "2026-07-28"])
def test_the_later_revisions_get_no_id_where_it_is_unknown(version: str) -> None:
    assert b'"id"' not in write_error(no_message(b"no JSON"), version)
    assert b'"id":5' in write_error(no_message(b'{"id":5}'), version)


def no_message(line: bytes) -> InvalidLine:
    answer = read_message(line)
    assert isinstance(answer, InvalidLine)
    return answer


def test_a_whole_number_is_an_integer_as_an_id_too() -> None:
    assert read_message(b'{"jsonrpc":"2.0","id":7.0,"method":"m"}') == JSONRPCRequest(jsonrpc="2.0", id=7, method="m")


def test_a_message_is_read() -> None:
    assert read_message(b'{"jsonrpc":"2.0","id":1,"method":"ping"}') == JSONRPCRequest(
        jsonrpc="2.0", id=1, method="ping"
    )


@pytest.mark.parametrize("code", [-32700, -32600, -32602])
def test_an_error_of_the_client_is_no_invalid_line(code: int) -> None:
    message = read_message(b'{"jsonrpc":"2.0","id":1,"error":{"code":%d,"message":"x"}}' % code)
    assert isinstance(message, JSONRPCError)
    assert not isinstance(message, InvalidLine)


def test_a_message_is_one_line_of_utf8() -> None:
    line = write_message(JSONRPCResponse(jsonrpc="2.0", id=1, result={"name": "ज्योति\n"}))
    assert line == '{"jsonrpc":"2.0","id":1,"result":{"name":"ज्योति\\n"}}\n'.encode()


def test_a_lone_surrogate_costs_its_escape_and_never_the_process() -> None:
    line = write_message(JSONRPCResponse(jsonrpc="2.0", id=1, result={"name": "\ud800"}))
    assert json.loads(line)["result"] == {"name": "\ud800"}
    assert line.isascii()
