"""All faults in a row against the real server process: it answers each, stays small and lives on."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from faults import FAULTS
from faults.plays import CONTACT_ID, GOOD, TOKEN
from faults.server import FaultServer

if TYPE_CHECKING:
    from faults.fault import Fault

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc"),
]

_ENDLESS = 300
_MOST_GROWTH = 50 * 1024
_SECONDS = 2
_SECONDS_FOR_LARGE = 30  # a busy machine needs more than half of two seconds, and the hedge would hold a second body
_LARGE = {"gzip-bomb", "gzip-then-flood", "chunks-without-end", "body-without-end", "exactly-8-mib", "dense"}
_PLAYED = [
    fault
    for fault in FAULTS  # early bytes may come after the next request was sent, and then look like its answer
    if not (fault.deaf or fault.tls or fault.cancelled or fault.name.startswith("early-"))
]
_WARM_UP = 20


class _Host:
    """Speaks MCP to the server as JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout, self._pid = process.stdin, process.stdout, process.pid
        self._number = 0

    async def request(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        self._write(id=self._number, method=method, params=params)
        line = await self._stdout.readline()
        answer: dict[str, Any] = json.loads(line)
        assert answer["id"] == self._number
        assert TOKEN.encode() not in line
        result: dict[str, Any] = answer["result"]
        return result

    async def start(self) -> None:
        client = {"name": "test", "version": "1"}
        await self.request("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        self._write(method="notifications/initialized")

    async def call(self, fault: Fault | None = None) -> dict[str, Any]:
        if fault is not None and fault.contact_id:
            return await self.request("tools/call", name="get_contact", arguments={"contact_id": CONTACT_ID})
        arguments = {"page_state": fault.page_state} if fault is not None and fault.page_state else {}
        return await self.request("tools/call", name="list_contacts", arguments=arguments)

    def kibibytes(self, name: str) -> int:
        """VmRSS is what it occupies, VmHWM the most that it ever did."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0])

    def close(self) -> None:
        self._stdin.close()

    def _write(self, **message: object) -> None:
        self._stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


@pytest.mark.parametrize(
    ("seconds", "are_large"), [(_SECONDS, False), (_SECONDS_FOR_LARGE, True)], ids=["small", "large"]
)
async def test_all_faults_in_a_row_cost_less_than_50_mb_and_the_next_call_works(
    seconds: int, *, are_large: bool
) -> None:
    server = FaultServer((GOOD,), elsewhere="http://127.0.0.1:1")
    await server.listen()
    process = await _start(server.url, seconds)
    try:
        with anyio.fail_after(_ENDLESS):
            host = _Host(process)
            await host.start()
            await _play_all(host, server, [fault for fault in _PLAYED if (fault.name in _LARGE) is are_large])
            host.close()
            _, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await server.close()
    assert process.returncode == 0
    assert TOKEN.encode() not in err
    assert b"Traceback" not in err


async def _play_all(host: _Host, server: FaultServer, faults: list[Fault]) -> None:
    assert len(faults) >= len(_LARGE)
    for _ in range(_WARM_UP):
        await host.call()
    before = host.kibibytes("VmRSS")
    for fault in faults:
        server.play(*fault.script)
        answer = await host.call(fault)
        assert "maintainers" not in answer["content"][0]["text"], fault.name
        server.play(GOOD)
        for _ in range(_WARM_UP):  # they fill the retry budget again, so that faults are tried as often as they may be
            good = await host.call()
            assert good["structuredContent"]["contacts"], f"the call after {fault.name}"
    grown = host.kibibytes("VmRSS") - before
    print(f"grew by {grown} KiB, at most by {host.kibibytes('VmHWM') - before} KiB")  # noqa: T201 - shown with -s
    assert grown < _MOST_GROWTH
    assert host.kibibytes("VmHWM") - before < _MOST_GROWTH, "not even for a moment"


async def _start(url: str, seconds: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "telecmi_mcp",
        env={
            "PYTHONPATH": ":".join(filter(None, sys.path)),
            "TELECMI_BASE_URL": url,
            "TELECMI_LOG_LEVEL": "DEBUG",
            "TELECMI_RATE_LIMIT": "0",
            "TELECMI_TIMEOUT": str(seconds),
            "TELECMI_TOKEN": TOKEN,
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
