"""`telecmi-mcp connect` as a process, in front of a real team server, in both generations of the protocol."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import TextContent
from pydantic import SecretStr
from secret_encodings import encodings_of

from conftest import GENERATIONS
from e2e.lines import MODERN, PATIENCE, call, environment, request, started
from team.serving import opened_slow_telecmi, served
from telecmi_mcp._connect.access_keys import AccessKeys
from telecmi_mcp._connect.endpoint import parse_endpoint
from telecmi_mcp._mcp.tools.registry import TOOLS

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_types import CallToolResult

KEY = "tmk_canary+singing/in=the.mine-7Qx2"
DEAD = "http://127.0.0.1:9/mcp"


def connected(url: str, generation: str, **variables: str) -> Client:
    """The SDK's client in front of the command."""
    words = ["-m", "telecmi_mcp", "connect", url]
    process = StdioServerParameters(command=sys.executable, args=words, env=environment(**variables))
    return Client(stdio_client(process), mode=generation)


def text_of(result: CallToolResult) -> str:
    (part,) = result.content
    assert isinstance(part, TextContent)
    return part.text


@pytest.mark.slow
async def test_the_sdks_client_works_through_it_in_both_generations() -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert (total, message) == (150, "contacts read")
        heard.append(progress)

    with served("--sandbox") as server, anyio.fail_after(PATIENCE):
        for generation in GENERATIONS:
            async with connected(server.url, generation) as client:
                listed = (await client.list_tools()).tools
                assert [tool.name for tool in listed] == [tool.name for tool in TOOLS]
                assert all(tool.output_schema for tool in listed)  # the server's own list
                found = await client.call_tool("search_contacts", {"query": "priya"}, progress_callback=hear)
                assert found.structured_content is not None
                assert found.structured_content["matches"]
                refused = await client.call_tool("get_contact", {"contact_id": "nobody"})
                assert refused.is_error
                assert [prompt.name for prompt in (await client.list_prompts()).prompts]
    assert heard == sorted(heard)


def test_it_starts_without_the_sdk() -> None:
    words = [sys.executable, "-X", "importtime", "-m", "telecmi_mcp", "connect", DEAD]
    done = subprocess.run(words, input=b"", capture_output=True, env=environment(), timeout=PATIENCE, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert "telecmi_mcp._connect.relay" in imported
    assert not {"mcp", "starlette", "uvicorn", "sqlite3", "telecmi_mcp._app"} & imported


@pytest.mark.slow
async def test_the_key_goes_to_its_origin_and_into_no_argument_log_or_error(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def reject(stream: Any) -> None:
        async with stream:
            seen.append(await stream.receive())
            await stream.send(b"HTTP/1.1 401 X\r\nContent-Length: %d\r\n\r\n%s" % (len(KEY), KEY.encode()))

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, reject)
        url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}/mcp"  # noqa: S610 - no database
        await AccessKeys(tmp_path / "telecmi-mcp").keep(parse_endpoint(url).origin, SecretStr(KEY), "file")
        env = environment(XDG_STATE_HOME=str(tmp_path), TELECMI_LOG_LEVEL="DEBUG")
        with anyio.fail_after(PATIENCE):
            async with started("connect", url, env=env) as client:
                await client.shake_hands()
                answer = await client.ask(call(1, "list_contacts"))
                command = await anyio.Path(f"/proc/{client.process.pid}/cmdline").read_text()
                assert await client.close() == 0
                said = f"{answer}{command}{await client.errors()}"
        tasks.cancel_scope.cancel()
    assert "the team server rejected the access key" in said
    assert b"Bearer " + KEY.encode() in seen[0]
    assert not [form for form in encodings_of(KEY) if form in said]


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_cancelled_call_ends_the_servers_request_to_telecmi(generation: str) -> None:
    meta = MODERN if generation != "legacy" else {}
    async with opened_slow_telecmi() as (telecmi, env):
        with served(env=env) as server, anyio.fail_after(PATIENCE):
            async with started("connect", server.url) as client:
                if not meta:
                    await client.shake_hands()
                await client.send(request(1, "tools/call", name="list_contacts", arguments={}, **meta))
                await telecmi.asked.wait()
                await client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
                await telecmi.was_left.wait()
                assert (await client.ask(request(2, "ping")))["result"] == {}
                assert await client.close() == 0


@pytest.mark.slow
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_it_starts_while_the_server_is_down_and_goes_on_when_it_is_back(generation: str) -> None:
    with served("--sandbox") as server:
        url = server.url
    address = url.removeprefix("http://").removesuffix("/mcp")
    with anyio.fail_after(PATIENCE):
        async with connected(url, generation) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [tool.name for tool in TOOLS]
            refused = await client.call_tool("list_contacts", {"limit": 1})
            assert refused.is_error
            assert "the team server cannot be reached" in text_of(refused)
            for _ in range(2):  # a restart as well
                words = (sys.executable, "-m", "telecmi_mcp", "serve", "--http", address)
                with served("--sandbox", command=words):
                    assert not (await client.call_tool("list_contacts", {"limit": 1})).is_error
                assert (await client.call_tool("list_contacts", {"limit": 1})).is_error


@pytest.mark.slow
async def test_a_signal_ends_it_while_a_call_is_under_way() -> None:
    async with opened_slow_telecmi() as (telecmi, env):
        with served(env=env) as server, anyio.fail_after(PATIENCE):
            async with started("connect", server.url) as client:
                await client.shake_hands()
                await client.send(call(1, "list_contacts"))
                await telecmi.asked.wait()
                assert await client.stop(signal.SIGTERM) == 128 + signal.SIGTERM
                await telecmi.was_left.wait()


@pytest.mark.slow
async def test_at_the_end_of_the_input_a_call_that_takes_longer_is_answered_as_closed() -> None:
    async with opened_slow_telecmi() as (telecmi, env):
        with served(env=env) as server, anyio.fail_after(PATIENCE):
            async with started("connect", server.url) as client:
                await client.shake_hands()
                await client.send(call(1, "list_contacts"))
                await telecmi.asked.wait()
                assert client.process.stdin is not None
                await client.process.stdin.aclose()
                assert (await client.receive())["error"]["message"] == "Connection closed"
                assert await client.wait() == 0
