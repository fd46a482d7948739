"""The pumps of the stdio transport on pipes of our own; the whole of it is tried in e2e/ with real processes."""

from __future__ import annotations

import os
import sys

import anyio
import pytest
from anyio.lowlevel import checkpoint
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse

from telecmi_mcp._stdio import MAX_DUE, _Wire

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its event loop does not wait for pipes")


async def test_a_server_owes_at_most_1024_answers() -> None:
    stdin, requests = os.pipe()
    answers, stdout = os.pipe()
    taken = 0

    async def take(wire: _Wire) -> None:
        nonlocal taken
        async with wire.from_client, wire.to_client:
            async for _ in wire.from_client:
                taken += 1

    async with anyio.create_task_group() as pumps:
        wire = _Wire((stdin, stdout), pumps)
        pumps.start_soon(take, wire)
        pumps.start_soon(wire.pump_in)
        pumps.start_soon(wire.pump_out)
        os.write(requests, b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"m"}\n' % number for number in range(1100)))
        with anyio.fail_after(30):
            while taken < MAX_DUE:
                await checkpoint()
            await anyio.wait_all_tasks_blocked()
            assert taken == MAX_DUE
            await wire.to_client.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=0, result={})))
            while taken < MAX_DUE + 1:
                await checkpoint()
            await anyio.wait_all_tasks_blocked()
            assert taken == MAX_DUE + 1
        pumps.cancel_scope.cancel()
    for fd in (stdin, requests, answers, stdout):
        os.close(fd)
