"""Real processes, for what only they can show: both generations in raw lines, input's end, signals, stray prints."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from conftest import GENERATIONS
from e2e.lines import MODERN, PATIENCE, call, environment, initialize, piped, request, started
from telecmi_mcp import __version__
from telecmi_mcp._mcp.tools.registry import TOOLS
from telecmi_mcp.sandbox import SANDBOX_TOKEN

JOHN = "d3b07384-d113-4ec5-a5ae-be81d6e3c239"
HANDSHAKES = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


@pytest.mark.parametrize("mode", ["auto", *(pytest.param(mode, marks=pytest.mark.slow) for mode in GENERATIONS)])
async def test_the_sdks_client_does_the_main_job(mode: str) -> None:
    server = StdioServerParameters(command=sys.executable, args=["-m", "telecmi_mcp", "serve", "--sandbox"])
    with anyio.fail_after(PATIENCE):
        async with Client(stdio_client(server), mode=mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == [tool.name for tool in TOOLS]
            result = await client.call_tool("get_contact", {"contact_id": JOHN})
    assert result.structured_content is not None
    assert result.structured_content["first_name"] == "John"


@pytest.mark.parametrize("version", HANDSHAKES)
@pytest.mark.slow
async def test_every_handshake_version_is_spoken(version: str) -> None:
    async with started() as server:
        assert (await server.shake_hands(version))["result"]["protocolVersion"] == version
        tools = (await server.ask(request(1, "tools/list")))["result"]["tools"]
        answer = (await server.ask(call(2, "get_contact", contact_id=JOHN)))["result"]
        assert [tool["name"] for tool in tools] == [tool.name for tool in TOOLS]
        assert answer["structuredContent" if version >= "2025-06-18" else "content"]
        assert await server.close() == 0
        assert await server.errors() == ""


@pytest.mark.slow
async def test_the_stateless_generation_is_spoken() -> None:
    async with started() as server:
        found = (await server.ask(request(1, "server/discover", **MODERN)))["result"]
        assert found["supportedVersions"][0] == "2026-07-28"
        assert found["supportedVersions"][-1] == "2024-11-05"
        listed = (await server.ask(request(2, "tools/list", **MODERN)))["result"]
        assert (listed["ttlMs"], listed["cacheScope"]) == (3_600_000, "public")
        answer = (await server.ask({**call(3, "list_contacts"), "params": {"name": "list_contacts", **MODERN}}))[
            "result"
        ]
        assert answer["resultType"] == "complete"
        assert len(answer["structuredContent"]["contacts"]) == 10
        assert await server.close() == 0


@pytest.mark.slow
async def test_flags_and_variables_set_the_output_format() -> None:
    variables = environment(TELECMI_TEXT="json", TELECMI_STRUCTURED="off")
    async with started("serve", "--sandbox", "--text", "table", env=variables) as server:
        await server.shake_hands()
        tools = (await server.ask(request(1, "tools/list")))["result"]["tools"]
        assert ["outputSchema" in tool for tool in tools] == [False] * len(TOOLS)
        result = (await server.ask(call(2, "list_contacts", limit=2)))["result"]
    assert result.keys() == {"content", "isError"}
    facts, head, *rows = result["content"][0]["text"].split("\n")
    assert facts.startswith("count=150 has_more=true page_state=")
    assert head.split("\t")[:2] == ["contact_id", "phone_no"]
    assert len(rows) == 2


@pytest.mark.slow
async def test_without_a_subcommand_it_serves() -> None:
    hello = json.dumps(initialize()[0]).encode() + b"\n"
    done = subprocess.run(  # noqa: ASYNC221 - a short command of ours
        [sys.executable, "-m", "telecmi_mcp"],
        input=hello,
        capture_output=True,
        env=environment(),
        check=True,
        timeout=PATIENCE,
    )
    assert json.loads(done.stdout)["result"]["serverInfo"]["version"] == __version__


@pytest.mark.slow
@pytest.mark.parametrize("how_many", [1, 20, 200])
async def test_input_that_is_piped_and_closed_at_once_loses_no_answer(how_many: int) -> None:
    messages = [*initialize(), *(call(number, "list_contacts", limit=3) for number in range(1, how_many + 1))]
    code, answers, _ = await piped(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
    assert code == 0
    assert {answer["id"] for answer in answers} == set(range(how_many + 1))
    assert all("result" in answer for answer in answers)


@pytest.mark.slow
async def test_a_last_line_without_its_end_is_a_line() -> None:
    code, answers, _ = await piped(json.dumps(initialize()[0]).encode())
    assert (code, answers[0]["id"]) == (0, 0)


@pytest.mark.slow
async def test_input_from_a_file_works_like_a_pipe(tmp_path: Any) -> None:
    messages = [*initialize(), call(1, "get_contact", contact_id=JOHN)]
    script, answers = tmp_path / "in", tmp_path / "out"
    script.write_text("".join(json.dumps(message) + "\n" for message in messages))
    with script.open() as stdin, answers.open("w") as stdout:
        process = await anyio.open_process(
            [sys.executable, "-m", "telecmi_mcp", "serve", "--sandbox"],
            stdin=stdin,
            stdout=stdout,
            env=environment(),
        )
        with anyio.fail_after(PATIENCE):
            assert await process.wait() == 0
    assert [json.loads(line)["id"] for line in answers.read_text().splitlines()] == [0, 1]


async def silent_telecmi(listener: socket.socket) -> None:
    """Take connections and never answer."""
    with ExitStack() as connections:
        while True:
            await anyio.wait_readable(listener)
            connections.enter_context(listener.accept()[0])


@pytest.mark.parametrize("ending", ["close", signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
async def test_the_process_leaves_while_a_call_is_in_flight(ending: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            anyio.create_task_group() as telecmi,
            started("serve", env=environment(TELECMI_BASE_URL=url, TELECMI_TOKEN="t")) as server,
        ):
            await server.shake_hands()
            await server.send(call(1, "list_contacts"))
            with anyio.fail_after(PATIENCE):
                await anyio.wait_readable(listener)  # the call has reached TeleCMI
            telecmi.start_soon(silent_telecmi, listener)
            if ending == "close":
                assert await server.close() == 0
                assert (await server.receive())["error"]["message"] == "Connection closed"
            else:
                assert await server.stop(ending) == 128 + ending
            assert "Traceback" not in await server.errors()
            telecmi.cancel_scope.cancel()


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT])
async def test_a_signal_while_idle_ends_the_process_at_once(number: signal.Signals) -> None:
    async with started() as server:
        await server.shake_hands()
        assert await server.stop(number) == 128 + number
        assert await server.errors() == ""


STRAY = """
import os, subprocess, sys
import telecmi_mcp._mcp.tools.get_contact as get_contact

def noisy(contact):
    print("a stray print")
    os.write(1, b"a stray write\\n")
    subprocess.run([sys.executable, "-c", "print('a stray child')"])
    assert sys.stdin.read() == ""
    return {name: value for name, value in contact._asdict().items() if value is not None}

get_contact.contact_data = noisy
from telecmi_mcp._cli import main
sys.exit(main(["serve", "--sandbox"]))
"""


async def test_stdout_carries_protocol_only_whatever_else_prints() -> None:
    async with started("-c", STRAY, command=[sys.executable]) as server:
        await server.shake_hands()
        assert (await server.ask(call(1, "get_contact", contact_id=JOHN)))["result"]["structuredContent"]
        assert await server.close() == 0
        assert {"a stray print", "a stray write", "a stray child"} <= set((await server.errors()).splitlines())


SURROGATE = """
import sys
import telecmi_mcp._api.protocol as wire
wire.clean = lambda text, *, limit: text + "\\ud800\\0"
from telecmi_mcp._cli import main
sys.exit(main(["serve", "--sandbox"]))
"""


@pytest.mark.slow
async def test_a_lone_surrogate_that_got_past_everything_does_not_kill_the_process() -> None:
    async with started("-c", SURROGATE, command=[sys.executable]) as server:
        await server.shake_hands()
        await server.ask(call(1, "list_contacts"))
        assert (await server.ask(request(2, "ping")))["result"] == {}


async def test_malformed_lines_and_a_line_of_20_mb_are_answered_and_survived() -> None:
    async with started() as server:
        await server.shake_hands()
        await server.send(
            b"hello\n",
            b"\xff\n",
            b"\n",
            b'{"jsonrpc":"2.0","id":5,"method":"tools/call","params":"' + b"x" * 20_000_000 + b'"}\n',
        )
        answers = [await server.receive() for _ in range(3)]
        assert [(answer.get("id"), answer["error"]["code"]) for answer in answers] == [
            (None, -32700),
            (None, -32700),
            (5, -32600),
        ]
        assert (await server.ask(request(2, "ping")))["result"] == {}


async def test_a_bad_setting_is_one_line_and_exit_code_2() -> None:
    code, answers, errors = await piped(b"", "serve", env=environment(TELECMI_TIMEOUT="hunter2"))
    assert (code, answers) == (2, [])
    assert (
        errors == "telecmi-mcp: Correct TELECMI_TIMEOUT (--timeout): use a number of seconds above 0 and at most 600.\n"
    )


@pytest.mark.slow
async def test_the_token_shows_neither_in_the_process_list_nor_in_any_log() -> None:
    env = environment(TELECMI_LOG_LEVEL="DEBUG", TELECMI_TOKEN=SANDBOX_TOKEN, PYTHONDEVMODE="1")
    async with started(env=env) as server:
        await server.shake_hands()
        await server.ask(call(1, "list_contacts"))
        if os.path.exists("/proc"):  # noqa: ASYNC240, PTH110 - a look at this machine
            with open(f"/proc/{server.process.pid}/cmdline", encoding="utf8") as cmdline:  # noqa: ASYNC230, PTH123
                assert SANDBOX_TOKEN not in cmdline.read()
        assert await server.close() == 0
        logged = await server.errors()
    assert "telecmi_mcp" in logged or "asyncio" in logged
    assert SANDBOX_TOKEN not in logged
