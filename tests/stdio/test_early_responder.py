"""Early answers on pipes: a client receives the same with and without them."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage

from e2e.lines import MODERN, initialize, request
from snapshots import ADVERTISED
from telecmi_mcp import Settings, create_server, open_app
from telecmi_mcp._config.variables import values_of
from telecmi_mcp._server.sessions import serve_session
from telecmi_mcp._stdio.early_answers import EarlyAnswers, early_answers
from telecmi_mcp._stdio.early_responder import (
    NO_EARLY_SESSION,
    EarlyResponder,
    EarlySession,
    answer_while,
    can_answer_early,
)
from telecmi_mcp._stdio.transport import stdio_streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its event loop does not wait for pipes")


@pytest.fixture(scope="module", autouse=True)
def _no_grace_limit() -> Iterator[None]:
    """On a busy machine too, the end of the input loses no answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("telecmi_mcp._stdio.transport.GRACE_S", 30)
        yield


def lines(*messages: Any) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


HELLO, DONE = initialize()
LIST, PING, UNKNOWN = request(1, "tools/list"), request(2, "ping"), request(3, "no/such/method")
SESSION = lines(HELLO, DONE, LIST, PING, UNKNOWN)
STATELESS = lines(request(0, "server/discover", **MODERN), request(1, "tools/list", **MODERN), HELLO)


def prepared() -> EarlyAnswers:
    answers = early_answers(values_of({}))
    assert answers is not None
    return answers


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose ends the test may close."""
    reads, writes = os.pipe()
    with ExitStack() as ends:
        for fd in (reads, writes):
            ends.callback(_close, fd)
        yield reads, writes


def _close(fd: int) -> None:
    with suppress(OSError):  # closed already
        os.close(fd)


def heard(fd: int) -> list[bytes]:
    """The lines that wait in a pipe."""
    os.set_blocking(fd, False)
    data = b""
    try:
        while piece := os.read(fd, 1 << 20):
            data += piece
    except BlockingIOError:
        pass
    return data.splitlines(keepends=True)


def values(lines: list[bytes]) -> list[str]:
    """The JSON values of lines, as text, whatever the order of their names."""
    return [json.dumps(json.loads(line), sort_keys=True) for line in lines]


def begin(data: bytes, stdout: int, answers: EarlyAnswers | None = None) -> EarlySession:
    """Answer the data early, up to its end or to the first unknown message."""
    with pipe() as (stdin, requests), pipe() as (never, _):
        os.write(requests, data)
        os.close(requests)
        return EarlyResponder((stdin, stdout), answers or prepared()).run(until=never)


async def serve(data: bytes, stdout: int, session: EarlySession = NO_EARLY_SESSION) -> None:
    """Serve what is left of a session."""
    server = create_server(lambda: open_app(Settings()))
    with anyio.fail_after(30), pipe() as (stdin, requests):
        os.write(requests, data)
        os.close(requests)
        async with stdio_streams((stdin, stdout), SessionMessage, session) as (read_stream, write_stream):
            await serve_session(server, read_stream, write_stream)


def answers_to(data: bytes, *, early_bytes: int | None = None) -> list[str]:
    """The JSON values of all answers to the data; the server takes over after so many bytes of it."""
    with pipe() as (answers, stdout):
        session = NO_EARLY_SESSION if early_bytes is None else begin(data[:early_bytes], stdout)
        rest = data[early_bytes or 0 :]
        anyio.run(serve, rest, stdout, session._replace(ended=False) if rest else session)
        return values(heard(answers))


def test_a_session_is_answered_early_as_far_as_it_is_known_and_then_handed_over() -> None:
    with pipe() as (answers, stdout):
        session = begin(SESSION, stdout)
        assert heard(answers) == list(session.answers.values())
    assert list(session.answers) == ["0", "1", "2"]
    assert b"".join(each + b"\n" for each in session.lines) + session.unread == SESSION
    assert (session.unread, session.unsent, session.ended) == (lines(UNKNOWN), b"", False)


@pytest.mark.parametrize("data", [SESSION, STATELESS])
def test_the_server_answers_nothing_twice_and_has_read_everything(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert answers_to(data, early_bytes=len(data)) == answers_to(data)
    assert caplog.records == [], "the order of names is no contradiction"


@pytest.mark.slow
@pytest.mark.parametrize("data", [SESSION, STATELESS])
def test_the_input_may_end_and_the_server_may_take_over_at_any_byte(data: bytes) -> None:
    without = answers_to(data)
    for number in range(len(data)):
        assert answers_to(data, early_bytes=number) == without
        agree_on(data[:number])


def agree_on(data: bytes, number: int = 1 << 20) -> None:
    """The answers are the same; the order of those that do not wait for one another is not promised."""
    assert sorted(answers_to(data, early_bytes=min(number, len(data)))) == sorted(answers_to(data))


CANCEL = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}


@pytest.mark.parametrize(
    "more",
    [
        [CANCEL, PING],
        [LIST],
        [{**PING, "id": 1}, PING],
        [{**PING, "id": "1"}],
        [request(5, "tools/list", **MODERN)],
        [HELLO],
        [[PING]],
        [{**PING, "id": None}],
        [{**PING, "jsonrpc": "1.0"}, UNKNOWN],
    ],
    ids=range(9),
)
def test_later_messages_are_answered_as_without_early_answers(more: list[Any]) -> None:
    agree_on(lines(HELLO, DONE, LIST) + lines(*more))


@pytest.mark.parametrize("jsonrpc", [{"jsonrpc": "1.0"}, {"jsonrpc": "2"}, {"jsonrpc": ""}, {"jsonrpc": None}, {}])
@pytest.mark.parametrize("message", [HELLO, request(0, "server/discover", **MODERN), PING, DONE])
def test_a_first_line_of_another_json_rpc_is_refused_once_and_the_session_goes_on(
    jsonrpc: dict[str, Any], message: dict[str, Any]
) -> None:
    first = {**{name: value for name, value in message.items() if name != "jsonrpc"}, **jsonrpc}
    data = lines(first, {**HELLO, "id": 7}, DONE, LIST)
    answers = [json.loads(each) for each in answers_to(data, early_bytes=len(data))]
    assert [each["error"]["code"] for each in answers if "error" in each] == [-32600]
    assert sorted(str(each.get("id")) for each in answers if "result" in each) == ["1", "7"]
    agree_on(data)


def test_an_early_answer_to_a_line_that_the_server_refuses_is_the_only_one(caplog: pytest.LogCaptureFixture) -> None:
    refused = EarlySession(lines=(b'{"jsonrpc":"1.0","id":1}',), answers={"1": b"{}"}, unread=lines(HELLO))
    with pytest.MonkeyPatch.context() as patch, pipe() as (answers, stdout):
        patch.setattr("telecmi_mcp._stdio.transport._REPLAY_TIMEOUT_S", 0)
        anyio.run(serve, lines(DONE, PING), stdout, refused)
        assert [json.loads(each)["id"] for each in heard(answers)] == [0, 2]
    assert "TELECMI_EARLY_ANSWERS=off" in caplog.text


IDS = st.one_of(st.integers(0, 4), st.sampled_from(["0", "x", -7, True, None, 1.5, "é", 2**70]))
VERSIONS = st.sampled_from(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1"])
CAPABILITIES: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["roots", "sampling", "elicitation", "experimental", "extensions", "tasks", "tools"]),
    st.sampled_from([{}, {"listChanged": True}, {"form": {}}, {"x": {"y": 1}}, {"x": 1}, True, None, []]),
    max_size=2,
)
INFO = st.sampled_from([{"name": "n", "version": "1"}, {"name": "n"}, {"name": "n", "version": "1", "icons": []}, None])
HELLOS = st.fixed_dictionaries(
    {"protocolVersion": VERSIONS, "capabilities": CAPABILITIES, "clientInfo": INFO}, optional={"more": st.none()}
)
ENVELOPES = st.fixed_dictionaries(
    {"io.modelcontextprotocol/protocolVersion": VERSIONS, "io.modelcontextprotocol/clientCapabilities": CAPABILITIES},
    optional={"io.modelcontextprotocol/clientInfo": INFO, "progressToken": IDS, "x": st.none()},
)
PARAMS: st.SearchStrategy[Any] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"_meta": ENVELOPES}),
    st.sampled_from([None, [], {"_meta": {}}, {"_meta": {"progressToken": 1}}, {"cursor": "c"}, {"cursor": None}]),
)
METHODS = st.sampled_from(["tools/list", "tools/list", "ping", "server/discover", "no/such/method", "initialize"])
MESSAGES = st.one_of(
    st.builds(lambda i, p: {"jsonrpc": "2.0", "id": i, "method": "initialize", "params": p}, IDS, HELLOS),
    st.builds(lambda i, m, p: {"jsonrpc": "2.0", "id": i, "method": m, "params": p}, IDS, METHODS, PARAMS),
    st.builds(lambda i, m: {"jsonrpc": "2.0", "id": i, "method": m}, IDS, METHODS),
    st.sampled_from(
        [DONE, {**DONE, "id": 9}, {**DONE, "params": {}}, [LIST], {"jsonrpc": "2.0", "id": 1, "result": {}}]
    ),
)
MEMBERS = st.sampled_from(
    [{}, {}, {}, {"jsonrpc": "1.0"}, {"jsonrpc": "2"}, {"jsonrpc": ""}, {"jsonrpc": None}, {"x": 1}]
)
WITHOUT = st.sampled_from(["", "", "", "jsonrpc", "id", "method", "params"])


def altered(message: Any, members: dict[str, Any], left_out: str) -> Any:
    """A message with other members and without one of them, unless it is a batch."""
    if isinstance(message, list):
        return message
    return {name: value for name, value in {**message, **members}.items() if name != left_out}


REQUESTS = st.builds(altered, MESSAGES, MEMBERS, WITHOUT)
OPENINGS = st.sampled_from([[HELLO], [HELLO, DONE], [HELLO, DONE, LIST], [request(0, "tools/list", **MODERN)], []])
ENDS = st.sampled_from([b"\n", b"\r\n", b" \n", b"\n\n", b"}\n"])
TALKS = st.builds(
    lambda mark, opening, rest, ends: b"".join(
        mark + json.dumps(message).encode() + end for message, end in zip([*opening, *rest], ends, strict=False)
    ),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
    OPENINGS,
    st.lists(REQUESTS, max_size=5),
    st.lists(ENDS, min_size=8, max_size=8),
)


@given(TALKS, st.integers(0, 2000))
@example(SESSION, 2000)
def test_early_answers_change_no_answer(data: bytes, number: int) -> None:
    agree_on(data, number)


@pytest.mark.slow
@given(TALKS, st.integers(0, 2000))
@settings(max_examples=1500)
def test_early_answers_change_no_answer_of_many_sessions(data: bytes, number: int) -> None:
    agree_on(data, number)


def full(fd: int) -> int:
    """Fill a pipe, and return how many bytes that took."""
    os.set_blocking(fd, False)
    size = 0
    try:
        while True:
            size += os.write(fd, b"\n" * 512)
    except BlockingIOError:
        return size


def test_a_client_that_does_not_read_gets_the_rest_from_the_server() -> None:
    with pipe() as (answers, stdout):
        full(stdout)
        session = begin(SESSION, stdout)
        assert session.unsent == session.answers["0"]
        assert session.unread == SESSION.split(b"\n", 1)[1]
        assert {*heard(answers)} == {b"\n"}
        anyio.run(serve, b"", stdout, session)
        assert values(heard(answers)) == answers_to(SESSION)


def test_the_rest_of_an_early_answer_is_written_by_the_server() -> None:
    with pipe() as (answers, stdout):
        session = begin(SESSION, stdout)
        whole = b"".join(session.answers.values())
        assert b"".join(heard(answers)) == whole
        anyio.run(serve, b"", stdout, session._replace(unsent=whole[-7:]))
        assert b"".join(heard(answers)).startswith(whole[-7:] + b'{"jsonrpc":"2.0","id":3,"error"')


def test_a_client_that_has_left_ends_the_session_without_an_error() -> None:
    with pipe() as (answers, stdout):
        os.close(answers)
        session = begin(SESSION, stdout)
        assert session.unsent
        anyio.run(serve, b"", stdout, session)


def test_an_answer_that_the_server_would_not_give_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    advertised = json.loads(ADVERTISED.read_text(encoding="utf8"))
    changed = EarlyAnswers({**advertised, "instructions": "changed", "tools": []})
    with pipe() as (_, stdout):
        anyio.run(serve, b"", stdout, begin(SESSION, stdout, changed))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "TELECMI_EARLY_ANSWERS=off" in caplog.text


def test_an_exception_of_the_import_is_raised() -> None:
    with pipe() as (stdin, _), pipe() as (_, stdout), pytest.raises(ImportError, match="nothing there"):
        answer_while(_fail, (stdin, stdout), prepared())


def _fail() -> None:
    raise ImportError("nothing there")


def test_early_answers_end_when_the_server_is_loaded_without_a_message() -> None:
    with pipe() as (stdin, _), pipe() as (_, stdout):
        assert answer_while(lambda: None, (stdin, stdout), prepared()) == NO_EARLY_SESSION


def test_only_pipes_and_sockets_that_stderr_does_not_share_get_early_answers(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with pipe() as (stdin, stdout), (tmp_path / "file").open("wb") as file, ours, theirs:
        assert can_answer_early((stdin, stdout))
        assert can_answer_early((theirs.fileno(), theirs.fileno()))
        assert not can_answer_early((file.fileno(), stdout))
        assert not can_answer_early((stdin, file.fileno()))
        kept = os.dup(2)
        try:
            os.dup2(stdout, 2)
            assert not can_answer_early((stdin, stdout))
        finally:
            os.dup2(kept, 2)
            os.close(kept)
