"""Writes telecmi_mcp/_stdio/prepared_answers.json, what the server says through the SDK: ``python tests/early.py``."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

import telecmi_mcp
from e2e.lines import MODERN, initialize, request
from telecmi_mcp import Settings, create_server, open_app
from telecmi_mcp._stdio.framing import read_message, write_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

PREPARED = Path(telecmi_mcp.__file__).parent / "_stdio" / "prepared_answers.json"

_HANDSHAKE = ("initialize", "ping", "tools/list")
_STATELESS = ("server/discover", "tools/list")


@asynccontextmanager
async def sdk(*, structured: bool = True) -> AsyncIterator[Any]:
    """Open the server in memory; what is yielded takes a line and returns the line that answers it, if one does."""
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    server = create_server(lambda: open_app(Settings()), structured=structured)

    async def ask(line: bytes) -> bytes:
        message = read_message(line)
        await to_server.send(SessionMessage(message))
        if not hasattr(message, "id"):
            return b""
        with anyio.fail_after(30):
            answer = (await from_server.receive()).message
        assert isinstance(answer, JSONRPCResponse | JSONRPCError)
        return write_message(answer)

    async with anyio.create_task_group() as tasks, to_server, from_server:
        tasks.start_soon(server.run, from_client, to_client, server.create_initialization_options())
        yield ask
        tasks.cancel_scope.cancel()


async def prepared() -> dict[str, Any]:
    """Ask for all that is prepared."""
    results = {}
    for name in HANDSHAKE_PROTOCOL_VERSIONS:
        hello, done = initialize(name)
        messages = [hello, done, *(request(number, method) for number, method in enumerate(_HANDSHAKE[1:], 1))]
        results[name] = dict(zip(_HANDSHAKE, await _results(messages), strict=True))
    for name in MODERN_PROTOCOL_VERSIONS:
        envelope = {"_meta": {**MODERN["_meta"], "io.modelcontextprotocol/protocolVersion": name}}
        messages = [request(number, method, **envelope) for number, method in enumerate(_STATELESS)]
        results[name] = dict(zip(_STATELESS, await _results(messages), strict=True))
    return {"telecmi-mcp": telecmi_mcp.__version__, "mcp": [version("mcp")], "results": results}


async def _results(messages: Iterable[dict[str, Any]]) -> list[Any]:
    async with sdk() as ask:
        answers = [await ask(json.dumps(message).encode()) for message in messages]
    return [json.loads(answer)["result"] for answer in answers if answer]


def write(facts: dict[str, Any]) -> str:
    """Return the file's text."""
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PREPARED.write_text(write(anyio.run(prepared)), encoding="utf8")
