"""Answers as event streams, callers who hang up, and defects: the endpoint alone, with a server of a few handlers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.server import Server
from mcp_types import CallToolResult, ListToolsResult, TextContent

from e2e.lines import PATIENCE
from team.http.asking import EVENTS, JSON, LEGACY, NEWEST, headers_of, request
from telecmi_mcp._server.error_mapping import INTERNAL
from telecmi_mcp._team.http import event_stream
from telecmi_mcp._team.http.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server import ServerRequestContext

PATIENT_FOR_S = 0.04
VERSIONS = [LEGACY, NEWEST]
BOTH = f"{JSON}, {EVENTS}"
DONE = CallToolResult(content=[TextContent(type="text", text="done")])
PING = b": ping\r\n\r\n"


class Exchange:
    """One POST request: what it is answered, and when the caller hangs up."""

    def __init__(self, version: str, method: str = "tools/call", *, accept: str = BOTH, token: object = None) -> None:
        message = request(method, version, **({"name": "wait"} if method == "tools/call" else {}))
        if token is not None:
            message["params"].setdefault("_meta", {})["progressToken"] = token
        headers = headers_of(version, message, accept=accept)
        self._body: bytes | None = json.dumps(message).encode()
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": "/mcp",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self.hangs_up = anyio.Event()
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def head(self) -> tuple[int, str]:
        return self.sent[0]["status"], dict(self.sent[0]["headers"])[b"content-type"].decode()

    @property
    def pieces(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the pieces hold, without the pings."""
        assert not self.sent[-1].get("more_body", False)
        datas = [piece.removeprefix(b"event: message\r\ndata: ") for piece in self.pieces if piece != PING]
        return [json.loads(data) for data in datas]


async def answered(exchange: Exchange, handle: Callable[[ServerRequestContext[Any, Any]], Awaitable[None]]) -> None:
    """Answer a request by a server whose tool does this."""

    async def call(ctx: ServerRequestContext[Any, Any], _: object) -> CallToolResult:
        await handle(ctx)
        return DONE

    async def list_tools(ctx: ServerRequestContext[Any, Any], _: object) -> ListToolsResult:
        await handle(ctx)
        return ListToolsResult(tools=[])

    endpoint = Endpoint(Server("few", on_call_tool=call, on_list_tools=list_tools))
    async with endpoint.running():
        await endpoint(exchange.scope, exchange.receive, exchange.send)


async def do_nothing(_: object) -> None:
    """Let the answer be the first thing that is said."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("token", ["mine", 7, 0, "\ud800"])
async def test_progress_comes_before_the_answer_and_the_head_with_the_first_of_it(version: str, token: object) -> None:
    exchange = Exchange(version, token=token)

    async def report_twice(ctx: ServerRequestContext[Any, Any]) -> None:
        assert exchange.sent == []
        await ctx.session.report_progress(1, 2, "read")
        assert len(exchange.sent) == 2
        await ctx.session.report_progress(2)

    await answered(exchange, report_twice)
    first, second, answer = exchange.messages
    assert exchange.head == (200, EVENTS)
    assert dict(exchange.sent[0]["headers"])[b"x-accel-buffering"] == b"no"
    assert first["params"] == {"progressToken": token, "progress": 1, "total": 2, "message": "read"}
    assert second["params"] == {"progressToken": token, "progress": 2}
    assert {first["method"], second["method"]} == {"notifications/progress"}
    assert answer["result"]["content"][0]["text"] == "done"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("accept", "token", "media_type"), [(BOTH, None, JSON), (BOTH, 1, JSON), (JSON, 1, JSON), (EVENTS, None, EVENTS)]
)
async def test_an_answer_that_nothing_precedes_is_json_where_it_may_be(
    version: str, accept: str, token: object, media_type: str
) -> None:
    exchange = Exchange(version, accept=accept, token=token)
    await answered(exchange, do_nothing)
    assert exchange.head == (200, media_type)
    assert [message["id"] for message in exchange.messages] == [1]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("accept", "token"), [(BOTH, None), (JSON, 1), (BOTH, True), (BOTH, 1.5)])
async def test_progress_that_cannot_be_sent_is_left_out(version: str, accept: str, token: object) -> None:
    exchange = Exchange(version, accept=accept, token=token)

    async def report(ctx: ServerRequestContext[Any, Any]) -> None:
        await ctx.session.report_progress(1, 2)

    await answered(exchange, report)
    assert exchange.head[1] == JSON
    assert len(exchange.messages) == 1


@pytest.mark.own_time
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("accept", "token"), [(BOTH, 1), (EVENTS, None)])
async def test_a_silent_stream_is_kept_open_by_comments(
    version: str, accept: str, token: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PING_INTERVAL_S", PATIENT_FOR_S)
    exchange = Exchange(version, accept=accept, token=token)

    async def wait(_: object) -> None:
        await anyio.sleep(PATIENT_FOR_S * 2.5)

    await answered(exchange, wait)
    assert exchange.head == (200, EVENTS)
    assert exchange.pieces[:-1] == [PING, PING]
    assert [message["id"] for message in exchange.messages] == [1]


@pytest.mark.parametrize(("version", "status", "media_type"), [(LEGACY, 200, EVENTS), (NEWEST, 404, JSON)])
async def test_an_error_with_a_status_of_its_own_is_no_stream(version: str, status: int, media_type: str) -> None:
    exchange = Exchange(version, "prompts/list", accept=EVENTS)
    await answered(exchange, do_nothing)
    assert exchange.head == (status, media_type)
    assert exchange.messages[0]["error"]["code"] == -32601


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("token", [None, 1])
@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_caller_who_hangs_up_cancels_the_call(version: str, token: object, *, is_begun: bool) -> None:
    exchange = Exchange(version, token=token)
    was_cancelled = anyio.Event()

    async def wait(ctx: ServerRequestContext[Any, Any]) -> None:
        if is_begun:
            await ctx.session.report_progress(1)
        exchange.hangs_up.set()
        try:
            await anyio.sleep_forever()
        finally:
            was_cancelled.set()

    with anyio.fail_after(PATIENCE):
        await answered(exchange, wait)
    assert was_cancelled.is_set()
    assert len(exchange.sent) == (2 if is_begun and token else 0)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["tools/call", "tools/list"])
async def test_a_defect_is_answered_without_its_words(
    version: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = Exchange(version, method)

    async def fail(_: object) -> None:
        raise RuntimeError("secret")

    await answered(exchange, fail)
    assert exchange.head == (200, JSON)
    assert exchange.messages[0]["error"] == {"code": -32603, "message": INTERNAL}
    assert "secret" not in caplog.text
    assert "RuntimeError" in caplog.text


async def test_before_the_start_and_after_the_end_callers_are_asked_to_come_again() -> None:
    endpoint = Endpoint(Server("none"))
    for _ in range(2):
        exchange = Exchange(LEGACY)
        await endpoint(exchange.scope, exchange.receive, exchange.send)
        assert exchange.head == (503, JSON)
        assert exchange.messages[0]["id"] == 1
        async with endpoint.running():
            pass
