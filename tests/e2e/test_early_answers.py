"""Early answers of a real process, in which a barrier delays the import of the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from e2e.lines import PATIENCE, Lines, environment, initialize, request
from snapshots import ADVERTISED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from anyio.abc import Process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its event loop does not wait for pipes")

# The server is imported once the test writes to the pipe that the first argument names.
BARRIER = """
import json, os, subprocess, sys
before = set(sys.modules)
import telecmi_mcp._cli as cli
import telecmi_mcp._cli.server.serve as serve

def wait():
    with open(sys.argv[1]) as barrier:
        exec(barrier.read())
    load()

load, serve._import_server = serve._import_server, wait
sys.exit(cli.main(["serve"]))
"""
STRAY = """
print("a stray print", flush=True)
os.write(1, b"a stray write\\n")
subprocess.run([sys.executable, "-c", "print('a stray child')"])
assert sys.stdin.read() == ""
"""
BROKEN = "raise ImportError('this installation is broken')"
MODULES = "print(json.dumps(sorted({*sys.modules} - before)), file=sys.stderr, flush=True); os._exit(7)"

AT_THE_END = """
def leave_with_modules(code, leave=os._exit):
    print(json.dumps([*sys.modules]), file=sys.stderr, flush=True)
    leave(code)

os._exit = leave_with_modules
"""


class Delayed(Lines):
    """A server whose import waits."""

    def __init__(self, process: Process, barrier: Path) -> None:
        super().__init__(process)
        self._barrier = barrier

    async def load(self, code: str = "pass") -> None:
        """Run code in the thread that imports, and then let it import."""
        with anyio.fail_after(PATIENCE):
            await anyio.to_thread.run_sync(self._barrier.write_text, code)

    async def list_tools(self) -> Any:
        """Shake hands and list the tools, which only early answers can do now."""
        await self.shake_hands()
        return (await self.ask(request(1, "tools/list")))["result"]


@asynccontextmanager
async def delayed(tmp_path: Path, *, stdin: int = PIPE, stdout: int = PIPE, **variables: str) -> AsyncIterator[Delayed]:
    barrier = tmp_path / "barrier"
    os.mkfifo(barrier)
    words = [sys.executable, "-c", BARRIER, str(barrier)]
    process = await anyio.open_process(words, stdin=stdin, stdout=stdout, stderr=PIPE, env=environment(**variables))
    async with process:
        try:
            yield Delayed(process, barrier)
        finally:
            if process.returncode is None:
                process.kill()


async def test_tools_are_listed_before_the_server_is_imported_and_then_it_takes_over(tmp_path: Path) -> None:
    async with delayed(tmp_path) as server:
        listed = await server.list_tools()
        assert listed == {"tools": json.loads(ADVERTISED.read_text())["tools"]}
        await server.send(request(2, "tools/call", name="list_contacts", arguments={}), request(3, "tools/list"))
        await server.load(STRAY)
        later = {answer["id"]: answer["result"] for answer in [await server.receive(), await server.receive()]}
        assert later[2]["isError"]
        assert later[3] == listed
        assert await server.close() == 0
        assert {*(await server.errors()).splitlines()} == {"a stray print", "a stray write", "a stray child"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_during_the_import_ends_the_process_as_later(tmp_path: Path, number: signal.Signals) -> None:
    async with delayed(tmp_path) as server:
        await server.list_tools()
        assert await server.stop(number) == 128 + number
        assert await server.errors() == ""


async def test_the_modes_of_shared_descriptors_are_restored(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        async with delayed(tmp_path, stdin=theirs.fileno(), stdout=theirs.fileno()) as server:
            ours.sendall(json.dumps(initialize()[0]).encode() + b"\n")
            with anyio.fail_after(PATIENCE):
                await anyio.wait_readable(ours)
            assert not os.get_blocking(theirs.fileno())
            assert await server.stop(signal.SIGTERM) == 128 + signal.SIGTERM
            assert os.get_blocking(theirs.fileno())


async def test_an_import_that_fails_ends_with_its_traceback(tmp_path: Path) -> None:
    async with delayed(tmp_path) as server:
        await server.list_tools()
        await server.load(BROKEN)
        assert await server.wait() == 1
        errors = (await server.errors()).splitlines()
        assert errors[0] == "Traceback (most recent call last):"
        assert errors[-1] == "ImportError: this installation is broken"


async def test_input_that_ends_ends_the_process_before_the_import_does(tmp_path: Path) -> None:
    async with delayed(tmp_path) as server:
        await server.list_tools()
        assert await server.close() == 0
        assert await server.errors() == ""
        with pytest.raises(anyio.IncompleteRead):
            await server.receive()


@pytest.mark.slow
async def test_a_request_for_the_server_is_answered_although_the_input_has_ended(tmp_path: Path) -> None:
    async with delayed(tmp_path) as server:
        await server.list_tools()
        await server.send(request(2, "no/such/method"))
        assert server.process.stdin is not None
        await server.process.stdin.aclose()
        await server.load()
        assert (await server.receive())["error"]["code"] == -32601
        assert await server.wait() == 0


@pytest.mark.slow
async def test_a_client_that_does_not_read_any_more_is_left_without_an_error(tmp_path: Path) -> None:
    answers, stdout = os.pipe()
    async with delayed(tmp_path, stdout=stdout) as server:
        os.close(stdout)
        os.close(answers)
        await server.send(initialize()[0])
        await server.load()
        assert await server.wait() == 0
        assert await server.errors() == ""


@pytest.mark.slow
async def test_early_answers_can_be_switched_off(tmp_path: Path) -> None:
    async with delayed(tmp_path, TELECMI_EARLY_ANSWERS="off") as server:
        await server.list_tools()  # and nothing waits for the barrier
        assert await server.close() == 0


OURS = {"", "._cli", "._cli.open_files", "._cli.options", "._cli.server", "._cli.server.serve", "._config"}
OURS |= {"._mcp", "._mcp.revisions"}
OURS |= {"._config.secrets", "._config.variables", "._stdio", "._stdio.descriptors", "._stdio.early_responder"}
OURS |= {"._stdio.early_answers", "._stdio.known_messages", ".errors"}
SLOW = {"asyncio", "concurrent", "dataclasses", "email", "http", "importlib.metadata", "inspect", "logging", "socket"}
SLOW |= {"sqlite3", "ssl", "subprocess", "unittest", "uuid"}


async def test_before_the_first_answer_nothing_is_imported_that_it_does_not_need(tmp_path: Path) -> None:
    async with delayed(tmp_path, TELECMI_TOKEN="t", TELECMI_INDEX="disk") as server:
        await server.list_tools()
        await server.load(MODULES)
        assert await server.wait() == 7
        imported = set(json.loads(await server.errors()))
    assert {name.removeprefix("telecmi_mcp") for name in imported if name.startswith("telecmi_mcp")} == OURS
    tops = {name.split(".")[0] for name in imported}
    assert tops <= sys.stdlib_module_names | {"telecmi_mcp", "org"}  # posixpath asks for org.python on Jython
    assert not (imported | tops) & (SLOW - {"subprocess"})


LATE = {"sqlite3", "platformdirs", "encodings.idna", "concurrent.futures.thread", "telecmi_mcp._search"}
LATE |= {f"telecmi_mcp._index.{name}" for name in ("directory", "location", "sqlite_store", "sync")}
LATE |= {"telecmi_mcp._export", "telecmi_mcp._auth.login", "telecmi_mcp._auth.renewing_token"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "loaded"), [("list_contacts", set()), ("search_contacts", {"telecmi_mcp._index.directory", "sqlite3"})]
)
async def test_what_only_a_search_needs_is_imported_with_the_first_search(
    tmp_path: Path, tool: str, loaded: set[str]
) -> None:
    words = {"query": "anybody"} if tool == "search_contacts" else {}
    nowhere = "http://127.0.0.1:1"
    async with delayed(tmp_path, TELECMI_TOKEN="t", TELECMI_BASE_URL=nowhere, TELECMI_TIMEOUT="1") as server:
        await server.list_tools()
        await server.load(AT_THE_END)
        await server.send(request(2, "tools/call", name=tool, arguments=words))
        assert (await server.receive())["result"]["isError"]
        assert await server.close() == 0
        imported = set(json.loads((await server.errors()).splitlines()[-1]))
    assert loaded <= imported
    assert loaded or not imported & LATE
