"""`serve --http` as a process, called by the SDK's client and by hand, in both generations of the protocol."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from httpx2 import AsyncClient, RemoteProtocolError
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from conftest import GENERATIONS
from e2e.lines import PATIENCE, environment
from team.serving import message, opened_slow_telecmi, served
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp.sandbox import SANDBOX_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIST = {"name": "list_contacts", "arguments": {}}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server over the sandbox for all tests that leave it as it is."""
    with served("--sandbox", "--rate-limit", "0") as server:
        yield server.url


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_the_tools_work_with_progress_cursors_and_tool_errors(generation: str) -> None:
    heard: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert message == "contacts read"
        heard.append((progress, total))

    with served("--sandbox") as server:
        async with Client(server.url, mode=generation) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [tool.name for tool in TOOLS]
            found = await client.call_tool("search_contacts", {"query": "priya"}, progress_callback=hear)
            assert found.structured_content is not None
            assert found.structured_content["matches"]
            first = await client.call_tool("list_contacts", {"limit": 100})
            assert first.structured_content is not None
            cursor = first.structured_content["page_state"]
            second = await client.call_tool("list_contacts", {"limit": 100, "page_state": cursor})
            assert second.structured_content is not None
            assert (len(second.structured_content["contacts"]), second.structured_content["has_more"]) == (50, False)
            refused = await client.call_tool("get_contact", {"contact_id": "nobody"})
            assert refused.is_error
        assert server.stop(signal.SIGTERM) == (0, "")
    assert heard
    assert heard == [(read, 150) for read in sorted({read for read, _ in heard})]  # it rises


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_there_is_no_tool_that_writes_files_whatever_the_environment_says(
    tmp_path: Path, generation: str
) -> None:
    with served("--sandbox", env=environment(TELECMI_EXPORT_FOLDER=str(tmp_path))) as server:
        async with Client(server.url, mode=generation) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [tool.name for tool in TOOLS]
            with pytest.raises(MCPError, match="Unknown tool"):
                await client.call_tool("export_contacts", {})
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a short call, and no method of a path in an async function


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("variables", "names", "called", "arguments"),
    [
        ({"TELECMI_TOOLS": "chatgpt"}, ["search", "fetch"], "search", {"query": "john doe acme"}),
        (
            {"TELECMI_TOOL_PREFIX": "crm_"},
            [f"crm_{tool.name}" for tool in TOOLS],
            "crm_lookup_contacts",
            {"queries": ["john doe", "priya"]},
        ),
    ],
)
async def test_the_chosen_tools_are_served_limited_and_audited_by_their_names(
    variables: dict[str, str], names: list[str], called: str, arguments: dict[str, Any], generation: str
) -> None:
    env = environment(**variables, TELECMI_AUDIT="stderr", TELECMI_CALLER_RATE_LIMIT="2")
    with served("--sandbox", env=env) as server:
        async with Client(server.url, mode=generation) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == names
            answered = await client.call_tool(called, arguments)
            assert not answered.is_error
            again = [await client.call_tool(called, arguments) for _ in range(2)]
        code, said = server.stop(signal.SIGTERM)
    assert code == 0
    calls = len(arguments.get("queries", "1"))  # the limit of the caller is two calls a minute
    assert [each.is_error for each in again] == ([True, True] if calls == 2 else [False, True])
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [line["tool"] for line in lines] == [called] * 3


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "*/*"])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_caller_who_leaves_takes_the_request_to_telecmi_along(generation: str, accept: str) -> None:
    headers, body = message(generation, "tools/call", **LIST)
    headers["accept"] = accept
    async with opened_slow_telecmi() as (telecmi, env), AsyncClient(timeout=PATIENCE) as client:
        with served(env=env) as server, anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:

                async def call() -> None:
                    await client.post(server.url, headers=headers, content=body)

                tasks.start_soon(call)
                await telecmi.asked.wait()
                tasks.cancel_scope.cancel()
            await telecmi.was_left.wait()
            assert server.stop(signal.SIGTERM) == (0, "")


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_call_in_flight_is_finished_before_the_server_leaves(generation: str) -> None:
    headers, body = message(generation, "tools/call", **LIST)
    answers: list[str] = []
    async with opened_slow_telecmi() as (telecmi, env), AsyncClient(timeout=PATIENCE) as client:
        with served(env=env) as server, anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:

                async def call() -> None:
                    answers.append((await client.post(server.url, headers=headers, content=body)).text)

                tasks.start_soon(call)
                await telecmi.asked.wait()
                server.process.send_signal(signal.SIGTERM)
                await refuses(server.url)
                assert not telecmi.was_left.is_set()
                assert server.process.poll() is None
                telecmi.may_answer.set()
            code, said = await anyio.to_thread.run_sync(server.stop)
    assert (code, said) == (0, "")
    assert '"contacts": []' in answers[0] or '"contacts":[]' in answers[0]


async def refuses(url: str) -> None:
    """Wait until nobody listens there any more."""
    host, _, port = url.removeprefix("http://").removesuffix("/mcp").partition(":")
    while True:
        try:
            stream = await anyio.connect_tcp(host, int(port))
        except OSError:
            return
        await stream.aclose()


async def test_a_second_ctrl_c_ends_it_at_once_without_a_traceback() -> None:
    headers, body = message("legacy", "tools/call", **LIST)
    async with opened_slow_telecmi() as (telecmi, env), AsyncClient(timeout=PATIENCE) as client:
        with served(env=env) as server, anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:

                async def call() -> None:
                    with pytest.raises(RemoteProtocolError):
                        await client.post(server.url, headers=headers, content=body)

                tasks.start_soon(call)
                await telecmi.asked.wait()
                server.process.send_signal(signal.SIGINT)
                await refuses(server.url)
                stopped = await anyio.to_thread.run_sync(server.stop, signal.SIGINT)
    assert stopped == (130, "")


def test_ctrl_c_with_nothing_under_way_leaves_with_130() -> None:
    with served("--sandbox") as server:
        assert server.stop(signal.SIGINT) == (130, "")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_there_is_no_stream_to_wait_for_and_no_session_to_end(url: str, generation: str, method: str) -> None:
    headers, _ = message(generation, "tools/list")
    async with AsyncClient(timeout=PATIENCE) as client:
        answer = await client.request(method, url, headers={**headers, "accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == "application/json"
    if method == "HEAD":  # which has no body (RFC 9110, section 9.3.2)
        assert answer.content == b""
        return
    error = {"code": -32600, "message": "Send messages by POST: there are no sessions here."}
    assert answer.json() == {"jsonrpc": "2.0", "error": error}


@pytest.mark.parametrize("header", [{"mcp-session-id": "foreign"}, {"last-event-id": "7"}])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_sessions_and_events_of_other_servers_are_ignored(
    url: str, generation: str, header: dict[str, str]
) -> None:
    headers, body = message(generation, "tools/call", **LIST)
    async with AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(url, headers={**headers, **header}, content=body)
        stream = await client.get(url, headers={"accept": "text/event-stream", **header})
        end = await client.delete(url, headers=header)
    assert len(answer.json()["result"]["structuredContent"]["contacts"]) > 0
    assert "mcp-session-id" not in answer.headers
    assert (stream.status_code, end.status_code) == (405, 405)


async def test_nothing_can_be_subscribed_to(url: str) -> None:
    headers, body = message("2026-07-28", "subscriptions/listen", notifications={"toolsListChanged": True})
    async with AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(url, headers=headers, content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, -32601)


@pytest.mark.parametrize("length", [1024 * 1024 + 1, 20 * 1024 * 1024])
async def test_a_long_body_is_refused_whether_its_length_is_reported_or_not(url: str, length: int) -> None:
    head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    told = await spoken(url, head + b"Content-Length: %d\r\n\r\n" % length + b" " * length)
    untold = await spoken(url, head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % length + b" " * length)
    assert told.startswith(b"HTTP/1.1 413 ")
    assert untold.startswith(b"HTTP/1.1 413 ")


async def spoken(url: str, words: bytes) -> bytes:
    """What the server answers to some bytes, until it closes the connection, which it may do before it has them all."""
    host, _, port = url.removeprefix("http://").removesuffix("/mcp").partition(":")
    answer = b""
    async with await anyio.connect_tcp(host, int(port)) as stream:
        with suppress(anyio.BrokenResourceError):
            await stream.send(words)
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError), anyio.fail_after(PATIENCE):
            while True:
                answer += await stream.receive()
    return answer


@pytest.mark.parametrize("depth", [200, 900, 5_000, 500_000])
@pytest.mark.parametrize("shape", ["[", '{"a":'])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_deep_json_is_an_error_of_the_caller(url: str, generation: str, shape: str, depth: int) -> None:
    deep = (shape * min(depth, 1024 * 1000 // len(shape) // 2)).encode() + b"1"
    closed = deep + {"[": b"]", '{"a":': b"}"}[shape] * deep.count(shape.encode())
    headers, body = message(generation, "tools/call", name="list_contacts", arguments={"limit": "DEEP"})
    async with AsyncClient(timeout=PATIENCE) as client:
        for content in (closed, body.replace(b'"DEEP"', closed)):
            answer = await client.post(url, headers=headers, content=content)
            assert answer.status_code < 500, answer.text[:200]
        fine = await client.post(url, headers=headers, content=message(generation, "tools/call", **LIST)[1])
    assert "contacts" in fine.text


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml", "multipart/form-data"])
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_what_is_not_called_json_is_not_read(url: str, generation: str, content_type: str) -> None:
    headers, body = message(generation, "tools/list")
    async with AsyncClient(timeout=PATIENCE) as client:
        answer = await client.post(url, headers={**headers, "content-type": content_type}, content=body)
    assert answer.status_code == 415
    assert answer.json()["error"]["message"] == "Send the body as application/json, in UTF-8 and uncompressed."


async def test_any_of_several_workers_answers_any_request() -> None:
    telecmi = [sys.executable, "-m", "telecmi_mcp", "sandbox", "--port", "0"]
    with served(command=telecmi) as sandbox, socket.create_server(("127.0.0.1", 0)) as listener:
        env = environment(TELECMI_BASE_URL=sandbox.url.removesuffix("/mcp"), TELECMI_TOKEN=SANDBOX_TOKEN)
        words = [sys.executable, "-m", "uvicorn", "--factory", "telecmi_mcp:create_app", "--workers", "2"]
        words += ["--fd", str(listener.fileno())]
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        with served(command=words, env=env, pass_fds=[listener.fileno()]) as server:
            pages: list[dict[str, Any]] = []
            for generation in [*GENERATIONS] * 4:
                async with Client(url, mode=generation) as client:
                    cursor = pages[-1]["page_state"] if pages else None
                    page = await client.call_tool("list_contacts", {"limit": 10, "page_state": cursor})
                assert page.structured_content is not None
                pages.append(page.structured_content)
            assert server.stop(signal.SIGTERM)[0] in {0, -signal.SIGTERM}
    assert len({contact["contact_id"] for page in pages for contact in page["contacts"]}) == 80


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--http", "0.0.0.0:8000"], "Set TELECMI_CALLERS: an address that other machines reach needs callers"),
        (
            ["--http", "example.com:80"],
            "Correct TELECMI_HTTP (--http): use HOST:PORT, the host an IP address or localhost",
        ),
        (["--http", "--allowed-host", "a b"], "Correct TELECMI_ALLOWED_HOSTS (--allowed-host)"),
        (["--http", "--allowed-host", "localhost", "--allowed-host", "mcp.example.com"], "Set TELECMI_CALLERS: "),
    ],
)
def test_what_is_not_safe_does_not_start(flags: list[str], sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "telecmi_mcp", "serve", *flags],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_taken_is_reported_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox", "--http", address],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=environment(),
        )
    assert done.returncode == 2
    assert done.stderr == (
        "telecmi-mcp: Stop the other program, or set TELECMI_HTTP (--http) to another port: another program uses this "
        "port.\n"
    )


def test_help_tells_of_the_teams_flags_and_stdio_imports_nothing_of_them() -> None:
    words = [sys.executable, "-X", "importtime", "-m", "telecmi_mcp", "serve"]
    helped = subprocess.run([*words, "--help"], capture_output=True, text=True, check=True, env=environment())
    assert "--allowed-host" in helped.stdout
    desk = subprocess.run(
        [*words, "--sandbox"], capture_output=True, text=True, check=True, env=environment(), stdin=subprocess.DEVNULL
    )
    assert "telecmi_mcp._server.factory" in desk.stderr
    for name in ("telecmi_mcp._team", "_team_server", "psycopg"):
        assert name not in desk.stderr, name
